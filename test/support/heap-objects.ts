import { roundUp } from "../../src/base/units.ts";
import { SlotPart } from "../../src/snapshot/graph-tables.ts";
import { packSlot } from "../../src/snapshot/references.ts";
import {
  fieldSlot,
  type HeapEncoder,
  indexBytes,
  keysBytes,
  slotBits,
  usableSlots,
  type WrittenClass,
  type WrittenObject,
} from "./heap-encoder.ts";
import type { ObjectModel } from "./heap-model.ts";
import { NATIVE_WORDS } from "./heap-types.ts";
import { Home } from "./heap-writer.ts";

const SMALL_SET_ENTRIES = 8;
const LARGE_SET_ENTRIES = 32;
/** dk_kind of 3.11 and later. */
const KeysKind = { general: 0, unicode: 1, split: 2 } as const;

/** First slots of parts. */
const ITEM = packSlot(SlotPart.item, 0);
const ATTRIBUTE = packSlot(SlotPart.attribute, 0);

type Of<Kind extends ObjectModel["kind"]> = Extract<ObjectModel, { kind: Kind }>;

/** Writes what an object holds, and gives it the buffers that it owns. Structures as of CPython's headers of each version. */
export function fillObject(encoder: HeapEncoder, written: WrittenObject): void {
  const { writer } = encoder;
  const { address, model } = written;
  const { object } = model;
  const owner = encoder.dictClasses.find((each) => each.object === written);
  if (owner) {
    fillSharedKeys(encoder, owner);
    return;
  }
  switch (object.kind) {
    case "int":
      fillInt(encoder, address, object);
      break;
    case "bytes":
      writer.put64(address + 16, object.length);
      break;
    case "str":
      fillStr(encoder, written, object);
      break;
    case "tuple":
      writer.put64(address + 16, object.items.length);
      referAll(encoder, written, address + 24, object.items, ITEM);
      break;
    case "list":
      fillList(encoder, written, object);
      break;
    case "dict":
      fillDict(encoder, written, object);
      break;
    case "split":
      fillSplit(encoder, written, object);
      break;
    case "set":
      fillSet(encoder, written, object);
      break;
    case "slots":
      referAll(encoder, written, address + 16, object.values.slice(0, written.type.model?.slots), fieldSlot(16));
      break;
    case "instance":
      fillInstance(encoder, written, object);
      break;
    case "native":
      fillNative(encoder, written, object);
      break;
    case "float":
      writer.put64(address + 16, 0x3ff0_0000_0000);
      break;
  }
}

/** Writes references from an address on; the first is in `slot`, each further one a position behind. */
function referAll(encoder: HeapEncoder, written: WrittenObject, at: number, references: readonly number[], slot: number): void {
  for (const [index, reference] of references.entries()) {
    encoder.refer(written, at + index * 8, encoder.target(reference), slot + index);
  }
}

/** New memory that belongs to the object. */
function allocateBuffer(
  encoder: HeapEncoder,
  { buffers }: WrittenObject,
  bytes: number,
  usedBytes: number | undefined,
): number {
  const address = encoder.writer.allocate(Home.pool, bytes);
  buffers.push({ address, usedBytes });
  return address;
}

function fillInt({ writer, layout }: HeapEncoder, address: number, { digits, negative }: Of<"int">): void {
  if (layout.has("PyLongObject", "long_value.lv_tag")) {
    const sign = digits === 0 ? 1 : negative ? 2 : 0;
    writer.put64(address + layout.offset("PyLongObject", "long_value.lv_tag"), digits * 8 + sign);
    return;
  }
  writer.put32(address + 16, negative ? -digits >>> 0 : digits);
  writer.put32(address + 20, negative && digits > 0 ? 2 ** 32 - 1 : 0);
}

function fillStr(encoder: HeapEncoder, written: WrittenObject, { length, width, form, utf8Bytes, wide }: Of<"str">): void {
  const { writer, layout } = encoder;
  const { address } = written;
  const bits = { kind: width, compact: form === "outside" ? 0 : 1, ascii: form === "ascii" ? 1 : 0 };
  let state = 0;
  for (const [name, value] of Object.entries(bits))
    state |= value << layout.bitField("PyASCIIObject", `state.${name}`).firstBit;
  writer.put64(address + layout.offset("PyASCIIObject", "length"), length);
  writer.put32(address + layout.offset("PyASCIIObject", "state"), state);
  if (form === "outside") {
    const bytes = (length + 1) * width;
    writer.put64(address + layout.offset("PyUnicodeObject", "data"), allocateBuffer(encoder, written, bytes, bytes));
  }
  if (form !== "ascii" && utf8Bytes > 0) {
    writer.put64(address + layout.offset("PyCompactUnicodeObject", "utf8_length"), utf8Bytes);
    const utf8 = allocateBuffer(encoder, written, utf8Bytes + 1, utf8Bytes + 1);
    writer.put64(address + layout.offset("PyCompactUnicodeObject", "utf8"), utf8);
  }
  if (wide && layout.has("PyASCIIObject", "wstr")) {
    if (form !== "ascii") writer.put64(address + layout.offset("PyCompactUnicodeObject", "wstr_length"), length);
    const bytes = (length + 1) * 4;
    writer.put64(address + layout.offset("PyASCIIObject", "wstr"), allocateBuffer(encoder, written, bytes, bytes));
  }
}

