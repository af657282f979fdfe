import { writeFileSync } from "node:fs";
import type { NativeCalls } from "./native.ts";

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
