import type { Failure } from "../../base/result.ts";
import type { NativeCalls } from "../native.ts";
import { execWatch } from "./exec-watch.ts";
import { lingeringTracees } from "./lingering.ts";
import { monotonicMilliseconds, sleepMilliseconds } from "./sleep.ts";
import {
  STOP_LIMIT_MILLISECONDS,
  type StopMethod,
  type StopOptions,
  type StoppedProcess,
  type StoppedThread,
} from "./stopped-process.ts";
import { explainUnstoppable, threadCount, threadIds } from "./thread-state.ts";
import { Tracees } from "./tracees.ts";

/** A thread in user mode stops within microseconds; this is how often the others are looked at. */
const LOOK_MILLISECONDS = 0.05;
/** When a thread has not stopped by then, /proc is asked what became of it. */
const REVIEW_MILLISECONDS = 5;
/** Serves where the kernel's count cannot be had: a listing is hardly ever cut short, and never twice at the same place. */
const ENOUGH_QUIET_PASSES = 3;
/** How long to wait, out of the event loop, for what is left of a process that was killed. */
const COLLECT_MILLISECONDS = 50;
/** For all threads together; 10,000 take about 200 ms. */
const HALT_LIMIT_MILLISECONDS = 1000;
/** Past this, a system call must be hanging. */
const HALT_ALARM_SECONDS = 2;
/** Beyond the deadline by this much, something holds us up in the stop. */
const HOLD_ALARM_SECONDS = 5;
/** Bounds a deadline that is none. */
const LONGEST_HOLD_MILLISECONDS = 86_400_000;

/** Why a process was not stopped; `refused` when the kernel does not let us trace thread `tid`. */
export type PtraceFailure =
  | { readonly kind: "refused"; readonly tid: number }
  | { readonly kind: "failed"; readonly failure: Failure };

/**
 * Starts what stopping `pid` needs beside this thread, which takes another processor about 50 ms. `stopByPtrace` does it too; called
 * early, it is over before the stop.
 */
export function prepareToStop(pid: number): void {
  // Only a process with several threads can wait for us in execve.
  if ((threadCount(pid) ?? 0) > 1) execWatch.start();
}

/**
 * Stops every thread of `pid` by PTRACE_SEIZE and PTRACE_INTERRUPT, threads that appear meanwhile included.
 *
 * Nothing is written into the process and no signal is sent to it; its parent sees nothing. When it fails, all threads
 * have been let go. O(threads), about 20 µs a thread.
 */
export function stopByPtrace(
  native: NativeCalls,
  pid: number,
  childOfOurs: boolean,
  options: StopOptions,
): { readonly stopped: StoppedProcess } | PtraceFailure {
  prepareToStop(pid);
  // A dead man's switch: should a system call hang all the same, the kernel ends us, and a tracer's end lets its tracees go.
  native.alarm(HALT_ALARM_SECONDS);
  const requestedAtMilliseconds = monotonicMilliseconds();
  const tracees = new Tracees(native, pid, childOfOurs);
  let outcome: { readonly stopped: StoppedProcess } | PtraceFailure | undefined;
  execWatch.begin(pid);
  try {
    const failure = stopAll(tracees, options);
    outcome = failure ?? { stopped: new PtraceStop(native, tracees, requestedAtMilliseconds) };
    return outcome;
  } finally {
    execWatch.end();
    if (outcome !== undefined && "stopped" in outcome) armForHold(native, options.deadline());
    else letGo(native, tracees);
  }
}

function armForHold(native: NativeCalls, remainingMilliseconds: number): void {
  const milliseconds = Math.min(Math.max(remainingMilliseconds, 0), LONGEST_HOLD_MILLISECONDS);
  native.alarm(HOLD_ALARM_SECONDS + Math.ceil(milliseconds / 1000));
}

/** What cannot be let go yet is waited for, but not for long; after that the event loop looks after it. */
function letGo(native: NativeCalls, tracees: Tracees): void {
  const left = tracees.release();
  native.alarm(0);
  if (left > 0) lingeringTracees.settle(native, COLLECT_MILLISECONDS);
}

