import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { KernelThread } from "../../../target/process-image.ts";
import type { Layout } from "../layouts/layout.ts";
import { firstThread } from "../locate/interpreters.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { FrameReader, type PythonFrame } from "./frames.ts";

const MAX_THREADS = 100_000;

/** A thread that runs, or may run, Python: a `PyThreadState`. */
export interface PythonThread {
  /** Address of the thread state. */
  readonly address: number;
  /** Index of its interpreter. */
  readonly interpreter: number;
  /** Kernel thread id; undefined when it could not be matched. */
  readonly tid: number | undefined;
  /** threading.get_ident(): with glibc and musl the address of the thread's control block. */
  readonly ident: number;
  /** Innermost first; empty when it is in no Python function. */
  readonly frames: readonly PythonFrame[];
}

/** All thread states of all interpreters with their Python stacks, newest first in each interpreter. */
export function readThreads(
  runtime: PythonRuntime,
  reader: MemoryReader,
  kernelThreads: readonly KernelThread[],
): PythonThread[] {
  const { layout } = runtime;
  const frames = new FrameReader(reader, layout, runtime.symbol("PyCode_Type"));
  const threads: PythonThread[] = [];
  for (const [interpreter, { address: interpreterAddress }] of runtime.interpreters.entries()) {
    for (const address of threadStates(reader, layout, interpreterAddress)) {
      const ident = reader.u64(address + layout.offset("PyThreadState", "thread_id"));
      const tid = kernelThreadId(reader, layout, address, ident, kernelThreads);
      threads.push({ address, interpreter, tid, ident, frames: frames.stackOf(address) });
    }
  }
  return withLastOneMatched(threads, kernelThreads);
}

/** Addresses of an interpreter's thread states; stops at one that does not belong to the interpreter. */
export function threadStates(reader: MemoryReader, layout: Layout, interpreter: number): number[] {
  const seen = new Set<number>();
  const next = layout.offset("PyThreadState", "next");
  const owner = layout.offset("PyThreadState", "interp");
  for (
    let address = firstThread(reader, layout, interpreter);
    address !== 0 && !seen.has(address);
    address = reader.u64(address + next)
  ) {
    if (seen.size >= MAX_THREADS || reader.u64(address + owner) !== interpreter) break;
    seen.add(address);
  }
  return [...seen];
}

/**
 * By the thread's control block, where registers were read; that holds in a container too. Else by what the interpreter noted
 * (3.11 and later), which is an id of the container's.
 */
function kernelThreadId(
  reader: MemoryReader,
  layout: Layout,
  threadState: number,
  ident: number,
  kernelThreads: readonly KernelThread[],
): number | undefined {
  const byPointer = kernelThreads.find((thread) => thread.threadPointer !== undefined && thread.threadPointer === ident);
  if (byPointer !== undefined) return byPointer.tid;
  if (!layout.has("PyThreadState", "native_thread_id")) return undefined;
  const noted = reader.u64(threadState + layout.offset("PyThreadState", "native_thread_id"));
  return kernelThreads.find((thread) => thread.tid === noted)?.tid;
}

/** When one thread is left on either side, they are the same; so a process with one thread needs no registers. */
function withLastOneMatched(threads: readonly PythonThread[], kernelThreads: readonly KernelThread[]): PythonThread[] {
  const matched = new Set(threads.map((thread) => thread.tid));
  const left = kernelThreads.filter((thread) => !matched.has(thread.tid));
  const unmatched = threads.filter((thread) => thread.tid === undefined);
  if (left.length !== 1 || unmatched.length !== 1) return [...threads];
  return threads.map((thread) => (thread.tid === undefined ? { ...thread, tid: left[0].tid } : thread));
}
