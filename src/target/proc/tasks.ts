import { readdirSync } from "node:fs";
import { type Result, succeed } from "../../base/result.ts";
import { explainProcError, readOptionalFile } from "./proc-file.ts";

/** Kernel ids of a process's threads, the main thread's (its PID) first. */
export function listThreads(pid: number): Result<number[]> {
  try {
    return succeed(
      readdirSync(`/proc/${pid}/task`)
        .map(Number)
        .sort((a, b) => Number(b === pid) - Number(a === pid) || a - b),
    );
  } catch (error) {
    return explainProcError(pid, "task", error);
  }
}

/** A thread's comm without the final newline, empty when it is gone; hostile text. */
export function threadName(pid: number, tid: number): string {
  return (readOptionalFile(`/proc/${pid}/task/${tid}/comm`) ?? "").replace(/\n$/, "");
}

/** Where a thread is in the kernel, by /proc/PID/task/TID/syscall; undefined while it runs in user mode or when refused. */
export function threadRegisters(pid: number, tid: number): { stackPointer: number; instructionPointer: number } | undefined {
  const text = readOptionalFile(`/proc/${pid}/task/${tid}/syscall`);
  return text === undefined ? undefined : parseSyscall(text);
}

/** The last two fields are stack and instruction pointer, both for `NR args… SP PC` and for `-1 SP PC`. */
export function parseSyscall(text: string): { stackPointer: number; instructionPointer: number } | undefined {
  const fields = text.trim().split(" ");
  if (fields.length < 3) return undefined;
  const stackPointer = Number(fields.at(-2));
  const instructionPointer = Number(fields.at(-1));
  return Number.isSafeInteger(stackPointer) && Number.isSafeInteger(instructionPointer)
    ? { stackPointer, instructionPointer }
    : undefined;
}
