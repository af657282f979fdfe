/**
 * What objects refer to. Each reference discovers its target; when asked for, it is also written down.
 *
 * They are written into a window of the linear memory, mostly one for all; the host empties it when it is full: records of {place,
 * entries | uncounted ones << 24}, then for each entry {target, slot}. An object's references are one record or several
 * in a row; objects come in the order in which they are decoded. 8 bytes a reference, 8 bytes an object that has any.
 */
import { objectAtAddress, objectInPool, objectOutside } from "./discover.ts";
import { hostStream, load32, store32 } from "./environment.ts";
import * as P from "./parameters.ts";
import * as S from "./state.ts";

/** Next free word of the window, 0 before the first record. */
let end: i32 = 0;
/** First word of the record that is being written. */
let record: i32 = 0;
let source: i32 = 0;
let uncounted: i32 = 0;

/** What is written from now on belongs to the object at `place`, or to `FROM_…`. */
export function beginReferences(place: i32): void {
  if (S.references === 0) return;
  if (end === 0) end = S.references;
  if (S.referencesEnd - end < P.LEAST_RECORD_WORDS) flushReferences();
  record = end;
  end += 2;
  source = place;
  uncounted = 0;
}

/** Closes the record; one without entries leaves nothing. */
export function endReferences(): void {
  if (S.references === 0) return;
  const entries = (end - record - 2) >> 1;
  if (entries === 0) {
    end = record;
    return;
  }
  store32(record, source);
  store32(record + 1, entries | (uncounted << P.UNCOUNTED_SHIFT));
}

/** Hands what is written to the host and empties the window; no record may be open. */
function flushReferences(): void {
  hostStream(P.STREAM_REFERENCES, end - S.references);
  end = S.references;
}

/** Makes room for `entries` more, in a new record of the same object where the window or the record is full. */
function makeRoom(entries: i32): void {
  const windowIsFull = S.referencesEnd - end < entries << 1;
  if (!windowIsFull && end - record < P.MOST_RECORD_WORDS) return;
  const place = source;
  endReferences();
  if (windowIsFull) flushReferences();
  beginReferences(place);
}

/** Words written since the window was emptied; no record may be open. */
export function referenceWords(): i32 {
  return end === 0 ? 0 : end - S.references;
}

/** The present object refers to the one at `place`. */
export function emit(place: i32, slot: i32): void {
  if (S.references === 0) return;
  makeRoom(1);
  store32(end, place);
  store32(end + 1, slot);
  end += 2;
}

/** The present object points at the one at `place` and does not keep it alive. `kind` is `UNCOUNTED` and what more is known. */
export function emitUncounted(place: i32, slot: i32, kind: i32): void {
  if (S.references === 0 || place < 0) return;
  emit(place | kind, slot);
  uncounted++;
}

/** A reference to an address. */
export function visit(low: i32, high: i32, slot: i32): void {
  const place = objectAtAddress(low, high);
  if (place >= 0) emit(place, slot);
}

/** The instance at `word` refers to its type, when that is a heap type. Its place is looked up once for each type. */
export function visitType(word: i32, row: i32): void {
  if (S.references === 0 || (load32(row + P.ROW_FLAGS) & P.FLAG_COUNTS_TYPE) === 0) return;
  if (load32(row + P.ROW_TYPE_PLACE) === 0) {
    store32(row + P.ROW_TYPE_PLACE, objectAtAddress(load32(word + 2), load32(word + 3)) + 1);
  }
  const place = load32(row + P.ROW_TYPE_PLACE) - 1;
  if (place >= 0) emit(place, P.SLOT_TYPE);
}

/** Visits `count` pointers from `word` on; the first lies at `slot`. */
export function visitRun(word: i32, count: i32, slot: i32): void {
  if (S.references === 0) discoverEach(word, count, 2);
  else emitEach(word, count, 2, 2, slot);
}

