/** The passes between: decode objects, mark generations. */
import { drain, storeBytes, visitBody } from "./buffers.ts";
import * as C from "./containers.ts";
import { objectPlace, otherCount } from "./discover.ts";
import { add64, hostDecode, load32, store32, truncate, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { headWords, isAbsent, stateOf, translate } from "./places.ts";
import { beginReferences, endReferences, visitFields, visitRun, visitType } from "./references.ts";
import * as S from "./state.ts";

/**
 * Unknown C types are followed through at most this many places of at most so many words: what lies there is a guess. A parsed document
 * is one object's, and has millions.
 */
const BODY_PLACES: i32 = 0x1000000;
const BODY_WORDS: i32 = 4096;

/** Size of an int: digits of 30 bits (Objects/longobject.c; the tag of 3.12+ keeps the count in its upper bits). */
function longSize(word: i32): f64 {
  const digits = longDigits(word);
  return unsigned(S.longDigitsBytes) + unsigned(digits < S.longLeastDigits ? S.longLeastDigits : digits) * 4;
}

function longDigits(word: i32): i32 {
  const digits = load32(word + 4);
  if (S.longTagged !== 0) return digits >>> 3;
  return digits < 0 ? -digits : digits;
}

/** Size of an object that keeps its items in place: basicsize + items. */
function ownSize(word: i32, row: i32): f64 {
  let size = unsigned(load32(row + P.ROW_BASIC_BYTES));
  const itemBytes = load32(row + P.ROW_ITEM_BYTES);
  if (itemBytes !== 0 && (load32(row + P.ROW_FLAGS) & P.FLAG_NO_ITEMS) === 0) {
    let items = load32(word + 4);
    if (items < 0) items = -items;
    size += unsigned(items) * unsigned(itemBytes);
  }
  return size;
}

/** Words of the body that may hold references, kept inside the place. */
function bodyWords(size: f64, room: i32): i32 {
  return size > unsigned(room) * 4 ? room : truncate(size) >>> 2;
}

/** Items that a count says, as far as there is room for them. */
function itemsWithin(count: i32, room: i32): i32 {
  return count < 0 ? 0 : count < room ? count : room;
}

/** Visits what an object refers to, claims what it owns; returns sys.getsizeof without the headers before it. */
function decode(word: i32, rowNumber: i32, place: i32, room: i32): f64 {
  const row = S.rows + rowNumber * P.ROW_WORDS;
  const kind = load32(row + P.ROW_KIND);
  const flags = load32(row + P.ROW_FLAGS);
  let size: f64 = 0;
  // The first three are most of a heap.
  if (kind === P.KIND_STR) size = C.decodeStr(word, place, room);
  else if (kind === P.KIND_LONG) size = longSize(word);
  else if (kind === P.KIND_ATOM) size = ownSize(word, row);
  else if (kind === P.KIND_HOST) size = hostDecode(word, rowNumber, place);
  else size = decodeContainer(word, row, kind, place, room);
  if ((flags & P.FLAG_ROUND_8) !== 0) size = Math.ceil(size / 8) * 8;
  if ((flags & P.FLAG_SLOTS) !== 0) visitSlots(word, row, room);
  if (S.references !== 0) visitType(word, row);
  if ((flags & P.FLAG_MANAGED_DICT) !== 0) C.decodeManaged(word, row, place);
  const dictOffset = load32(row + P.ROW_DICT_OFFSET);
  if (dictOffset !== 0) visitOffsetDict(word, row, dictOffset, room);
  return size;
}

/** The same for the fields of its kind, without what its type adds. */
function decodeContainer(word: i32, row: i32, kind: i32, place: i32, room: i32): f64 {
  const size = ownSize(word, row);
  if (kind === P.KIND_LIST) return size + C.decodeList(word, place);
  if (kind === P.KIND_DICT) return size + C.decodeDict(word, place);
  if (kind === P.KIND_SET) return size + C.decodeSet(word, place);
  if (kind === P.KIND_TUPLE)
    visitRun(word + S.tupleItems, itemsWithin(load32(word + 4), (room - S.tupleItems) >>> 1), P.SLOT_ITEM);
  else if (kind === P.KIND_INSTANCE) visitFields(word, 4, bodyWords(size, room), row);
  else if (kind === P.KIND_BODY) {
    visitBody(word, 4, bodyWords(size, room), row, place);
    drain(P.STATE_BUFFER, place, BODY_PLACES, BODY_WORDS, P.SLOT_MEMORY);
  } else if (kind === P.KIND_WEAK_REFERENCE) C.decodeWeakReference(word);
  else if (kind === P.KIND_BYTES) C.decodeBytes(word, place, room);
  return size;
}

/** Slots and dictionary that a subclass adds behind its base's fields. */
function visitSlots(word: i32, row: i32, room: i32): void {
  const end = load32(row + P.ROW_BASIC_BYTES) >>> 2;
  visitFields(word, load32(row + P.ROW_SLOTS), end > room ? room : end, row);
}

/** The instance dictionary; its offset counts from the end of a variable-size object when negative (_PyObject_GetDictPtr). */
function visitOffsetDict(word: i32, row: i32, dictOffset: i32, room: i32): void {
  let at = dictOffset >> 2;
  if (dictOffset < 0) {
    let size = ownSize(word, row);
    if (load32(row + P.ROW_KIND) === P.KIND_LONG) size += unsigned(longDigits(word)) * 4;
    at = (((truncate(size) + 7) & -8) + dictOffset) >> 2;
  }
  if (at >= 4 && at + 1 < room) visitRun(word + at, 1, P.SLOT_DICT);
}

/** Reference count for the link column; immortal ones are all ones. */
function referenceCount(word: i32): i32 {
  const count = load32(word);
  return S.immortal !== 0 && count < 0 ? -1 : count;
}

/** Decodes one object and enters its columns. */
function enter(word: i32, about: i32, place: i32, room: i32): void {
  const rowNumber = about & P.TYPE_MASK;
  const row = S.rows + rowNumber * P.ROW_WORDS;
  if (S.references !== 0) beginReferences(place);
  const size = decode(word, rowNumber, place, room) + unsigned(load32(row + P.ROW_HEAD_SHALLOW));
  if (S.references !== 0) endReferences();
  store32(S.link + place, referenceCount(word));
  storeBytes(place, size);
  add64(row + P.ROW_COUNT, 1);
  add64(row + P.ROW_SHALLOW, size);
}

/** Decodes the objects of those of the pools [from, to) whose turn it is. */
export function decodePools(from: i32, to: i32, turn: i32): void {
  for (let index = from; index < to; index++) {
    const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
    if (load32(entry + 2) !== turn) continue;
    const pool = load32(entry);
    const firstPlace = load32(entry + 1);
    const info = S.pageInfo + (((pool - S.firstSlot) >>> S.poolShift) << 2);
    const blockWords = load32(info + 2);
    const blocks = load32(info + 3);
    let start = pool + S.poolHeaderWords + S.debugWords;
    for (let block = 0; block < blocks; block++, start += blockWords) {
      const about = load32(S.descriptor + firstPlace + block);
      if (stateOf(about) !== P.STATE_OBJECT) continue;
      const head = headWords((about >>> P.HEAD_SHIFT) & 3);
      enter(start + head, about, firstPlace + block, blockWords - S.debugWords - head);
    }
  }
}

/** Decodes the objects of chunks [from, to). */
export function decodeChunks(from: i32, to: i32): void {
  for (let chunk = from; chunk < to; chunk++) {
    const about = load32(S.descriptor + S.poolPlaces + chunk);
    if (stateOf(about) !== P.STATE_OBJECT) continue;
    const debugHeaders = (about & P.TWICE_DEBUGGED) !== 0 ? 2 : 1;
    const head = headWords((about >>> P.HEAD_SHIFT) & 3) + debugHeaders * S.debugWords;
    enter(load32(S.chunkStarts + chunk) + head, about, S.poolPlaces + chunk, load32(S.chunkWords + chunk) - head);
  }
}

/** Most words that an object outside pools and chunks is believed to have where the allocator is known: static ones are small. */
const STATIC_WORDS: i32 = 0x40000;

/** Words that an object at `word` outside pools and chunks can have: nothing says where it ends. */
function roomOutside(word: i32): i32 {
  const left = (S.endWord - word) | 0;
  const most = S.chunkPlaces !== 0 ? STATIC_WORDS : 0x0fffffff;
  return left > 0 && left < most ? left : most;
}

/** Decodes the objects outside pools and chunks from number `from` on, and those that this discovers; returns how many there are. */
export function decodeOthers(from: i32): i32 {
  let index = from;
  while (index < otherCount) {
    const place = S.poolPlaces + S.chunkPlaces + index;
    const word = load32(S.otherWords + index);
    enter(word, load32(S.descriptor + place), place, roomOutside(word));
    index++;
  }
  return index;
}

/**
 * Walks a collector's list from its head and notes the generation of each member. Bounded by `limit`; a list that leaves
 * the image ends there (result is negative then: −1 − members).
 */
export function markGeneration(head: i32, generation: i32, limit: i32): i32 {
  let members = 0;
  let word = translate(load32(head) & -4, load32(head + 1));
  while (word !== head) {
    if (isAbsent(word) || members >= limit) return -1 - members;
    const place = objectPlace(word + S.gcHead);
    if (place >= 0) {
      const at = S.descriptor + place;
      store32(at, (load32(at) & ~(3 << P.GENERATION_SHIFT)) | (generation << P.GENERATION_SHIFT));
    }
    members++;
    word = translate(load32(word) & -4, load32(word + 1));
  }
  return members;
}
