import { writeFileSync } from "node:fs";
import { constants, getPriority, setPriority } from "node:os";
import { type NativeCalls, Scheduling } from "./native.ts";

let spared = false;

/**
 * Makes us the process that the host can best do without, and keeps others of this user out of our memory, which is about
 * to hold the target's. Once for this process; the kernel may refuse either (a read-only /proc), which is no reason to give up.
 */
export function spareHost(native: NativeCalls | undefined): void {
  if (spared) return;
  spared = true;
  try {
    // First: a process that is not dumpable does not own its files in /proc.
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {}
  native?.setDumpable(false);
}

/**
 * Runs `body` with this thread put before all others, where we may (root, RLIMIT_RTPRIO, RLIMIT_NICE). For the time that a target waits
 * for it: on a busy host a stop would otherwise last as long as the queue for the processors.
 */
export function hurry<T>(native: NativeCalls | undefined, body: () => T): T {
  // A nice value counts within a session or cgroup only. Whoever runs us under another policy has a reason.
  const usual = native?.scheduling() === Scheduling.other ? native : undefined;
  if (usual !== undefined && usual.setScheduling(Scheduling.roundRobin, 1) >= 0) {
    try {
      return body();
    } finally {
      usual.setScheduling(Scheduling.other, 0);
    }
  }
  return withNiceness(constants.priority.PRIORITY_HIGHEST, body);
}

function withNiceness<T>(niceness: number, body: () => T): T {
  // Per thread on Linux, whatever POSIX says (setpriority(2)); 0 is the calling thread.
  const usual = getPriority(0);
  try {
    setPriority(0, niceness);
  } catch {
    return body();
  }
  try {
    return body();
  } finally {
    setPriority(0, usual);
  }
}
