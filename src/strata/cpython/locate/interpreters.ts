import { USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import type { Layout } from "../layouts/layout.ts";
import type { GcLocation } from "./python-runtime.ts";

const MAX_INTERPRETERS = 4096;
const MAX_THRESHOLD = 10_000_000;
const GENERATIONS = 3;
/** Py_TPFLAGS_DICT_SUBCLASS (Include/object.h, all of 3.x). */
const DICT_SUBCLASS_FLAG = 1 << 29;
/** Some builds align `struct gc_generation` to 4 bytes: the lists then begin that much before the table's offset. */
const GENERATIONS_TOLERANCE = 8;

/** Where the list of interpreters begins, and who is in it. */
export interface InterpreterList {
  readonly headAddress: number;
  /** `_PyRuntime`; undefined before 3.7. */
  readonly runtimeAddress: number | undefined;
  readonly addresses: readonly number[];
}

/** The interpreters of a `_PyRuntime` at a known address (3.7 and later); undefined when nothing there passes for one. */
export function interpretersOfRuntime(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  runtimeAddress: number,
): InterpreterList | undefined {
  if (!layout.has("_PyRuntimeState")) return undefined;
  const headAddress = runtimeAddress + layout.offset("_PyRuntimeState", "interpreters.head");
  const addresses = walkInterpreters(reader, layout, typeType, reader.u64(headAddress));
  return addresses.length === 0 ? undefined : { headAddress, runtimeAddress, addresses };
}

/**
 * Finds the list of interpreters in static data without a symbol: a pointer to a structure whose first thread state points back
 * at it and whose `sys` dictionary is a dictionary. From 3.7 that is `interpreters.main` of `_PyRuntime`, whose neighbour is the
 * head of the list; before, there is only `interp_head`.
 */
export function findInterpreters(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  windows: readonly MemoryWindow[],
): InterpreterList | undefined {
  for (const window of windows) {
    for (let slot = window.start; slot < window.end; slot += 8) {
      const address = window.pointer(slot);
      if (
        !isPointer(address) ||
        !isInterpreter(reader, layout, typeType, address) ||
        firstThread(reader, layout, address) === 0
      )
        continue;
      if (!layout.has("_PyRuntimeState"))
        return { headAddress: slot, runtimeAddress: undefined, addresses: walkInterpreters(reader, layout, typeType, address) };
      const list = interpretersOfRuntime(
        reader,
        layout,
        typeType,
        slot - layout.offset("_PyRuntimeState", "interpreters.main"),
      );
      if (list?.addresses.includes(address)) return list;
    }
  }
  return undefined;
}

/** Follows the list from its head; ends early at anything that is no interpreter. */
export function walkInterpreters(reader: MemoryReader, layout: Layout, typeType: number, head: number): number[] {
  const seen = new Set<number>();
  const next = layout.offset("PyInterpreterState", "next");
  for (
    let address = head;
    isPointer(address) && !seen.has(address) && seen.size < MAX_INTERPRETERS;
    address = reader.u64(address + next)
  ) {
    if (!isInterpreter(reader, layout, typeType, address)) break;
    seen.add(address);
  }
  return [...seen];
}

/** Address of the interpreter's first thread state, 0 when it has none. */
export function firstThread(reader: MemoryReader, layout: Layout, interpreter: number): number {
  const field = layout.has("PyInterpreterState", "threads.head") ? "threads.head" : "tstate_head";
  return reader.u64(interpreter + layout.offset("PyInterpreterState", field));
}

function isInterpreter(reader: MemoryReader, layout: Layout, typeType: number, address: number): boolean {
  const thread = firstThread(reader, layout, address);
  if (thread !== 0 && (!isPointer(thread) || reader.u64(thread + layout.offset("PyThreadState", "interp")) !== address))
    return false;
  return isDict(reader, layout, typeType, reader.u64(address + layout.offset("PyInterpreterState", "sysdict")));
}

/** By the type's flag, not its name: names lie in read-only data, which an image need not hold. */
function isDict(reader: MemoryReader, layout: Layout, typeType: number, address: number): boolean {
  if (!isPointer(address)) return false;
  const obType = layout.offset("PyObject", "ob_type");
  const type = reader.u64(address + obType);
  const flags = reader.u32(type + layout.offset("PyTypeObject", "tp_flags"));
  return reader.u64(type + obType) === typeType && (flags & DICT_SUBCLASS_FLAG) !== 0;
}

/**
 * The collector's state: per interpreter from 3.9, in `_PyRuntime` in 3.7 and 3.8, static before
 * (CPython Modules/gcmodule.c, Include/internal/mem.h, pycore_gc.h). Undefined when what is there does not hold together.
 */
export function locateGc(
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
    for (let slot = window.start; slot < window.end; slot += 8) {
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

function isPointer(value: number): boolean {
  return value % 4 === 0 && value >= 4096 && value < USER_SPACE_END;
}