function fillList(encoder: HeapEncoder, written: WrittenObject, { items, spare }: Of<"list">): void {
  const { writer, layout } = encoder;
  const allocated = items.length + spare;
  writer.put64(written.address + 16, items.length);
  writer.put64(written.address + layout.offset("PyListObject", "allocated"), allocated);
  if (allocated === 0) return;
  const table = allocateBuffer(encoder, written, allocated * 8, allocated * 8);
  writer.put64(written.address + layout.offset("PyListObject", "ob_item"), table);
  referAll(encoder, written, table, items, ITEM);
}

function fillSet(encoder: HeapEncoder, written: WrittenObject, { keys, removed, large }: Of<"set">): void {
  const { writer, layout } = encoder;
  const entries = large ? LARGE_SET_ENTRIES : SMALL_SET_ENTRIES;
  const table = large
    ? allocateBuffer(encoder, written, entries * 16, entries * 16)
    : written.address + layout.offset("PySetObject", "smalltable");
  writer.put64(written.address + layout.offset("PySetObject", "mask"), entries - 1);
  writer.put64(written.address + layout.offset("PySetObject", "table"), table);
  for (const [index, key] of keys.entries()) {
    encoder.refer(written, table + ((index * 5) % entries) * 16, encoder.target(key), ITEM + ((index * 5) % entries));
  }
  for (const [index, dummy] of removed.entries()) {
    const entry = table + (((keys.length + index) * 5) % entries) * 16;
    writer.put64(entry, encoder.target(dummy));
    for (const half of [8, 12]) writer.put32(entry + half, 2 ** 32 - 1);
  }
}

function putKeysHeader(
  { writer, layout, minor }: HeapEncoder,
  keys: number,
  facts: { references: number; bits: number; kind: number; entries: number },
): void {
  const { references, bits, kind, entries } = facts;
  const field = (name: string) => keys + layout.offset("PyDictKeysObject", name);
  writer.put64(field("dk_refcnt"), references);
  if (minor >= 11) {
    writer.put8(field("dk_log2_size"), bits);
    writer.put8(field("dk_log2_index_bytes"), bits + Math.log2(indexBytes(bits)));
    writer.put8(field("dk_kind"), kind);
  } else {
    writer.put64(field("dk_size"), 2 ** bits);
  }
  writer.put64(field("dk_usable"), usableSlots(bits) - entries);
  writer.put64(field("dk_nentries"), entries);
}

/** First entry of a keys object, behind its indices. */
function firstEntry({ layout }: HeapEncoder, keys: number, bits: number): number {
  return keys + layout.offset("PyDictKeysObject", "dk_indices") + 2 ** bits * indexBytes(bits);
}

function fillDict(encoder: HeapEncoder, written: WrittenObject, { entries, deleted, spareBits, strKeys }: Of<"dict">): void {
  const { writer, layout, minor } = encoder;
  const bits = slotBits(entries.length + deleted) + spareBits;
  const unicode = strKeys && minor >= 11;
  const entryBytes = unicode ? 16 : 24;
  const bytes = keysBytes(layout, bits, entryBytes);
  const keys = allocateBuffer(encoder, written, bytes, bytes);
  const kind = unicode ? KeysKind.unicode : KeysKind.general;
  putKeysHeader(encoder, keys, { references: 1, bits, kind, entries: entries.length + deleted });
  writer.put64(written.address + layout.offset("PyDictObject", "ma_used"), entries.length);
  writer.put64(written.address + layout.offset("PyDictObject", "ma_keys"), keys);
  const first = firstEntry(encoder, keys, bits) + (unicode ? 0 : 8) + deleted * entryBytes;
  for (const [index, [key, value]] of entries.entries()) {
    encoder.refer(written, first + index * entryBytes, encoder.target(key), ITEM + 2 * (deleted + index));
    encoder.refer(written, first + index * entryBytes + 8, encoder.target(value), ITEM + 2 * (deleted + index) + 1);
  }
}

/** The keys that the instances of a class share; they are the class's. */
function fillSharedKeys(encoder: HeapEncoder, { object, type, keys, keysBits }: WrittenClass): void {
  const names = type.model?.names ?? [];
  putKeysHeader(encoder, keys, { references: 7, bits: keysBits, kind: KeysKind.split, entries: names.length });
  const entryBytes = encoder.minor >= 11 ? 16 : 24;
  const first = firstEntry(encoder, keys, keysBits) + (entryBytes === 24 ? 8 : 0);
  for (const [index, name] of names.entries())
    encoder.refer(object, first + index * entryBytes, encoder.target(name), ATTRIBUTE + index);
}

