import { MIB } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import * as P from "../kernels/parameters.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { GraphStreams } from "./graph-streams.ts";
import { type KernelTables, OTHERS } from "./kernel-tables.ts";
import type { RowTable } from "./row-table.ts";

/** Writes the parameter block for a layout and returns its word (see `kernels/parameters.ts`). */
export function writeParameters(
  image: MemoryImage,
  runtime: PythonRuntime,
  tables: KernelTables,
  rows: RowTable,
  streams: GraphStreams | undefined,
): number {
  const { memory } = image;
  const { layout } = runtime;
  const { minor } = runtime.version;
  const block = memory.allocate(P.PARAMETER_WORDS);
  const set = (parameter: number, value: number) => memory.store(block + parameter, value | 0);
  const words = (structure: string, field: string) => layout.offset(structure, field) / 4;
  /** Word of a field that not every version has, −1 without it. */
  const optional = (structure: string, field: string) => (layout.has(structure, field) ? words(structure, field) : -1);

  set(P.P_DIRECTORY, image.directory);
  set(P.P_ZERO_SLOT, image.zeroSlot);
  set(P.P_FIRST_SLOT, image.firstSlot);
  set(P.P_END_WORD, image.firstSlot + image.slotCount * (MIB / 4));
  set(P.P_PAGE_INFO, tables.pageInfo);
  set(P.P_RESIDENT_BITS, tables.residentBits);
  set(P.P_CHUNK_BITS, tables.chunkBits);
  set(P.P_CHUNK_RANKS, tables.chunkRanks);
  set(P.P_CHUNK_ORDINALS, tables.chunkOrdinals);
  set(P.P_CHUNKS_IN_USE, tables.chunksInUse);
  set(P.P_INSIDES, tables.insides);
  set(P.P_INSIDE_CAPACITY, OTHERS.insideCapacity);
  set(P.P_CHUNK_WORDS, tables.chunkWords);
  set(P.P_CHUNK_STARTS, tables.chunkStarts);
  set(P.P_POOL_TABLE, tables.poolTable);
  set(P.P_POOL_ACCOUNTS, tables.poolAccounts);
  set(P.P_FREE_TAGS, tables.freeTags);
  set(P.P_OTHER_HASH, tables.otherHash);
  set(P.P_OTHER_WORDS, tables.otherWords);
  set(P.P_OTHER_CAPACITY, OTHERS.capacity);
  set(P.P_DESCRIPTOR, tables.descriptor);
  set(P.P_BYTES, tables.bytes);
  set(P.P_LINK, tables.link);
  set(P.P_ROWS, rows.word);
  set(P.P_TYPE_CACHE, tables.typeCache);
  set(P.P_WORK_STACK, tables.workStack);
  set(P.P_WORK_CAPACITY, OTHERS.workCapacity);
  set(P.P_POOL_PLACES, tables.poolPlaces);
  set(P.P_CHUNK_PLACES, tables.chunkPlaces);
  set(P.P_POOL_WORDS, tables.poolWords);
  set(P.P_POOL_SHIFT, Math.log2(tables.poolWords));
  set(P.P_POOL_HEADER_WORDS, tables.poolHeaderWords);
  set(P.P_DEBUG_WORDS, runtime.debugBytes / 4);

  const heads = headBytes(runtime);
  set(P.P_METATYPE_WORD, image.wordOf(runtime.typeType));
  set(P.P_TYPE_NAME, words("PyTypeObject", "tp_name"));
  set(P.P_TYPE_BASIC_SIZE, words("PyTypeObject", "tp_basicsize"));
  set(P.P_TYPE_FLAGS, words("PyTypeObject", "tp_flags"));
  set(P.P_HEAD_1, heads[1] / 4);
  set(P.P_HEAD_2, heads[2] < 0 ? -1 : heads[2] / 4);
  set(P.P_HEAD_3, heads[3] < 0 ? -1 : heads[3] / 4);
  set(P.P_GC_HEAD, layout.size("PyGC_Head") / 4);
  // Up to 3.7 the header keeps a counter instead of flags in its links.
  set(P.P_GC_REFS_HEAD, minor < 8 ? 1 : 0);
  set(P.P_IMMORTAL, minor >= 12 ? 1 : 0);

  set(P.P_STR_ASCII_BYTES, layout.size("PyASCIIObject"));
  set(P.P_STR_COMPACT_BYTES, layout.size("PyCompactUnicodeObject"));
  set(P.P_STR_UNICODE_BYTES, layout.size("PyUnicodeObject"));
  set(P.P_STR_STATE, words("PyASCIIObject", "state"));
  set(P.P_STR_WSTR, optional("PyASCIIObject", "wstr"));
  set(P.P_STR_WSTR_LENGTH, optional("PyCompactUnicodeObject", "wstr_length"));
  set(P.P_STR_UTF8, words("PyCompactUnicodeObject", "utf8"));
  set(P.P_STR_UTF8_LENGTH, words("PyCompactUnicodeObject", "utf8_length"));
  set(P.P_STR_DATA, words("PyUnicodeObject", "data"));

  const tagged = layout.has("PyLongObject", "long_value.lv_tag");
  set(P.P_LONG_DIGITS_BYTES, layout.offset("PyLongObject", tagged ? "long_value.ob_digit" : "ob_digit"));
  set(P.P_LONG_TAGGED, tagged ? 1 : 0);
  // From 3.11 zero counts the digit that it has room for.
  set(P.P_LONG_LEAST_DIGITS, minor >= 11 ? 1 : 0);

  set(P.P_LIST_ITEMS, words("PyListObject", "ob_item"));
  set(P.P_LIST_ALLOCATED, words("PyListObject", "allocated"));
  set(P.P_TUPLE_ITEMS, words("PyTupleObject", "ob_item"));
  set(P.P_SET_MASK, words("PySetObject", "mask"));
  set(P.P_SET_TABLE, words("PySetObject", "table"));
  set(P.P_SET_SMALL_TABLE, words("PySetObject", "smalltable"));
  set(P.P_DICT_KEYS, words("PyDictObject", "ma_keys"));
  set(P.P_DICT_VALUES, words("PyDictObject", "ma_values"));
  set(P.P_KEYS_FORM, layout.has("PyDictKeysObject", "dk_log2_size") ? P.KEYS_COMPACT : P.KEYS_WIDE);
  set(P.P_KEYS_HEADER_BYTES, layout.offset("PyDictKeysObject", "dk_indices"));
  set(P.P_KEYS_SIZE, optional("PyDictKeysObject", "dk_size"));
  set(P.P_KEYS_USABLE, words("PyDictKeysObject", "dk_usable"));
  set(P.P_KEYS_ENTRIES, words("PyDictKeysObject", "dk_nentries"));
  set(P.P_VALUES_FORM, minor >= 13 ? P.VALUES_SIZED : minor >= 11 ? P.VALUES_PREFIXED : P.VALUES_ARRAY);
  set(P.P_MANAGED_FORM, minor >= 13 ? P.MANAGED_INLINE : minor >= 12 ? P.MANAGED_TAGGED : P.MANAGED_PAIR);
  set(P.P_WEAK_OBJECT, words("PyWeakReference", "wr_object"));
  set(P.P_WEAK_CALLBACK, words("PyWeakReference", "wr_callback"));
  set(P.P_BYTES_DATA, words("PyBytesObject", "ob_sval"));
  if (streams !== undefined) {
    set(P.P_REFERENCES, streams.references.word);
    set(P.P_REFERENCES_END, streams.references.word + streams.references.words);
    set(P.P_CONTENTS, streams.contents.word);
    set(P.P_CONTENTS_END, streams.contents.word + streams.contents.words);
    for (const [index, word] of streams.key.entries()) set(P.P_HASH_KEY + index, word);
  }
  return block;
}

/** Bytes from a place's first byte to the object for each header code; −1 for codes that the version has not. */
export function headBytes(runtime: PythonRuntime): readonly [number, number, number, number] {
  const gc = runtime.layout.size("PyGC_Head");
  return runtime.version.minor >= 11 ? [0, gc, gc + 16, 16] : [0, gc, -1, -1];
}
