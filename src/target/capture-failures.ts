import type { Failure, Result } from "../base/result.ts";
import { MIB } from "../base/units.ts";

/** The process ended while it was looked at. */
export function goneFailure(pid: number): Failure {
  return { code: "no-such-process", sentence: `Process ${pid} ended while it was being captured.` };
}

/** The process called exec: what was learned of it before is about another program. */
export function otherProgramFailure(pid: number): Failure {
  return {
    code: "failed",
    sentence: `Process ${pid} began to run another program (exec) while it was being captured.`,
    hint: "Run it again once the process has settled.",
  };
}

/** More was mapped between plan and stop than the plan had in reserve. */
export function grownFailure(pid: number): Failure {
  return {
    code: "limit",
    sentence: `Process ${pid} grows faster than its image can be prepared.`,
    hint: "Run it again when the process is less busy.",
  };
}

export function lateFailure(pid: number, bytes: number, budgetMilliseconds: number): Failure {
  return {
    code: "limit",
    sentence: `Copying ${mebibytes(bytes)} of process ${pid} took longer than the ${Math.floor(budgetMilliseconds)} ms that it may be stopped for; it runs again.`,
    hint: `Allow more with --max-pause ${Math.ceil(budgetMilliseconds / 500) * 1000}.`,
  };
}

/** Said before the process was stopped at all. */
export function predictedFailure(pid: number, bytes: number, predictedMilliseconds: number, leftMilliseconds: number): Failure {
  return {
    code: "limit",
    sentence: `Copying ${mebibytes(bytes)} would stop process ${pid} for about ${Math.ceil(predictedMilliseconds)} ms, and ${Math.floor(leftMilliseconds)} ms are allowed; it was not stopped for it.`,
    hint: `Allow more with --max-pause ${Math.ceil((predictedMilliseconds * 1.5) / 100) * 100}.`,
  };
}

/** The address space is so large that looking through its page table alone takes longer than the pause. */
export function scanFailure(pid: number, leftMilliseconds: number): Failure {
  return {
    code: "limit",
    sentence: `Finding the pages of process ${pid} takes longer than the ${Math.floor(leftMilliseconds)} ms that it may be stopped for; it was not stopped for it.`,
    hint: "Allow more with --max-pause; Linux 6.7 and later find pages faster, with the optional package koffi.",
  };
}

export function addressSpaceFailure(bytes: number): Failure {
  return {
    code: "limit",
    sentence: `The system does not grant ${mebibytes(bytes)} of address space for the image and its tables.`,
    hint: "Raise ulimit -v, or set vm.overcommit_memory to 0.",
  };
}

/** The kernel had less memory than it promised. */
export function outOfMemoryFailure(bytes: number): Failure {
  return {
    code: "limit",
    sentence: `The system has no memory left for an image of ${mebibytes(bytes)}.`,
    hint: "Lower --max-memory, so that the image goes to disk.",
  };
}

export function refuse(failure: Failure): Result<never> {
  return { ok: false, failure };
}

/** Such as `1,024 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB).toLocaleString("en-US")} MiB`;
}
