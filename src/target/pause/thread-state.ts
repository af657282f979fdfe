import { readdirSync, statSync } from "node:fs";
import type { Failure } from "../../base/result.ts";
import { readOptionalFile } from "../proc/proc-file.ts";
import { parseStat } from "../proc/stat.ts";
import { threadName } from "../proc/tasks.ts";
import { STOP_LIMIT_MILLISECONDS } from "./stopped-process.ts";

/** A directory has two links of its own; /proc/PID/task adds one for each thread (fs/proc/base.c, proc_task_getattr). */
const DIRECTORY_LINKS = 2;

/** Kernel ids of the threads of `pid` in the kernel's order, as text; undefined when the process is gone. */
export function threadIds(pid: number): readonly string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return undefined;
  }
}

/**
 * Number of threads by the kernel's own count, or undefined when the process is gone.
 * A listing is shorter when a thread ended while it was being made: the kernel then loses its place.
 */
export function threadCount(pid: number): number | undefined {
  const links = statSync(`/proc/${pid}/task`, { throwIfNoEntry: false })?.nlink;
  return links === undefined ? undefined : links - DIRECTORY_LINKS;
}

/** State letter of a thread as in /proc/PID/task/TID/stat, or undefined when it is gone. */
export function threadState(pid: number, tid: number | string): string | undefined {
  const text = readOptionalFile(`/proc/${pid}/task/${tid}/stat`);
  return text === undefined ? undefined : parseStat(text)?.state;
}

/** True for a thread that has ended: a zombie that waits to be collected, or one that is being removed. */
export function hasEnded(state: string | undefined): boolean {
  return state === undefined || state === "Z" || state === "X";
}

/**
 * Waits until no thread is in an uninterruptible wait (state D), since such a thread would keep all others stopped for nothing.
 * @param wait lets about a millisecond go by
 * @returns the thread that stayed in one for `STOP_LIMIT_MILLISECONDS`, or undefined when there is none (any more)
 */
export function findUninterruptibleThread(pid: number, wait: () => void): number | undefined {
  const giveUpAt = performance.now() + STOP_LIMIT_MILLISECONDS;
  for (const tid of threadIds(pid) ?? []) {
    while (threadState(pid, tid) === "D") {
      if (performance.now() >= giveUpAt) return Number(tid);
      wait();
    }
  }
  return undefined;
}

/** The failure of a process one of whose threads does not stop: names the thread and what it waits for. */
export function explainUnstoppable(pid: number, tid: number): Failure {
  const state = threadState(pid, tid) ?? "?";
  const wait = readOptionalFile(`/proc/${pid}/task/${tid}/wchan`) ?? "";
  const where = wait === "" || wait === "0" ? "" : `, in ${wait}`;
  const subject = `Thread ${tid} "${threadName(pid, tid)}" of process ${pid}`;
  const sentence = `${subject} did not stop within ${STOP_LIMIT_MILLISECONDS} ms (state ${state}${where}); no thread was left stopped.`;
  return { code: "limit", sentence, hint: hintFor(state), transient: state === "R" };
}

function hintFor(state: string): string {
  if (state === "D")
    return "It is in an uninterruptible wait (disk, network file system, vfork) or its cgroup is frozen: try again when that is over.";
  if (state === "R")
    return "It is not given processor time: the machine is overloaded, or a CPU limit of its cgroup throttles it. Try again.";
  return "Its cgroup may be frozen: try again when that is over.";
}
