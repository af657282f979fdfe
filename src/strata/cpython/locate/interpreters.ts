import { PAGE_BYTES, USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import type { Layout } from "../layouts/layout.ts";

const MAX_INTERPRETERS = 4096;
const MAX_INTERPRETER_ID = 2 ** 32;
/** x86-64: `mov rax, [rip + …]` and `ret`. */
const ACCESSOR_CODE: readonly number[] = [0x48, 0x8b, 0x05];
const RETURN_CODE = 0xc3;
/** Py_TPFLAGS_DICT_SUBCLASS (Include/object.h, all of 3.x). */
const DICT_SUBCLASS_FLAG = 1 << 29;

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
 * at it and whose `sys` dictionary is a dictionary. From 3.7 that is `interpreters.main` of `_PyRuntime`, which stands between the
 * head of the list and the next interpreter's id; before, there is only `interp_head`.
 */
export function findInterpreters(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  windows: readonly MemoryWindow[],
): InterpreterList | undefined {
  const hasRuntime = layout.has("_PyRuntimeState");
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      if (hasRuntime && !mayBeMainInterpreter(layout, window, slot)) continue;
      const address = window.pointer(slot);
      if (!isInterpreter(reader, layout, typeType, address) || firstThread(reader, layout, address) === 0) continue;
      if (!hasRuntime) return listFrom(reader, layout, typeType, slot);
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

/**
 * `interp_head` of 3.6 by the code of the exported function that returns it: `mov rax, [rip + distance]; ret`. Undefined when the
 * compiler wrote something else.
 */
export function interpretersOfAccessor(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  accessor: number,
): InterpreterList | undefined {
  const code = reader.bytes(accessor, ACCESSOR_CODE.length + 5);
  if (layout.has("_PyRuntimeState") || code === undefined || !ACCESSOR_CODE.every((byte, index) => code[index] === byte))
    return undefined;
  const end = ACCESSOR_CODE.length + 4;
  const list = listFrom(reader, layout, typeType, accessor + end + reader.i32(accessor + ACCESSOR_CODE.length));
  return code[end] === RETURN_CODE && list.addresses.length > 0 ? list : undefined;
}

function listFrom(reader: MemoryReader, layout: Layout, typeType: number, headAddress: number): InterpreterList {
  return {
    headAddress,
    runtimeAddress: undefined,
    addresses: walkInterpreters(reader, layout, typeType, reader.u64(headAddress)),
  };
}

/** A look at the neighbours in static data, before anything in the heap is read. */
function mayBeMainInterpreter(layout: Layout, window: MemoryWindow, slot: number): boolean {
  const main = layout.offset("_PyRuntimeState", "interpreters.main");
  const head = window.pointer(slot + layout.offset("_PyRuntimeState", "interpreters.head") - main);
  const nextId = window.pointer(slot + layout.offset("_PyRuntimeState", "interpreters.next_id") - main);
  return isPointer(head) && nextId >= 1 && nextId <= MAX_INTERPRETER_ID;
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

/** True for an aligned user-space address. */
export function isPointer(value: number): boolean {
  return value % 4 === 0 && value >= PAGE_BYTES && value < USER_SPACE_END;
}
