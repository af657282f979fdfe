import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import type { Layout } from "../layouts/layout.ts";
import { isPointer } from "./interpreters.ts";
import type { GcLocation, InterpreterLocation } from "./python-runtime.ts";

const GENERATIONS = 3;
const MAX_THRESHOLD = 10_000_000;
/** Some builds align `struct gc_generation` to 4 bytes: the lists then begin that much before the table's offset. */
const GENERATIONS_TOLERANCE = 8;

/**
 * The interpreters with their collectors; undefined when one has none that holds together.
 *
 * @param staticGenerations address of `generations` where it is a static variable (3.6)
 */
export function describeInterpreters(
  reader: MemoryReader,
  layout: Layout,
  runtimeAddress: number | undefined,
  addresses: readonly number[],
  staticGenerations: number | undefined,
): InterpreterLocation[] | undefined {
  const interpreters: InterpreterLocation[] = [];
  for (const [index, address] of addresses.entries()) {
    const gc = locateGc(reader, layout, runtimeAddress, address, staticGenerations);
    if (gc === undefined) return undefined;
    const numbered = layout.has("PyInterpreterState", "id");
    // The newest is first in the list; 3.6 gives no numbers.
    const id = numbered ? reader.i64(address + layout.offset("PyInterpreterState", "id")) : addresses.length - 1 - index;
    interpreters.push({ address, id, gc });
  }
  return interpreters;
}

/**
 * The collector's state: per interpreter from 3.9, in `_PyRuntime` in 3.7 and 3.8, static before
 * (CPython Modules/gcmodule.c, Include/internal/mem.h, pycore_gc.h). Undefined when what is there does not hold together.
 */
function locateGc(
  reader: MemoryReader,
  layout: Layout,
  runtimeAddress: number | undefined,
  interpreter: number,
  staticGenerations: number | undefined,
): GcLocation | undefined {
  const headStride = layout.size("gc_generation");
  const gcHeadBytes = layout.size("PyGC_Head");
  const stateAddress = gcStateAddress(layout, runtimeAddress, interpreter);
  if (stateAddress === undefined) {
    if (staticGenerations === undefined || !areGenerations(reader, layout, staticGenerations)) return undefined;
    return {
      generationsAddress: staticGenerations,
      headStride,
      gcHeadBytes,
      permanentAddress: undefined,
      stateAddress: undefined,
    };
  }
  const generationsAddress = reader.u64(stateAddress + layout.offset("_gc_runtime_state", "generation0"));
  const distance = Math.abs(generationsAddress - stateAddress - layout.offset("_gc_runtime_state", "generations"));
  if (distance > GENERATIONS_TOLERANCE || !areGenerations(reader, layout, generationsAddress)) return undefined;
  const permanentAddress = stateAddress + layout.offset("_gc_runtime_state", "permanent_generation");
  return { generationsAddress, headStride, gcHeadBytes, permanentAddress, stateAddress };
}

/** `generations` of 3.6, which has no structure around it: from the exported pointer `_PyGC_generation0`, else by its shape. */
export function findStaticGenerations(
  reader: MemoryReader,
  layout: Layout,
  exportedPointer: number | undefined,
  windows: readonly MemoryWindow[],
): number | undefined {
  if (layout.has("_gc_runtime_state")) return undefined;
  if (exportedPointer !== undefined) return reader.u64(exportedPointer);
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      const target = window.pointer(slot);
      if (windows.some((other) => other.contains(target)) && areLinkedGenerations(reader, layout, target)) return target;
    }
  }
  return undefined;
}

function gcStateAddress(layout: Layout, runtimeAddress: number | undefined, interpreter: number): number | undefined {
  if (layout.has("PyInterpreterState", "gc")) return interpreter + layout.offset("PyInterpreterState", "gc");
  if (runtimeAddress !== undefined && layout.has("_PyRuntimeState", "gc"))
    return runtimeAddress + layout.offset("_PyRuntimeState", "gc");
  return undefined;
}

/** Does not ask for `head.next.prev == head`: while a collection runs, `prev` holds reference counts. */
function areGenerations(reader: MemoryReader, layout: Layout, address: number): boolean {
  const stride = layout.size("gc_generation");
  const threshold = layout.offset("gc_generation", "threshold");
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const head = address + generation * stride;
    const limit = reader.i32(head + threshold);
    if (!isPointer(reader.u64(head)) || !isPointer(reader.u64(head + 8)) || limit < 0 || limit > MAX_THRESHOLD) return false;
  }
  return true;
}

function areLinkedGenerations(reader: MemoryReader, layout: Layout, address: number): boolean {
  if (!areGenerations(reader, layout, address)) return false;
  const stride = layout.size("gc_generation");
  for (let generation = 0; generation < GENERATIONS; generation++) {
    const head = address + generation * stride;
    if (reader.u64(reader.u64(head) + 8) !== head || reader.u64(reader.u64(head + 8)) !== head) return false;
  }
  return true;
}
