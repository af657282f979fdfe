import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

/** `dk_kind` of 3.11 and later: tables with str keys only have no hashes. */
const DICT_KEYS_GENERAL = 0;
const MAX_LOG2_INDEX_BYTES = 40;
const MAX_ENTRIES = 2 ** 28;

/** The array of entries of a dictionary's key table (CPython Objects/dictobject.c). */
export interface DictEntries {
  /** Entries so far, deleted ones included: their key is 0. */
  readonly length: number;
  key(index: number): number;
  /** 0 in a table that instances share: their values lie elsewhere. */
  value(index: number): number;
}

/** Entries of the dict object at `dict`; undefined when its key table cannot be one. For small questions, not for heaps. */
export function dictEntries(reader: MemoryReader, layout: Layout, dict: number): DictEntries | undefined {
  return keyEntries(reader, layout, reader.u64(dict + layout.offset("PyDictObject", "ma_keys")));
}

/** Entries of the key table at `keys`, as `dictEntries`. */
export function keyEntries(reader: MemoryReader, layout: Layout, keys: number): DictEntries | undefined {
  const length = reader.u64(keys + layout.offset("PyDictKeysObject", "dk_nentries"));
  const indexBytes = indexTableBytes(reader, layout, keys);
  if (!reader.has(keys) || length > MAX_ENTRIES || indexBytes === undefined) return undefined;
  const entry = hasUnicodeEntries(reader, layout, keys) ? "PyDictUnicodeEntry" : "PyDictKeyEntry";
  const first = keys + layout.offset("PyDictKeysObject", "dk_indices") + indexBytes;
  const stride = layout.size(entry);
  const keyOffset = layout.offset(entry, "me_key");
  const valueOffset = layout.offset(entry, "me_value");
  return {
    length,
    key: (index) => reader.u64(first + index * stride + keyOffset),
    value: (index) => reader.u64(first + index * stride + valueOffset),
  };
}

/** Entries in use (`len(dict)`). */
export function dictLength(reader: MemoryReader, layout: Layout, dict: number): number {
  return reader.u64(dict + layout.offset("PyDictObject", "ma_used"));
}

function hasUnicodeEntries(reader: MemoryReader, layout: Layout, keys: number): boolean {
  if (!layout.has("PyDictKeysObject", "dk_kind")) return false;
  return reader.u8(keys + layout.offset("PyDictKeysObject", "dk_kind")) !== DICT_KEYS_GENERAL;
}

/** Bytes of the hash index before the entries: noted from 3.11, before it follows from the number of its slots. */
function indexTableBytes(reader: MemoryReader, layout: Layout, keys: number): number | undefined {
  if (layout.has("PyDictKeysObject", "dk_log2_index_bytes")) {
    const log2 = reader.u8(keys + layout.offset("PyDictKeysObject", "dk_log2_index_bytes"));
    return log2 <= MAX_LOG2_INDEX_BYTES ? 2 ** log2 : undefined;
  }
  const slots = reader.u64(keys + layout.offset("PyDictKeysObject", "dk_size"));
  if (slots === 0 || slots > 2 * MAX_ENTRIES) return undefined;
  if (slots <= 0xff) return slots;
  return slots <= 0xffff ? slots * 2 : slots * 4;
}