/** Seizes and collects until a look at the thread list finds nobody new and nobody running. */
function stopAll(tracees: Tracees, options: StopOptions): PtraceFailure | undefined {
  const { pid } = tracees;
  const haltBy = performance.now() + HALT_LIMIT_MILLISECONDS;
  let quietPasses = 0;
  for (;;) {
    const listed = threadIds(pid);
    if (listed === undefined) return ended(pid);
    let seized = 0;
    for (const name of listed) {
      const tid = Number(name);
      if (tracees.knows(tid)) continue;
      const result = tracees.seize(tid);
      if (result === "refused") return { kind: "refused", tid };
      if (result === "seized") seized++;
    }
    const late = awaitStops(tracees, options.deadline);
    if (late !== undefined) return late;
    const isQuiet = seized === 0 && !tracees.changed;
    quietPasses = isQuiet ? quietPasses + 1 : 0;
    // Nobody runs and nobody was new: nobody can have been born since, unless the listing was cut short.
    if (isQuiet && (listed.length === threadCount(pid) || quietPasses === ENOUGH_QUIET_PASSES)) break;
    if (tracees.changed) tracees.lookAgain();
    if (performance.now() >= haltBy) return tooManyNew(pid);
  }
  const stopped = tracees.stoppedThreads();
  if (stopped.length === 0) return ended(pid);
  return stopped.some(({ tid }) => tid === pid) ? undefined : mainThreadEnded(pid);
}

function awaitStops(tracees: Tracees, deadline: () => number): PtraceFailure | undefined {
  const giveUpAt = performance.now() + STOP_LIMIT_MILLISECONDS;
  let reviewAt = performance.now() + REVIEW_MILLISECONDS;
  while (tracees.collect() > 0) {
    const now = performance.now();
    if (now >= reviewAt) {
      tracees.review();
      reviewAt = now + REVIEW_MILLISECONDS;
    }
    const tid = tracees.firstPending;
    if (tid === undefined) return undefined;
    if (now >= giveUpAt) return { kind: "failed", failure: explainUnstoppable(tracees.pid, tid) };
    if (deadline() <= 0) return outOfTime(tracees.pid);
    sleepMilliseconds(LOOK_MILLISECONDS);
  }
  return undefined;
}

function ended(pid: number): PtraceFailure {
  return { kind: "failed", failure: { code: "no-such-process", sentence: `Process ${pid} ended while it was being stopped.` } };
}

function mainThreadEnded(pid: number): PtraceFailure {
  const sentence = `The main thread of process ${pid} has ended, and with it access to the process's memory; all others were let go.`;
  return { kind: "failed", failure: { code: "no-such-process", sentence } };
}

function tooManyNew(pid: number): PtraceFailure {
  const sentence = `Process ${pid} starts threads faster than they could be stopped; after ${HALT_LIMIT_MILLISECONDS} ms all were let go.`;
  return { kind: "failed", failure: { code: "limit", sentence, hint: "Try again.", transient: true } };
}

function outOfTime(pid: number): PtraceFailure {
  const sentence = `The pause ran out of time before every thread of process ${pid} had stopped; all were let go.`;
  return { kind: "failed", failure: { code: "limit", sentence, hint: "Raise --max-pause." } };
}

class PtraceStop implements StoppedProcess {
  readonly method: StopMethod;
  readonly threads: readonly StoppedThread[];
  private readonly sentinel: number;
  private died = false;
  private released = false;

  constructor(
    private readonly native: NativeCalls,
    private readonly tracees: Tracees,
    readonly requestedAtMilliseconds: number,
  ) {
    this.method = tracees.groupStopped ? "already-stopped" : "ptrace";
    this.threads = tracees.stoppedThreads();
    this.sentinel = this.threads[0].tid;
  }

  alive(): boolean {
    if (this.released) return !this.died;
    // Threads that stand still end only all together, so one speaks for all.
    if (this.native.ptraceIsStopped(this.sentinel)) return true;
    this.resume();
    return false;
  }

  resume(): { readonly died: boolean } {
    if (!this.released) {
      this.released = true;
      this.died = !this.native.ptraceIsStopped(this.sentinel);
      letGo(this.native, this.tracees);
    }
    return { died: this.died };
  }
}
