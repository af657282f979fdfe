/** Memory that belongs to objects, to the runtime or to libraries: it gets its owner, and what lies in it is followed. */

import { chunkBehind, describe, objectAt } from "./discover.ts";
import { add64, hostLarge, load32, store32, truncate, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import {
  blockOf,
  chunkAt,
  chunkHolding,
  headWords,
  isAbsent,
  offsetInPlace,
  pageInfoOf,
  stateOf,
  translate,
  wordsOf,
} from "./places.ts";
import { beginReferences, emit, endReferences } from "./references.ts";
import * as S from "./state.ts";

let claimConflicts: i32 = 0;

/** Buffers that two owners claimed; the first keeps them. */
export function claimConflictCount(): i32 {
  return claimConflicts;
}

/** Notes the bytes of a place; those of 4 GiB and more are told to the host. */
export function storeBytes(place: i32, bytes: f64): void {
  if (bytes >= 4294967295.0) hostLarge(place, bytes);
  store32(S.bytes + place, bytes >= 4294967295.0 ? -1 : truncate(bytes));
}

/** Place of the chunk that hands out `word`: at its start, or behind the headers of debug allocators. */
function chunkHandingOut(word: i32): i32 {
  const place = chunkAt(word);
  return place < 0 && S.debugWords !== 0 ? chunkBehind(word - S.debugWords) : place;
}

/** Bytes that the block or chunk beginning at `low`, `high` can hold behind that address; 0 when nothing begins there. */
export function capacityAt(low: i32, high: i32): f64 {
  return rawPlaceAt(low, high) < 0 ? 0 : askedBytes;
}

/**
 * True when a table of `used` bytes can lie at an address. Where no chunk is known to begin there, only small tables are
 * believed (static data of the interpreter), or all of them when the allocator was not recognised.
 */
export function fits(low: i32, high: i32, used: f64): boolean {
  const capacity = capacityAt(low, high);
  if (capacity > 0) return used <= capacity;
  const word = translate(low, high);
  if (isAbsent(word) || (low & 7) !== 0 || load32(pageInfoOf(word)) !== 0) return false;
  if (used <= 4096) return true;
  if (S.chunkPlaces !== 0 || used > 2147483647.0) return false;
  // The end must lie as far behind the start in the image as it does in memory.
  const end = unsigned(low) + used - 8;
  const carry = end >= 4294967296.0 ? 1 : 0;
  const endWord = translate(truncate(end - (carry === 0 ? 0 : 4294967296.0)), high + carry);
  return !isAbsent(endWord) && unsigned(endWord - word) * 4 <= used && unsigned(endWord - word) * 4 >= used - 16;
}

/** Place (of any state) that holds `word` in a pool, or whose chunk's memory begins there or one header before; −1 for none. */
export function rawPlace(word: i32): i32 {
  if (isAbsent(word)) return -1;
  const info = pageInfoOf(word);
  if (load32(info) !== 0) return blockOf(word, info);
  for (let code = 0; code < 4; code++) {
    const head = headWords(code);
    if (head < 0) continue;
    const place = chunkBehind(word - head - S.debugWords);
    if (place >= 0) return place;
  }
  return -1;
}

/** The last answer of `rawPlaceAt`: a table is asked about several times in a row. */
let askedLow: i32 = 0;
let askedHigh: i32 = 0;
let askedPlace: i32 = -1;
let askedBytes: f64 = 0;

/** Raw place that begins at an address (behind a debug allocator's header where there is one), or −1. */
export function rawPlaceAt(low: i32, high: i32): i32 {
  if (low !== askedLow || high !== askedHigh) {
    askedLow = low;
    askedHigh = high;
    askedPlace = findRawPlace(low, high);
  }
  return askedPlace;
}

function findRawPlace(low: i32, high: i32): i32 {
  if ((low & 7) !== 0) return -1;
  const word = translate(low, high);
  if (isAbsent(word)) return -1;
  const info = pageInfoOf(word);
  let place: i32 = -1;
  if (load32(info) !== 0) {
    place = blockOf(word, info);
    if (place < 0 || offsetInPlace !== S.debugWords) return -1;
    askedBytes = unsigned((load32(info + 2) - S.debugWords) << 2);
  } else {
    place = chunkHandingOut(word);
    if (place >= 0) askedBytes = unsigned(load32(S.chunkWords + place - S.poolPlaces)) * 4;
  }
  return place;
}

/**
 * The memory at an address is a buffer of `used` bytes of the object at `owner`.
 * Returns the bytes of the block or chunk behind the address; 0 when nothing begins there, or when it is too small to be.
 */
export function claim(low: i32, high: i32, used: f64, owner: i32): f64 {
  return own(low, high, used, owner, P.BUFFER_COUNTED);
}

/** The same for a buffer that sys.getsizeof leaves out of the owner's size. */
export function claimExtra(low: i32, high: i32, used: f64, owner: i32): f64 {
  return own(low, high, used, owner, P.BUFFER_EXTRA);
}

function own(low: i32, high: i32, used: f64, owner: i32, counted: i32): f64 {
  const place = rawPlaceAt(low, high);
  if (place < 0) return 0;
  const capacity = askedBytes;
  if (used > capacity) return 0;
  const about = load32(S.descriptor + place);
  if (stateOf(about) === P.STATE_RAW) makeBuffer(place, used, owner, counted);
  else if (stateOf(about) !== P.STATE_BUFFER || load32(S.link + place) !== owner) claimConflicts++;
  return capacity;
}

/** Makes a raw place a buffer of `used` bytes of the object at `owner`; `counted` is `BUFFER_…`. */
export function makeBuffer(place: i32, used: f64, owner: i32, counted: i32): void {
  describe(place, counted, P.STATE_BUFFER, 0);
  storeBytes(place, used);
  store32(S.link + place, owner);
  if (counted !== P.BUFFER_EXTRA) return;
  const row = S.rows + (load32(S.descriptor + owner) & P.TYPE_MASK) * P.ROW_WORDS;
  add64(row + P.ROW_EXTRA, used);
}

let workCount: i32 = 0;

/** Takes a raw place for an owner of `state` and remembers it for `drain`; only memory that nobody has is taken. */
function takeRaw(low: i32, high: i32, state: i32, owner: i32): void {
  const place = rawPlaceAt(low, high);
  if (place < 0 || stateOf(load32(S.descriptor + place)) !== P.STATE_RAW || workCount >= S.workCapacity) return;
  const word = translate(low, high);
  const words = wordsOf(place, pageInfoOf(word));
  // What sys.getsizeof does not know of: owned by the object all the same.
  if (state === P.STATE_BUFFER) makeBuffer(place, unsigned(words) * 4, owner, P.BUFFER_EXTRA);
  else {
    describe(place, 0, state, 0);
    storeBytes(place, unsigned(words) * 4);
    store32(S.link + place, owner);
  }
  store32(S.workStack + (workCount << 1), word);
  store32(S.workStack + (workCount << 1) + 1, words);
  workCount++;
}

/** A word that may be a reference (then its slot is known), a buffer, or neither. */
function visitOrTake(low: i32, high: i32, state: i32, owner: i32, slot: i32): void {
  if ((low & 7) !== 0 || high >>> 15 !== 0 || (low | high) === 0) return;
  const word = translate(low, high);
  if (isAbsent(word)) return;
  // Nothing is to be found in pools, which were classified, unless it is to be written down.
  const place = S.references !== 0 || load32(pageInfoOf(word)) === 0 ? objectAt(word) : -1;
  if (place >= 0) {
    // Native memory knows whose it is, and does not count that.
    if (slot !== P.SLOT_NONE && (place !== owner || slot !== P.SLOT_MEMORY || state !== P.STATE_BUFFER)) emit(place, slot);
  } else {
    takeRaw(low, high, state, owner);
    if (slot !== P.SLOT_MEMORY && state === P.STATE_BUFFER) noteInside(word, owner);
  }
}

/** Pointers into chunks that bodies of objects have, so far as there is room: {place, owner}. */
export let insideCount: i32 = 0;

/**
 * Notes that an object's body points into a chunk that nobody has so far: whether it is the object's is decided when all others
 * have claimed theirs.
 */
function noteInside(word: i32, owner: i32): void {
  if (load32(pageInfoOf(word)) !== 0 || insideCount >= S.insideCapacity) return;
  const place = chunkHolding(word);
  if (place < 0 || stateOf(load32(S.descriptor + place)) !== P.STATE_RAW) return;
  store32(S.insides + (insideCount << 1), place);
  store32(S.insides + (insideCount << 1) + 1, owner);
  insideCount++;
}

/** Words [from, to) of an object whose type is not known: each may be a reference, a buffer, or a number. */
export function visitBody(word: i32, from: i32, to: i32, row: i32, owner: i32): void {
  const weak = load32(row + P.ROW_WEAK_LIST);
  const dict = load32(row + P.ROW_DICT_OFFSET) >> 2;
  for (let at = from; at + 1 < to; at += 2) {
    if (at === weak || at === dict) continue;
    visitOrTake(load32(word + at), load32(word + at + 1), P.STATE_BUFFER, owner, P.SLOT_FIELD | ((at - 4) >> 1));
  }
}

/** `count` words from `word` on, the first at `slot`, of which each may be a reference, a buffer, or a number. */
export function visitWords(word: i32, count: i32, slot: i32, owner: i32): void {
  for (let index = 0; index < count; index++) {
    const at = word + (index << 1);
    visitOrTake(load32(at), load32(at + 1), P.STATE_BUFFER, owner, slot + index);
  }
}

/**
 * Follows the memory that was taken, place by place, until nothing new is reached: structures of C and C++ code.
 * At most `limit` places and `largestWords` words of each are read, since what lies in them is a guess. With `SLOT_NONE` it is
 * known that there are no references in it.
 */
export function drain(state: i32, owner: i32, limit: i32, largestWords: i32, slot: i32): void {
  let taken = 0;
  while (workCount > 0) {
    workCount--;
    const word = load32(S.workStack + (workCount << 1));
    let words = load32(S.workStack + (workCount << 1) + 1);
    taken++;
    if (taken > limit || words > largestWords) continue;
    if (words > 1) words &= ~1;
    // A chunk may be taken for one that pools lie in: these tell their objects themselves, or are given back by now.
    const inPool = load32(pageInfoOf(word)) !== 0;
    for (let at = 0; at < words; at += 2) {
      if (!inPool && load32(pageInfoOf(word + at)) !== 0) continue;
      visitOrTake(load32(word + at), load32(word + at + 1), state, owner, slot);
    }
  }
}

/**
 * Reads [word, word + words) as a library's or the runtime's data and takes what it points at, transitively. Objects that it
 * points at are told as references of that owner.
 */
export function takeReachable(word: i32, words: i32, state: i32, owner: i32, largestWords: i32): void {
  beginReferences(state === P.STATE_LIBRARY ? P.FROM_LIBRARY - owner : P.FROM_RUNTIME);
  for (let at = 0; at < words; at += 2) {
    visitOrTake(load32(word + at), load32(word + at + 1), state, owner, P.SLOT_MEMORY);
    if (workCount !== 0) drain(state, owner, 0x7fffffff, largestWords, P.SLOT_MEMORY);
  }
  endReferences();
}
