import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import { isBlockFor, isFreeBlock } from "../../pymalloc/free-blocks.ts";
import type { Layout } from "../layouts/layout.ts";
import { dataWindows } from "../locate/module.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { type FreeList, followDead, isDead } from "./dead-objects.ts";

/** PyDict_MINSIZE: only key tables of this size are kept (Objects/dictobject.c). */
const SMALLEST_DICT = 8;
/** What debug hooks add to a request: three words, and a serial number up to 3.7 (Objects/obmalloc.c, `_PyMem_DebugRawAlloc`). */
const DEBUG_EXTRA_BYTES: readonly number[] = [24, 32];
/** A float's list and the count of it are neighbours in Objects/floatobject.o. */
const FLOAT_COUNT_DISTANCES = [8, -8] as const;

interface StaticList {
  /** Exported symbol of the type, or of a pointer to it. */
  readonly type: string;
  readonly name: string;
  /** Field that links the members; lists without one are arrays. */
  readonly link?: readonly [structure: string, field: string];
  readonly indirect?: true;
}

/** Types with a static free list up to 3.9. */
const LISTS: readonly StaticList[] = [
  { type: "PyTuple_Type", name: "PyTupleObject", link: ["PyTupleObject", "ob_item"] },
  { type: "PyFrame_Type", name: "PyFrameObject", link: ["PyFrameObject", "f_back"] },
  { type: "PyCFunction_Type", name: "PyCFunctionObject", link: ["PyCFunctionObject", "m_self"] },
  { type: "PyMethod_Type", name: "PyMethodObject", link: ["PyMethodObject", "im_self"] },
  { type: "PyContext_Type", name: "PyContext", link: ["PyContext", "ctx_weakreflist"] },
  { type: "PyExc_MemoryError", name: "PyBaseExceptionObject", link: ["PyBaseExceptionObject", "dict"], indirect: true },
  { type: "PyList_Type", name: "PyListObject" },
  { type: "PyDict_Type", name: "PyDictObject" },
  { type: "_PyAsyncGenWrappedValue_Type", name: "_PyAsyncGenWrappedValue" },
  { type: "_PyAsyncGenASend_Type", name: "PyAsyncGenASend" },
];

/**
 * The free lists of 3.6 to 3.9, static variables without exported symbols. A pointer in Python's static data to an object that
 * has no references but a type that keeps dead ones is a free list's: nothing else may point at a dead object.
 */
export function findStaticFreeLists(runtime: PythonRuntime, reader: MemoryReader): FreeList[] {
  const { layout } = runtime;
  const interpreter = runtime.interpreters.length - 1;
  const windows = dataWindows(reader, runtime.module);
  const found = new Map<string, Set<number>>();
  const keep = (name: string, addresses: readonly number[]): void => {
    const known = found.get(name) ?? new Set<number>();
    for (const address of addresses) known.add(address);
    found.set(name, known);
  };
  const lists = listsByType(runtime, reader);
  const obType = layout.offset("PyObject", "ob_type");
  const collectorHeader = layout.size("PyGC_Head");
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      const first = window.pointer(slot);
      if (isInside(windows, first) || !isDead(reader, first)) continue;
      const list = lists.get(reader.u64(first + obType));
      if (list?.link !== undefined) {
        keep(list.name, followDead(reader, first, layout.offset(...list.link)));
      } else if (list !== undefined) {
        // An array's entries beyond its count are stale: what they point at was really freed since, or lives again.
        if (!isFreeBlock(reader, first - runtime.debugBytes - collectorHeader)) keep(list.name, [first]);
      } else if (isFreeKeys(reader, layout, first)) {
        if (!isFreeBlock(reader, first - runtime.debugBytes)) keep("PyDictKeysObject", [first]);
      } else {
        keep("PyFloatObject", floatChain(runtime, reader, window, slot, first));
      }
    }
  }
  return [...found]
    .filter(([, addresses]) => addresses.size > 0)
    .map(([name, addresses]) => ({ name, interpreter, objects: name !== "PyDictKeysObject", addresses: [...addresses] }));
}

function listsByType(runtime: PythonRuntime, reader: MemoryReader): Map<number, StaticList> {
  const lists = new Map<number, StaticList>();
  for (const list of LISTS) {
    const address = runtime.symbol(list.type);
    if (address !== undefined) lists.set(list.indirect ? reader.u64(address) : address, list);
  }
  return lists;
}

/**
 * A dead float's type word is the link to the next one, so what tells that it is one is the size of its block and the list's count,
 * which must be the length of the chain.
 */
function floatChain(runtime: PythonRuntime, reader: MemoryReader, window: MemoryWindow, slot: number, first: number): number[] {
  const { layout, pymalloc } = runtime;
  const obType = layout.offset("PyObject", "ob_type");
  const block = first - runtime.debugBytes;
  const sizes = (runtime.debugBytes === 0 ? [0] : DEBUG_EXTRA_BYTES).map((extra) => layout.size("PyFloatObject") + extra);
  const fits = sizes.some((bytes) => isBlockFor(reader, block, bytes, pymalloc.alignment));
  if (!fits || isFreeBlock(reader, block)) return [];
  const chain = followDead(reader, first, obType);
  const last = chain.at(-1);
  const ends = last !== undefined && reader.u64(last + obType) === 0;
  const counted = FLOAT_COUNT_DISTANCES.some((distance) => window.pointer(slot + distance) % 2 ** 32 === chain.length);
  return ends && counted ? chain : [];
}

function isFreeKeys(reader: MemoryReader, layout: Layout, address: number): boolean {
  const field = (name: string) => reader.u64(address + layout.offset("PyDictKeysObject", name));
  return (
    layout.has("PyDictKeysObject", "dk_size") &&
    field("dk_size") === SMALLEST_DICT &&
    field("dk_usable") <= SMALLEST_DICT &&
    field("dk_nentries") <= SMALLEST_DICT
  );
}

function isInside(windows: readonly MemoryWindow[], address: number): boolean {
  return windows.some((window) => window.contains(address));
}