/**
 * Visits `count` pointers from `word` on; from one to the next it is `step` words and `other` words by turns. The first lies
 * at `slot`, each further one a position behind.
 */
export function visitEach(word: i32, count: i32, step: i32, other: i32, slot: i32): void {
  if (S.references !== 0) emitEach(word, count, step, other, slot);
  else if (step === other) discoverEach(word, count, step);
  else {
    // In what order does not matter here.
    discoverEach(word, (count + 1) >> 1, step + other);
    discoverEach(word + step, count >> 1, step + other);
  }
}

/**
 * Discovers what `count` pointers point at, `step` words apart. This is `visit` written out, with what it needs of the state in
 * locals: nearly all references of a heap pass here, and nearly all end at the look into the page information.
 */
function discoverEach(word: i32, count: i32, step: i32): void {
  const directory = S.directory;
  const pageInfo = S.pageInfo;
  const firstSlot = S.firstSlot;
  const poolShift = S.poolShift;
  const zeroSlotNumber = S.zeroSlotNumber;
  for (let index = 0, at = word; index < count; index++, at += step) {
    const low = load32(at);
    const high = load32(at + 1);
    if ((low & 7) !== 0 || high >>> 15 !== 0) continue;
    const target = load32(load32(directory + high) + (low >>> 20)) + ((low & 0xfffff) >>> 2);
    if (target >>> 18 === zeroSlotNumber) continue;
    if (load32(pageInfo + (((target - firstSlot) >>> poolShift) << 2)) === 0) objectOutside(target);
  }
}

/** The same, and writes down what is an object. */
function emitEach(word: i32, count: i32, step: i32, other: i32, slot: i32): void {
  // An even number of pointers a piece: each begins with `step`.
  const pair = step + other;
  for (let done = 0; done < count; done += P.PIECE_ENTRIES) {
    const left = count - done;
    const entries = left < P.PIECE_ENTRIES ? left : P.PIECE_ENTRIES;
    makeRoom(entries);
    emitPiece(word + (done >>> 1) * pair, entries, step, other, slot + done);
  }
}

function emitPiece(word: i32, count: i32, step: i32, other: i32, slot: i32): void {
  const directory = S.directory;
  const pageInfo = S.pageInfo;
  const firstSlot = S.firstSlot;
  const poolShift = S.poolShift;
  const zeroSlotNumber = S.zeroSlotNumber;
  let to = end;
  for (let index = 0, at = word; index < count; index++) {
    const low = load32(at);
    const high = load32(at + 1);
    at += (index & 1) === 0 ? step : other;
    if ((low & 7) !== 0 || high >>> 15 !== 0) continue;
    const target = load32(load32(directory + high) + (low >>> 20)) + ((low & 0xfffff) >>> 2);
    if (target >>> 18 === zeroSlotNumber) continue;
    const info = pageInfo + (((target - firstSlot) >>> poolShift) << 2);
    const place = load32(info) !== 0 ? objectInPool(target, info) : objectOutside(target);
    if (place < 0) continue;
    store32(to, place);
    store32(to + 1, slot + index);
    to += 2;
  }
  end = to;
}

/** Visits the pointers in words [from, to) of an object, but for weak references and the instance dictionary. */
export function visitFields(word: i32, from: i32, to: i32, row: i32): void {
  const weak = load32(row + P.ROW_WEAK_LIST);
  const dict = load32(row + P.ROW_DICT_OFFSET) >> 2;
  const first = weak < dict ? weak : dict;
  const second = weak < dict ? dict : weak;
  let at = from;
  if (first >= at && first < to) {
    visitWordsOf(word, at, first);
    at = first + 2;
  }
  if (second >= at && second < to) {
    visitWordsOf(word, at, second);
    at = second + 2;
  }
  visitWordsOf(word, at, to);
}

function visitWordsOf(word: i32, from: i32, to: i32): void {
  if (to > from) visitRun(word + from, (to - from) >> 1, P.SLOT_FIELD | ((from - 4) >> 1));
}
