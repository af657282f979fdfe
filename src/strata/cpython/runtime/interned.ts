import { USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import type { Layout } from "../layouts/layout.ts";
import { dataWindows } from "../locate/module.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { dictEntries, dictLength } from "./dict-entries.ts";

/** Py_TPFLAGS_DICT_SUBCLASS and Py_TPFLAGS_UNICODE_SUBCLASS (Include/object.h, all of 3.x). */
const DICT_FLAG = 1 << 29;
const UNICODE_FLAG = 1 << 28;
/** An interpreter that has started has interned some thousands of strings. */
const FEWEST_INTERNED = 500;
/** Entries that are looked at to tell the dictionary of interned strings from others. */
const SAMPLES = 64;

/** The dictionary that makes equal strings the same object: each of its strings is its own value. */
export interface InternedStrings {
  /** Index of the interpreter; the main one's where all share it (up to 3.11). */
  readonly interpreter: number;
  /** Address of the dict object. */
  readonly dict: number;
  /** Strings in it; from 3.12 those of the interpreter's static data are not among them. */
  readonly strings: number;
}

/**
 * The interned strings of each interpreter: in its state from 3.12, else the static variable `interned`, which has no symbol and
 * is found by what it points at (CPython Objects/unicodeobject.c).
 */
export function readInterned(runtime: PythonRuntime, reader: MemoryReader): InternedStrings[] {
  const { layout, interpreters } = runtime;
  if (!layout.has("PyInterpreterState", "cached_objects.interned_strings")) {
    const dict = findInternedDict(reader, layout, dataWindows(reader, runtime.module));
    return dict === undefined
      ? []
      : [{ interpreter: interpreters.length - 1, dict, strings: dictLength(reader, layout, dict) }];
  }
  const field = layout.offset("PyInterpreterState", "cached_objects.interned_strings");
  const seen = new Set<number>();
  const found: InternedStrings[] = [];
  // From the main interpreter on, which the others may share it with.
  for (let interpreter = interpreters.length - 1; interpreter >= 0; interpreter--) {
    const dict = reader.u64(interpreters[interpreter].address + field);
    if (seen.has(dict) || !hasTypeFlag(reader, layout, dict, DICT_FLAG)) continue;
    seen.add(dict);
    found.push({ interpreter, dict, strings: dictLength(reader, layout, dict) });
  }
  return found;
}

function findInternedDict(reader: MemoryReader, layout: Layout, windows: readonly MemoryWindow[]): number | undefined {
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      const dict = window.pointer(slot);
      // Most pointers of static data stay in it; the dictionary comes from an allocator.
      if (windows.some((other) => other.contains(dict))) continue;
      if (hasTypeFlag(reader, layout, dict, DICT_FLAG) && isInterned(reader, layout, dict)) return dict;
    }
  }
  return undefined;
}

function isInterned(reader: MemoryReader, layout: Layout, dict: number): boolean {
  if (dictLength(reader, layout, dict) < FEWEST_INTERNED) return false;
  const entries = dictEntries(reader, layout, dict);
  if (entries === undefined) return false;
  let looked = 0;
  for (let index = 0; index < entries.length && looked < SAMPLES; index++) {
    const value = entries.value(index);
    if (value === 0) continue;
    if (value !== entries.key(index) || !hasTypeFlag(reader, layout, value, UNICODE_FLAG)) return false;
    looked++;
  }
  return looked === SAMPLES;
}

function hasTypeFlag(reader: MemoryReader, layout: Layout, address: number, flag: number): boolean {
  if (address < 4096 || address >= USER_SPACE_END || address % 8 !== 0) return false;
  const type = reader.u64(address + layout.offset("PyObject", "ob_type"));
  if (type < 4096 || type >= USER_SPACE_END || type % 8 !== 0) return false;
  return (reader.u32(type + layout.offset("PyTypeObject", "tp_flags")) & flag) !== 0;
}
