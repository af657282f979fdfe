/** Exact layouts of the containers that heaps are full of: what they refer to, what they own, how big they are. */
import { claim, claimExtra, fits, rawPlaceAt } from "./buffers.ts";
import { noteContent } from "./contents.ts";
import { objectAtAddress } from "./discover.ts";
import { load32, load64, truncate, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { isAbsent, translate } from "./places.ts";
import { emitUncounted, visit, visitEach, visitRun } from "./references.ts";
import * as S from "./state.ts";

/** ⌊2n/3⌋: entries of a dictionary of n slots (CPython Objects/dictobject.c USABLE_FRACTION). */
function usable(slots: f64): f64 {
  return Math.floor((slots * 2) / 3);
}

/** list: items table of its own. Returns the table's bytes. */
export function decodeList(word: i32, place: i32): f64 {
  const low = load32(word + S.listItems);
  const high = load32(word + S.listItems + 1);
  const bytes = load64(word + S.listAllocated) * 8;
  if ((low | high) === 0 || !fits(low, high, bytes)) return 0;
  claim(low, high, bytes, place);
  const count = load32(word + 4);
  if (unsigned(count) * 8 <= bytes) visitRun(translate(low, high), count, P.SLOT_ITEM);
  return bytes;
}

/** PySet_MINSIZE (CPython Include/setobject.h). */
const SMALL_SET_ENTRIES: i32 = 8;

/** set and frozenset: a table of {key, hash} inside the object up to 8 entries, outside beyond. */
export function decodeSet(word: i32, place: i32): f64 {
  const low = load32(word + S.setTable);
  const high = load32(word + S.setTable + 1);
  const table = translate(low, high);
  const entries = load32(word + S.setMask) + 1;
  if (isAbsent(table) || entries <= 0 || (entries & (entries - 1)) !== 0) return 0;
  const inside = table === word + S.setSmallTable;
  if (inside && entries > SMALL_SET_ENTRIES) return 0;
  const bytes = unsigned(entries) * 16;
  if (!inside) {
    if (!fits(low, high, bytes)) return 0;
    claim(low, high, bytes, place);
  }
  visitMembers(table, entries);
  return inside ? 0 : bytes;
}

/** Visits the keys of a set's table. That of a removed entry is a dummy, no member: its hash is −1 (Objects/setobject.c). */
function visitMembers(table: i32, entries: i32): void {
  let from = 0;
  for (let entry = 0; entry < entries; entry++) {
    const hash = table + (entry << 2) + 2;
    if ((load32(hash) & load32(hash + 1)) !== -1) continue;
    visitEach(table + (from << 2), entry - from, 4, 4, P.SLOT_ITEM | from);
    from = entry + 1;
  }
  visitEach(table + (from << 2), entries - from, 4, 4, P.SLOT_ITEM | from);
}

/** Facts of the keys object last read by `readKeys`. */
let keysWord: i32 = 0;
let keysBytes: f64 = 0;
let keysCount: i32 = 0;
let keysFirst: i32 = 0;
let keysEntryWords: i32 = 0;
let keysKeyWord: i32 = 0;
/** Slots for split values: usable + nentries. */
let keysCapacity: i32 = 0;
let keysSlots: f64 = 0;

/** Reads a PyDictKeysObject; false when it cannot be one. Sources: dictobject.c of 3.6–3.13, pycore_dict.h. */
function readKeys(low: i32, high: i32): boolean {
  keysWord = translate(low, high);
  if (isAbsent(keysWord) || (low & 7) !== 0) return false;
  let indexBytes: f64 = 0;
  if (S.keysForm === P.KEYS_COMPACT) {
    const sizes = load32(keysWord + 2);
    const logSlots = sizes & 255;
    const logIndex = (sizes >>> 8) & 255;
    const form = (sizes >>> 16) & 255;
    if (logSlots > 31 || logIndex > 34 || form > 2) return false;
    keysSlots = unsigned(1 << logSlots);
    indexBytes =
      logIndex === 32 ? 4294967296.0 : logIndex > 32 ? 8589934592.0 * unsigned(1 << (logIndex - 33)) : unsigned(1 << logIndex);
    keysEntryWords = form === 0 ? 6 : 4;
    keysKeyWord = form === 0 ? 2 : 0;
  } else {
    keysSlots = load64(keysWord + S.keysSize);
    if (keysSlots < 1 || keysSlots > 4294967296.0) return false;
    indexBytes = keysSlots * (keysSlots <= 255 ? 1 : keysSlots <= 65535 ? 2 : keysSlots <= 4294967295.0 ? 4 : 8);
    keysEntryWords = 6;
    keysKeyWord = 2;
  }
  keysCount = load32(keysWord + S.keysEntries);
  keysCapacity = load32(keysWord + S.keysUsable) + keysCount;
  keysBytes = unsigned(S.keysHeaderBytes) + indexBytes + usable(keysSlots) * unsigned(keysEntryWords) * 4;
  // The entries begin behind the indices; sizes below 2^33 keep the word offset in 32 bits.
  if (keysBytes > 8589934592.0 || keysCount < 0 || unsigned(keysCount) > usable(keysSlots) + 1) return false;
  keysFirst = keysWord + (S.keysHeaderBytes >>> 2) + truncate(indexBytes / 4);
  return fits(low, high, keysBytes);
}

/** Bytes of the keys object of the last dictionary or type, 0 when it could not be read. For `decodeKeysOf`. */
export function keysSize(low: i32, high: i32): f64 {
  return readKeys(low, high) ? keysBytes : 0;
}

/** A type's shared keys belong to the type: claims them and visits the keys. Returns their bytes. */
export function decodeSharedKeys(low: i32, high: i32, place: i32): f64 {
  if ((low | high) === 0 || !readKeys(low, high)) return 0;
  const bytes = keysBytes;
  claim(low, high, bytes, place);
  visitEach(keysFirst + keysKeyWord, keysCount, keysEntryWords, keysEntryWords, P.SLOT_ATTRIBUTE);
  return bytes;
}

/** dict: combined or split. Returns the bytes that sys.getsizeof adds to the object's own. */
export function decodeDict(word: i32, place: i32): f64 {
  const low = load32(word + S.dictKeys);
  const high = load32(word + S.dictKeys + 1);
  if (!readKeys(low, high)) return 0;
  const valuesLow = load32(word + S.dictValues);
  const valuesHigh = load32(word + S.dictValues + 1);
  const own = load32(keysWord) === 1 && load32(keysWord + 1) === 0;
  // Read before visiting: a visit may read other keys.
  const ownBytes = own ? keysBytes : 0;
  if (own) claim(low, high, ownBytes, place);
  if ((valuesLow | valuesHigh) !== 0) {
    if (S.references !== 0 && !own) emitUncounted(rawPlaceAt(low, high), P.SLOT_FIELD | ((S.dictKeys - 4) >> 1), P.SHARED_KEYS);
    return decodeSplitValues(valuesLow, valuesHigh, place, own) + ownBytes;
  }
  // Keys and values by turns.
  visitEach(keysFirst + keysKeyWord, keysCount << 1, 2, keysEntryWords - 2, P.SLOT_ITEM);
  return ownBytes;
}

/** Values of a split dictionary whose keys were just read; returns what sys.getsizeof counts of them. */
function decodeSplitValues(low: i32, high: i32, place: i32, own: boolean): f64 {
  const word = translate(low, high);
  if (isAbsent(word)) return 0;
  const count = keysCount;
  if (S.valuesForm === P.VALUES_SIZED) {
    const capacity = load32(word) & 255;
    const embedded = ((load32(word) >>> 16) & 255) !== 0;
    // 8 bytes of header, the pointers, and one byte of insertion order each, rounded up (pycore_dict.h, 3.13).
    // Those in the object are the object's.
    if (!embedded) {
      claim(low, high, unsigned(8 + capacity * 8 + ((capacity + 7) & -8)), place);
      visitSplit(word + 2, count < capacity ? count : capacity, own);
    }
    // sys.getsizeof goes by the room of the shared keys, which may have changed since.
    return unsigned(keysCapacity) * 8;
  }
  if (S.valuesForm === P.VALUES_PREFIXED) {
    const capacity = keysCapacity;
    const prefix = load32(word - 1) >>> 24;
    claim(low - prefix, high, unsigned(prefix + capacity * 8), place);
    visitSplit(word, count, own);
    return unsigned(capacity) * 8;
  }
  const bytes = usable(keysSlots) * 8;
  claim(low, high, bytes, place);
  visitSplit(word, count, own);
  return bytes;
}

/**
 * Visits values, whose keys were just read. A dictionary that alone has its keys refers to them as well: its class shares others by
 * now (make_keys_shared of 3.6–3.10, insertdict later), so both are entries of its own.
 */
function visitSplit(values: i32, count: i32, own: boolean): void {
  if (!own) {
    visitRun(values, count, P.SLOT_ATTRIBUTE);
    return;
  }
  const entryWords = keysEntryWords;
  let key = keysFirst + keysKeyWord;
  for (let entry = 0; entry < count; entry++, key += entryWords) {
    visitRun(key, 1, P.SLOT_ITEM | (entry << 1));
    visitRun(values + (entry << 1), 1, P.SLOT_ITEM | (entry << 1) | 1);
  }
}

/** More than SHARED_KEYS_MAX_SIZE (dictobject.c, 30) rounded up to what its table holds. */
const MOST_SHARED_KEYS: i32 = 255;

/** Instance dictionary of a class with a managed one: the words before the object and the values beside or in it. */
export function decodeManaged(word: i32, row: i32, place: i32): void {
  const keys = load32(row + P.ROW_SHARED_KEYS);
  const count = keys === S.zeroSlot ? 0 : load32(keys + S.keysEntries);
  let low = load32(word - 6);
  let high = load32(word - 5);
  if (S.managedForm !== P.MANAGED_TAGGED || (low & 1) === 0) visit(low, high, P.SLOT_DICT);
  if (S.managedForm === P.MANAGED_INLINE) {
    if ((load32(row + P.ROW_FLAGS) & P.FLAG_INLINE_VALUES) !== 0) visitInline(word, row, count);
    return;
  }
  if (S.managedForm === P.MANAGED_PAIR) {
    low = load32(word - 8);
    high = load32(word - 7);
    if ((low | high) === 0) return;
  } else {
    if ((low & 1) === 0) return;
    low += 1;
    if (low === 0) high += 1;
  }
  const values = translate(low, high);
  if (isAbsent(values) || keys === S.zeroSlot) return;
  const prefix = load32(values - 1) >>> 24;
  const capacity = load32(keys + S.keysUsable) + count;
  if (count < 0 || capacity < count || capacity > MOST_SHARED_KEYS) return;
  // sys.getsizeof leaves them out.
  if (claimExtra(low - prefix, high, unsigned(prefix + capacity * 8), place) !== 0) {
    visitRun(values, count, P.SLOT_ATTRIBUTE);
  }
}

/** Values behind an instance of 3.13 and later. */
function visitInline(word: i32, row: i32, count: i32): void {
  const values = word + (((load32(row + P.ROW_BASIC_BYTES) + 7) >>> 3) << 1);
  const about = load32(values);
  const capacity = about & 255;
  // The valid byte is cleared when the values moved out to a dictionary of its own.
  if (about >>> 24 !== 0) visitRun(values + 2, count < capacity ? count : capacity, P.SLOT_ATTRIBUTE);
}

/** weakref: its target, which it does not keep alive, and the callback. Its links to other weak references are none. */
export function decodeWeakReference(word: i32): void {
  const target = word + S.weakObject;
  const place = objectAtAddress(load32(target), load32(target + 1));
  emitUncounted(place, P.SLOT_FIELD | ((S.weakObject - 4) >> 1), P.UNCOUNTED);
  const callback = word + S.weakCallback;
  visit(load32(callback), load32(callback + 1), P.SLOT_FIELD | ((S.weakCallback - 4) >> 1));
}

/**
 * str: characters inside or outside the object, and cached UTF-8 and wchar_t forms. Returns its whole size; `room` is how many
 * words it can have.
 */
export function decodeStr(word: i32, place: i32, room: i32): f64 {
  // Compact and ASCII, as nearly all are.
  if ((load32(word + S.strState) & 96) !== 96) return decodeOtherStr(word, place, room);
  const length = load64(word + 4);
  if (S.contents !== 0) noteInside(word, place, S.strAsciiBytes >>> 2, room, length, 1);
  const size = unsigned(S.strAsciiBytes) + length + 1;
  return S.strWstr < 0 ? size : size + wideForm(word, place, length);
}

function decodeOtherStr(word: i32, place: i32, room: i32): f64 {
  const state = load32(word + S.strState);
  const length = load64(word + 4);
  const width = (state >>> 2) & 7;
  const compact = (state & 32) !== 0;
  const low = load32(word + S.strData);
  const high = load32(word + S.strData + 1);
  let size = unsigned(S.strUnicodeBytes);
  if (compact) {
    size = unsigned(S.strCompactBytes) + (length + 1) * unsigned(width);
    if (S.contents !== 0) noteInside(word, place, S.strCompactBytes >>> 2, room, length, width);
  } else if ((low | high) !== 0) {
    size += (length + 1) * unsigned(width);
    claim(low, high, (length + 1) * unsigned(width), place);
    if (S.contents !== 0 && fits(low, high, length * unsigned(width)))
      noteContent(place, translate(low, high), length, width, width);
  }
  const utf8 = load32(word + S.strUtf8);
  const utf8High = load32(word + S.strUtf8 + 1);
  if ((utf8 | utf8High) !== 0 && (compact || utf8 !== low || utf8High !== high)) {
    const bytes = load64(word + S.strUtf8Length) + 1;
    // Static strings have a static form, which nobody allocated; no character takes more than four bytes.
    if (claim(utf8, utf8High, bytes, place) > 0 || bytes <= length * 4 + 1) size += bytes;
  }
  return size + wideForm(word, place, length);
}

/** Notes what a str holds behind its `head` words; one that would not fit its place is damaged. */
function noteInside(word: i32, place: i32, head: i32, room: i32, length: f64, width: i32): void {
  if (length * unsigned(width) <= unsigned(room - head) * 4) noteContent(place, word + head, length, width, width);
}

/** bytes: notes what it holds. */
export function decodeBytes(word: i32, place: i32, room: i32): void {
  const length = load64(word + 4);
  if (S.contents !== 0 && length <= unsigned(room - S.bytesData) * 4) noteContent(place, word + S.bytesData, length, 1, 0);
}

/** The wchar_t form that strings up to 3.11 may keep. */
function wideForm(word: i32, place: i32, length: f64): f64 {
  if (S.strWstr < 0) return 0;
  const low = load32(word + S.strWstr);
  const high = load32(word + S.strWstr + 1);
  if ((low | high) === 0) return 0;
  const state = load32(word + S.strState);
  const characters = (state & 96) === 96 ? length : load64(word + S.strWstrLength);
  const bytes = (characters + 1) * 4;
  return claim(low, high, bytes, place) > 0 ? bytes : 0;
}
