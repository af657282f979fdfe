/** References that static variables of C code own, of the kinds that there are hundreds of up to 3.10. */
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import { dataWindows } from "../locate/module.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { RootPointer } from "./root-pointer.ts";

const POINTER_BYTES = 8;
/** struct method_cache_entry of Objects/typeobject.c, 3.6–3.9: version, name (counted), value (borrowed). */
const CACHE_ENTRY_BYTES = 24;
const CACHE_VALUE = 16;
/** 1 << MCACHE_SIZE_EXP. */
const CACHE_ENTRIES = 4096;
/** A process that has started has looked up, and named, some hundred attributes. */
const FEWEST_NAMES = 50;
/** Identifiers of one process: each is a variable of C code. */
const MOST_IDENTIFIERS = 1 << 20;
/** `object` of struct _Py_Identifier {next, string, object} (Include/cpython/object.h, 3.6–3.9). */
const IDENTIFIER_OBJECT = 16;

/** Py_TPFLAGS_HEAPTYPE (Include/object.h). */
const HEAP_TYPE_FLAG = 1 << 9;

/** Tells whether an object of a kind begins at an address. */
type Test = (address: number) => boolean;

/**
 * What static variables of Python hold while they, and no state of the interpreter, have it: single characters, names of slots,
 * identifiers, types made by C code such as those of `ast`, and the names in the cache of type attributes, whose values are borrowed. They have no symbols and are found by
 * what they point at. From 3.11 its state has them, or they are static themselves.
 */
export function staticRoots(runtime: PythonRuntime, reader: MemoryReader): RootPointer[] {
  const { layout, interpreters } = runtime;
  const [strType, bytesType] = [runtime.symbol("PyUnicode_Type"), runtime.symbol("PyBytes_Type")];
  if (layout.has("_PyRuntimeState", "_main_interpreter") || strType === undefined) return [];
  const obType = layout.offset("PyObject", "ob_type");
  const isOf = (address: number, type: number | undefined) =>
    address % POINTER_BYTES === 0 && reader.has(address) && reader.u64(address + obType) === type;
  const isStr: Test = (address) => isOf(address, strType);
  const isHeapType: Test = (address) =>
    isOf(address, runtime.typeType) && (reader.u32(address + layout.offset("PyTypeObject", "tp_flags")) & HEAP_TYPE_FLAG) !== 0;
  const isOwned: Test = (address) => isStr(address) || isOf(address, bytesType) || isHeapType(address);
  const windows = dataWindows(reader, runtime.module);
  const caches = windows.map((window) => typeCache(window, isStr));
  const own = windows.flatMap((window, index) => ownedBy(window, caches[index], isOwned));
  const isOutside = (address: number) => !windows.some((window) => window.contains(address));
  const foreign = identifiers(reader, windows, isStr).filter(isOutside);
  const owner = interpreters.length - 1;
  return [...own, ...foreign.map((identifier) => reader.u64(identifier + IDENTIFIER_OBJECT))].map((address) => ({
    kind: "runtime",
    address,
    owner,
    frame: -1,
    name: "static variables",
    counted: true,
  }));
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Pointers in static data to what variables own, without what a cache borrows. */
function ownedBy(window: MemoryWindow, cache: Range, isOwned: Test): number[] {
  const found: number[] = [];
  for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + POINTER_BYTES)) {
    const isBorrowed = slot >= cache.start && slot < cache.end && (slot - cache.start) % CACHE_ENTRY_BYTES === CACHE_VALUE;
    if (!isBorrowed && isOwned(window.pointer(slot))) found.push(window.pointer(slot));
  }
  return found;
}

/** Where a window has the array of cache entries: the longest one of small versions with a str behind most; empty when none. */
function typeCache(window: MemoryWindow, isStr: Test): Range {
  let best = { start: 0, end: 0, names: FEWEST_NAMES - 1 };
  for (let phase = 0; phase < CACHE_ENTRY_BYTES; phase += POINTER_BYTES) {
    let start = window.start + phase;
    let names = 0;
    for (let entry = start; entry + CACHE_ENTRY_BYTES <= window.end; entry += CACHE_ENTRY_BYTES) {
      const version = window.pointer(entry);
      if (version >= 2 ** 32 || entry - start >= CACHE_ENTRIES * CACHE_ENTRY_BYTES) {
        start = entry + CACHE_ENTRY_BYTES;
        names = 0;
      } else if (version !== 0 && isStr(window.pointer(entry + POINTER_BYTES))) names++;
      if (names > best.names) best = { start, end: entry + CACHE_ENTRY_BYTES, names };
    }
  }
  return best;
}

/**
 * The identifiers of C code that were used: chained through the data of all modules from the newest on, which a variable of
 * Python's points at. The longest chain is the whole one.
 */
function identifiers(reader: MemoryReader, windows: readonly MemoryWindow[], isStr: Test): readonly number[] {
  let longest: number[] = [];
  const seen = new Set<number>();
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + POINTER_BYTES)) {
      // A chain that begins inside one that was seen is shorter.
      if (seen.has(window.pointer(slot))) continue;
      const chain = new Set<number>();
      for (
        let at = window.pointer(slot);
        reader.has(at) && !chain.has(at) && chain.size < MOST_IDENTIFIERS && isStr(reader.u64(at + IDENTIFIER_OBJECT));
        at = reader.u64(at)
      ) {
        chain.add(at);
        seen.add(at);
      }
      if (chain.size > longest.length) longest = [...chain];
    }
  }
  return longest.length >= FEWEST_NAMES ? longest : [];
}
