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
  const entries = new EntryReader(reader, layout);
  return entries.open(entries.keysOf(dict)) ? entries : undefined;
}

/** Reads the entries of one key table after the other: for many of them, so the layout is asked once. */
export class EntryReader implements DictEntries {
  length = 0;
  private first = 0;
  private stride = 0;
  private valueOffset = 0;
  private readonly keysOffset: number;
  private readonly lengthOffset: number;
  private readonly indicesOffset: number;
  /** 3.11 and later. */
  private readonly log2Offset: number | undefined;
  /** Up to 3.10. */
  private readonly slotsOffset: number | undefined;
  /** 3.11 and later: without it there are general tables only. */
  private readonly kindOffset: number | undefined;
  private readonly general: EntryLayout;
  private readonly unicode: EntryLayout;

  constructor(
    private readonly reader: MemoryReader,
    layout: Layout,
  ) {
    const ofKeys = (field: string) =>
      layout.has("PyDictKeysObject", field) ? layout.offset("PyDictKeysObject", field) : undefined;
    this.keysOffset = layout.offset("PyDictObject", "ma_keys");
    this.lengthOffset = layout.offset("PyDictKeysObject", "dk_nentries");
    this.indicesOffset = layout.offset("PyDictKeysObject", "dk_indices");
    this.kindOffset = ofKeys("dk_kind");
    this.log2Offset = ofKeys("dk_log2_index_bytes");
    this.slotsOffset = ofKeys("dk_size");
    this.general = entryLayout(layout, "PyDictKeyEntry");
    this.unicode = this.kindOffset === undefined ? this.general : entryLayout(layout, "PyDictUnicodeEntry");
  }

  /** Address of the key table of the dict object at `dict`. */
  keysOf(dict: number): number {
    return this.reader.u64(dict + this.keysOffset);
  }

  /** Turns to the key table at `keys`; false, and without entries, when there cannot be one. */
  open(keys: number): boolean {
    const { reader } = this;
    const length = reader.u64(keys + this.lengthOffset);
    const indexBytes = this.indexBytes(keys);
    const isTable = length <= MAX_ENTRIES && indexBytes !== undefined && reader.has(keys);
    this.length = isTable ? length : 0;
    if (!isTable) return false;
    const isGeneral = this.kindOffset === undefined || reader.u8(keys + this.kindOffset) === DICT_KEYS_GENERAL;
    const entry = isGeneral ? this.general : this.unicode;
    this.first = keys + this.indicesOffset + indexBytes + entry.key;
    this.stride = entry.bytes;
    this.valueOffset = entry.value - entry.key;
    return true;
  }

  /** Bytes of the hash index before the entries: noted from 3.11, before it follows from the number of its slots. */
  private indexBytes(keys: number): number | undefined {
    if (this.log2Offset !== undefined) {
      const log2 = this.reader.u8(keys + this.log2Offset);
      return log2 <= MAX_LOG2_INDEX_BYTES ? 2 ** log2 : undefined;
    }
    const slots = this.slotsOffset === undefined ? 0 : this.reader.u64(keys + this.slotsOffset);
    if (slots === 0 || slots > 2 * MAX_ENTRIES) return undefined;
    if (slots <= 0xff) return slots;
    return slots <= 0xffff ? slots * 2 : slots * 4;
  }

  key(index: number): number {
    return this.reader.u64(this.first + index * this.stride);
  }

  value(index: number): number {
    return this.reader.u64(this.first + index * this.stride + this.valueOffset);
  }
}

interface EntryLayout {
  readonly bytes: number;
  readonly key: number;
  readonly value: number;
}

function entryLayout(layout: Layout, structure: string): EntryLayout {
  return {
    bytes: layout.size(structure),
    key: layout.offset(structure, "me_key"),
    value: layout.offset(structure, "me_value"),
  };
}

/** Entries in use (`len(dict)`). */
export function dictLength(reader: MemoryReader, layout: Layout, dict: number): number {
  return reader.u64(dict + layout.offset("PyDictObject", "ma_used"));
}
