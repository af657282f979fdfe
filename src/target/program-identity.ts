import { readlinkSync } from "node:fs";
import { type Result, succeed } from "../base/result.ts";
import { explainProcError } from "./proc/proc-file.ts";
import { readStat } from "./proc/stat.ts";

/** What stays the same as long as a PID is the same process and runs the same program. */
export interface ProgramIdentity {
  readonly startTicks: number;
  /** Address of the bottom of the stack: exec draws a new one. */
  readonly startStack: number;
  readonly executable: string;
}

/** Fails as the kernel does for /proc/PID/exe, which takes the same permission as reading memory. */
export function readProgramIdentity(pid: number): Result<ProgramIdentity> {
  const stat = readStat(pid);
  if (!stat.ok) return stat;
  try {
    const executable = readlinkSync(`/proc/${pid}/exe`);
    return succeed({ startTicks: stat.value.startTicks, startStack: stat.value.startStack, executable });
  } catch (error) {
    return explainProcError(pid, "exe", error);
  }
}

export function isSameProgram(left: ProgramIdentity, right: ProgramIdentity): boolean {
  return left.startTicks === right.startTicks && left.startStack === right.startStack && left.executable === right.executable;
}