function fillSplit(encoder: HeapEncoder, written: WrittenObject, object: Of<"split">): void {
  const { writer, layout } = encoder;
  const shared = encoder.classOf(object) as WrittenClass;
  const keys = object.alone ? writeOwnKeys(encoder, written, shared) : shared.keys;
  writer.put64(written.address + layout.offset("PyDictObject", "ma_keys"), keys);
  writer.put64(
    written.address + layout.offset("PyDictObject", "ma_values"),
    writeValues(encoder, written, shared, object.values, object.alone),
  );
}

/** Keys as a class has them, of one dictionary; returns where they are. */
function writeOwnKeys(encoder: HeapEncoder, written: WrittenObject, { type, keysBits }: WrittenClass): number {
  const names = type.model?.names ?? [];
  const entryBytes = encoder.minor >= 11 ? 16 : 24;
  const bytes = keysBytes(encoder.layout, keysBits, entryBytes);
  const keys = allocateBuffer(encoder, written, bytes, bytes);
  putKeysHeader(encoder, keys, { references: 1, bits: keysBits, kind: KeysKind.split, entries: names.length });
  const first = firstEntry(encoder, keys, keysBits) + (entryBytes === 24 ? 8 : 0);
  for (const [index, name] of names.entries())
    encoder.refer(written, first + index * entryBytes, encoder.target(name), ITEM + 2 * index);
  return keys;
}

/** Values of a split dictionary in memory of their own; returns where the pointer to them points. */
function writeValues(
  encoder: HeapEncoder,
  written: WrittenObject,
  shared: WrittenClass,
  given: readonly number[],
  alone = false,
): number {
  const { writer, minor } = encoder;
  const refer = (at: number): void => {
    for (const [index, value] of values.entries()) {
      encoder.refer(written, at + index * 8, encoder.target(value), alone ? ITEM + 2 * index + 1 : ATTRIBUTE + index);
    }
  };
  const capacity = usableSlots(shared.keysBits);
  const values = given.slice(0, shared.type.model?.names.length);
  if (minor >= 13) {
    const bytes = 8 + capacity * 8 + roundUp(capacity, 8);
    const table = allocateBuffer(encoder, written, bytes, bytes);
    for (const [index, byte] of [capacity, values.length, 0, 1].entries()) writer.put8(table + index, byte);
    refer(table + 8);
    return table;
  }
  // 3.11 and 3.12: the order of insertion, its length and the length of all that, before the values.
  const prefix = minor >= 11 ? roundUp(capacity + 2, 8) : 0;
  const bytes = prefix + capacity * 8;
  const first = allocateBuffer(encoder, written, bytes, bytes) + prefix;
  if (prefix > 0) {
    writer.put8(first - 1, prefix);
    writer.put8(first - 2, values.length);
  }
  refer(first);
  return first;
}

function fillInstance(encoder: HeapEncoder, written: WrittenObject, object: Of<"instance">): void {
  const { writer, minor } = encoder;
  const { address, type } = written;
  const shared = encoder.classOf(object) as WrittenClass;
  const dict = encoder.targetDict(object.dict);
  const dictAt = minor >= 11 ? address - 24 : address + 16;
  if (dict !== undefined) encoder.refer(written, dictAt, dict, packSlot(SlotPart.implicit, 1));
  if (minor >= 13) {
    const at = address + type.basicBytes;
    const values = object.values.slice(0, type.model?.names.length);
    // Once there is a dictionary it may have taken the values along.
    const valid = dict === undefined;
    for (const [index, byte] of [usableSlots(shared.keysBits), values.length, 1, valid ? 1 : 0].entries()) {
      writer.put8(at + index, byte);
    }
    if (valid) referAll(encoder, written, at + 8, values, ATTRIBUTE);
  } else if (minor >= 11 && dict === undefined) {
    const values = writeValues(encoder, written, shared, object.values);
    if (minor === 11) writer.put64(address - 32, values);
    else writer.put64(dictAt, values - 1);
  }
}

function fillNative(encoder: HeapEncoder, written: WrittenObject, { words }: Of<"native">): void {
  for (const [index, word] of words.slice(0, NATIVE_WORDS).entries()) {
    const at = written.address + 16 + index * 8;
    switch (word.is) {
      case "reference":
        encoder.refer(written, at, encoder.target(word.to), fieldSlot(16 + index * 8));
        break;
      case "number":
        encoder.writer.put64(at, word.value);
        break;
      case "buffer": {
        const buffer = allocateBuffer(encoder, written, word.bytes, undefined);
        encoder.writer.put64(at, buffer);
        for (const [place, to] of word.to.entries()) {
          encoder.refer(written, buffer + place * 8, encoder.target(to), packSlot(SlotPart.memory, 0));
        }
        break;
      }
    }
  }
}
