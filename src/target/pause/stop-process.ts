import { type Failure, fail, type Result, succeed } from "../../base/result.ts";
import { loadNative, type NativeCalls } from "../native.ts";
import { readStat } from "../proc/stat.ts";
import { lingeringTracees } from "./lingering.ts";
import { stopByPtrace } from "./ptrace-stop.ts";
import { explainRefusal, explainUntraceable } from "./refusal.ts";
import { stopBySignal } from "./signal-stop.ts";
import { sleepMilliseconds } from "./sleep.ts";
import type { StopOptions, StoppedProcess } from "./stopped-process.ts";
import { explainUnstoppable, findUninterruptibleThread } from "./thread-state.ts";

/**
 * Stops every thread of process `pid` and leaves it standing until `resume` is called.
 *
 * By ptrace, which the process cannot notice (a few system calls that the kernel never restarts answer EINTR; signal(7)); by SIGSTOP
 * only where ptrace is impossible and the options allow it. No thread that sits in an uninterruptible wait is waited for in the stop.
 *
 * Between this call and `resume` the event loop must not run when the process is a child of this one (libuv collects children).
 * The kernel ends this process when it has not resumed the target five seconds after the deadline.
 *
 * Fails, with every thread running on as before, with `no-such-process`, `not-cpython` (a kernel thread), `not-permitted`
 * (the sentence says which rule refuses) or `limit` (a thread that does not stop within 200 ms, or the deadline).
 */
export function stopProcess(pid: number, options: StopOptions): Result<StoppedProcess> {
  const untraceable = explainUntraceable(pid);
  if (untraceable !== undefined) return refuse(untraceable);
  const native = loadNative();
  const uninterruptible = findUninterruptibleThread(pid, () => waitOnce(native));
  if (uninterruptible !== undefined) return refuse(explainUnstoppable(pid, uninterruptible));

  if (native === undefined) {
    return options.allowSigstop ? stopBySignal(pid, options.deadline) : withSigstopHint(MISSING_NATIVE);
  }
  const stat = readStat(pid);
  if (!stat.ok) return stat;
  const outcome = stopByPtrace(native, pid, stat.value.parentPid === process.pid, options);
  if ("stopped" in outcome) return succeed(outcome.stopped);
  if (outcome.kind === "failed") return refuse(outcome.failure);

  const untraceableThread = explainUntraceable(pid, outcome.tid);
  if (untraceableThread !== undefined) return refuse(untraceableThread);
  return options.allowSigstop ? stopBySignal(pid, options.deadline) : withSigstopHint(explainRefusal(pid));
}

/** A thread in execve waits for us if it finds one that an earlier attempt could not let go. */
function waitOnce(native: NativeCalls | undefined): void {
  if (native !== undefined) lingeringTracees.settle(native, 0);
  sleepMilliseconds(1);
}

const MISSING_NATIVE: Failure = {
  code: "not-permitted",
  sentence:
    "Stopping a process needs ptrace, and the optional package koffi that calls it is not installed or does not run here.",
  hint: "Install koffi (npm install koffi).",
};

function refuse(failure: Failure): Result<never> {
  return { ok: false, failure };
}

function withSigstopHint({ code, sentence, hint }: Failure): Result<never> {
  const other =
    "Or use --allow-sigstop: it stops the process by a signal, which its parent sees and which outlives us if we and our guard are killed.";
  return fail(code, sentence, hint === undefined ? other : `${hint} ${other}`);
}
