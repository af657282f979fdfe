import { type Failure, type Result, succeed } from "../../base/result.ts";
import { errorCode } from "../proc/proc-file.ts";
import { readStat } from "../proc/stat.ts";
import { threadRegisters } from "../proc/tasks.ts";
import { type Guard, startGuard } from "./guard.ts";
import { monotonicMilliseconds, sleepMilliseconds } from "./sleep.ts";
import { STOP_LIMIT_MILLISECONDS, type StopMethod, type StoppedProcess, type StoppedThread } from "./stopped-process.ts";
import { explainUnstoppable, hasEnded, threadCount, threadIds, threadState } from "./thread-state.ts";

/** A process for good: a PID alone may be given to another one. */
interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

/**
 * Stops `pid` by SIGSTOP, for where ptrace is impossible. A guard process is on duty first. The parent of the target is told
 * (SIGCHLD, waitpid with WUNTRACED); registers are known only as far as /proc/PID/task/TID/syscall may be read.
 * A process that is found stopped is left so, without guard or signal.
 */
export function stopBySignal(pid: number, deadline: () => number): Result<StoppedProcess> {
  const stat = readStat(pid);
  if (!stat.ok) return stat;
  const identity = { pid, startTicks: stat.value.startTicks };
  if (stat.value.state === "T") return completeStop(identity, undefined, monotonicMilliseconds(), deadline);
  const guard = startGuard(pid, identity.startTicks);
  if (!guard.ok) return guard;
  const requestedAtMilliseconds = monotonicMilliseconds();
  const failure = sendSignal(identity, "SIGSTOP");
  if (failure === undefined) return completeStop(identity, guard.value, requestedAtMilliseconds, deadline);
  guard.value.dismiss();
  return { ok: false, failure };
}

/** @param guard undefined for a process that was found stopped */
function completeStop(
  identity: ProcessIdentity,
  guard: Guard | undefined,
  requestedAtMilliseconds: number,
  deadline: () => number,
): Result<StoppedProcess> {
  const { pid } = identity;
  const running = awaitStopped(pid, deadline);
  const stopped = new SignalStop(identity, guard, requestedAtMilliseconds);
  if (running === undefined && stopped.alive()) return succeed(stopped);
  const failure = running === undefined ? endedFailure(pid) : explainUnstoppable(pid, running);
  stopped.resume();
  return { ok: false, failure };
}

/** Waits until every thread has stopped or ended; returns one that still runs when time is up. */
function awaitStopped(pid: number, deadline: () => number): number | undefined {
  const giveUpAt = performance.now() + STOP_LIMIT_MILLISECONDS;
  for (;;) {
    const listed = threadIds(pid) ?? [];
    const running = listed.find((tid) => {
      const state = threadState(pid, tid);
      return state !== "T" && !hasEnded(state);
    });
    if (running === undefined && listed.length === (threadCount(pid) ?? 0)) return undefined;
    if (performance.now() >= giveUpAt || deadline() <= 0) return Number(running ?? pid);
    sleepMilliseconds(0.5);
  }
}

/** @returns why the signal could not be sent */
function sendSignal({ pid, startTicks }: ProcessIdentity, signal: NodeJS.Signals): Failure | undefined {
  const stat = readStat(pid);
  if (!stat.ok || stat.value.startTicks !== startTicks) return endedFailure(pid);
  try {
    process.kill(pid, signal);
    return undefined;
  } catch (error) {
    if (errorCode(error) !== "EPERM") return endedFailure(pid);
    return {
      code: "not-permitted",
      sentence: `This user may neither trace process ${pid} nor send it signals.`,
      hint: "Run as the process's user or as root.",
    };
  }
}

function endedFailure(pid: number): Failure {
  return { code: "no-such-process", sentence: `Process ${pid} ended while it was being stopped.` };
}

class SignalStop implements StoppedProcess {
  readonly method: StopMethod;
  readonly threads: readonly StoppedThread[];
  private outcome: { readonly died: boolean } | undefined;

  constructor(
    private readonly identity: ProcessIdentity,
    private readonly guard: Guard | undefined,
    readonly requestedAtMilliseconds: number,
  ) {
    this.method = guard === undefined ? "already-stopped" : "sigstop";
    this.threads = liveThreads(identity.pid);
  }

  alive(): boolean {
    const stat = readStat(this.identity.pid);
    return stat.ok && stat.value.startTicks === this.identity.startTicks && !hasEnded(stat.value.state);
  }

  resume(): { readonly died: boolean } {
    if (this.outcome === undefined) {
      this.outcome = { died: !this.alive() };
      // Without a guard it was found stopped, and stays so.
      if (this.guard !== undefined) sendSignal(this.identity, "SIGCONT");
      this.guard?.dismiss();
    }
    return this.outcome;
  }
}

function liveThreads(pid: number): readonly StoppedThread[] {
  return (threadIds(pid) ?? [])
    .filter((tid) => !hasEnded(threadState(pid, tid)))
    .map((tid) => ({ tid: Number(tid), ...threadRegisters(pid, Number(tid)) }));
}
