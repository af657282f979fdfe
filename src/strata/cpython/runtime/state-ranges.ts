import { USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonModule, PythonRuntime } from "../locate/python-runtime.ts";
import { threadStates } from "./threads.ts";

const MAX_STACK_CHUNKS = 100_000;
const MAX_CHUNK_BYTES = 2 ** 30;
const MAX_HASHTABLE_ENTRIES = 2 ** 22;

/** Memory outside the module that the runtime itself uses; `what` is for people. */
export interface RuntimeRange {
  readonly start: number;
  readonly end: number;
  readonly what: string;
}

/**
 * Structures of the runtime that lie in memory from malloc or mmap: states of interpreters and threads, the stacks that Python
 * frames lie on (3.11 and later, mapped for each thread), the table of static interned strings (3.12 and later).
 */
export function runtimeRanges(runtime: PythonRuntime, reader: MemoryReader): RuntimeRange[] {
  const { layout, module, interpreters } = runtime;
  const ranges: RuntimeRange[] = [];
  for (const { address } of interpreters) {
    addUnlessStatic(ranges, module, address, layout.size("PyInterpreterState"), "interpreter state");
    for (const thread of threadStates(reader, layout, address)) {
      const embedded = thread >= address && thread < address + layout.size("PyInterpreterState");
      if (!embedded) addUnlessStatic(ranges, module, thread, layout.size("PyThreadState"), "thread state");
      addFrameStack(ranges, reader, layout, thread);
    }
  }
  addInternedTable(ranges, runtime, reader);
  return ranges;
}

function addUnlessStatic(ranges: RuntimeRange[], module: PythonModule, start: number, bytes: number, what: string): void {
  if (start < module.start || start >= module.end) ranges.push({ start, end: start + bytes, what });
}

/** Chunks of a thread's frame stack, the newest first; each names its size (Include/cpython/pystate.h, 3.11 and later). */
function addFrameStack(ranges: RuntimeRange[], reader: MemoryReader, layout: Layout, thread: number): void {
  if (!layout.has("PyThreadState", "datastack_chunk")) return;
  const seen = new Set<number>();
  let chunk = reader.u64(thread + layout.offset("PyThreadState", "datastack_chunk"));
  for (; isPointer(chunk) && !seen.has(chunk); chunk = reader.u64(chunk + layout.offset("_PyStackChunk", "previous"))) {
    const bytes = reader.u64(chunk + layout.offset("_PyStackChunk", "size"));
    if (seen.size >= MAX_STACK_CHUNKS || bytes < layout.size("_PyStackChunk") || bytes > MAX_CHUNK_BYTES) break;
    seen.add(chunk);
    ranges.push({ start: chunk, end: chunk + bytes, what: "Python frame stack" });
  }
}

/** The hash table of strings that are interned for all interpreters: table, buckets, an entry for each (Python/hashtable.c). */
function addInternedTable(ranges: RuntimeRange[], runtime: PythonRuntime, reader: MemoryReader): void {
  const { layout, runtimeAddress } = runtime;
  if (runtimeAddress === undefined || !layout.has("_PyRuntimeState", "cached_objects.interned_strings")) return;
  const what = "interned strings table";
  const table = reader.u64(runtimeAddress + layout.offset("_PyRuntimeState", "cached_objects.interned_strings"));
  const count = reader.u64(table + layout.offset("_Py_hashtable_t", "nbuckets"));
  const buckets = reader.u64(table + layout.offset("_Py_hashtable_t", "buckets"));
  if (!isPointer(table) || !isPointer(buckets) || count > MAX_HASHTABLE_ENTRIES) return;
  ranges.push({ start: table, end: table + layout.size("_Py_hashtable_t"), what });
  ranges.push({ start: buckets, end: buckets + count * 8, what });
  const entryBytes = layout.size("_Py_hashtable_entry_t");
  let entries = 0;
  for (let bucket = 0; bucket < count; bucket++) {
    for (
      let entry = reader.u64(buckets + bucket * 8);
      isPointer(entry) && entries < MAX_HASHTABLE_ENTRIES;
      entry = reader.u64(entry)
    ) {
      ranges.push({ start: entry, end: entry + entryBytes, what });
      entries++;
    }
  }
}

function isPointer(value: number): boolean {
  return value >= 4096 && value < USER_SPACE_END && value % 8 === 0;
}
