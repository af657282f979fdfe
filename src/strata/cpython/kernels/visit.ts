/** What happens at a reference and at a buffer: objects are discovered, buffers get their owner. */
import { add64, load32, mul, store32, truncate, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { blockOf, chunkAt, headWords, isAbsent, offsetInPlace, pageInfoOf, stateOf, translate, wordsOf } from "./places.ts";
import * as S from "./state.ts";
import { plausibleReferences, typeRow } from "./type-rows.ts";

/** Objects found so far that lie neither in pools nor in chunks. */
export let otherCount: i32 = 0;
let othersDropped: i32 = 0;
let claimConflicts: i32 = 0;

export function otherObjects(): i32 {
  return otherCount;
}

/** Discoveries that found no room: reported, never hidden. */
export function otherObjectsDropped(): i32 {
  return othersDropped;
}

/** Buffers that two owners claimed; the first keeps them. */
export function claimConflictCount(): i32 {
  return claimConflicts;
}

/** Row and state of a place written in one word; `head` is the header code, the generation starts as not tracked. */
export function describe(place: i32, row: i32, state: i32, head: i32): void {
  store32(
    S.descriptor + place,
    row | (state << P.STATE_SHIFT) | (head << P.HEAD_SHIFT) | (P.NOT_TRACKED << P.GENERATION_SHIFT),
  );
}

/** Place of the object at `word`, or −1 when no object was found there (yet). */
export function objectPlace(word: i32): i32 {
  const info = pageInfoOf(word);
  if (load32(info) !== 0) {
    const place = blockOf(word, info);
    if (place < 0) return -1;
    const offset = offsetInPlace;
    const about = load32(S.descriptor + place);
    if (stateOf(about) !== P.STATE_OBJECT) return -1;
    return offset === S.debugWords + headWords((about >>> P.HEAD_SHIFT) & 3) ? place : -1;
  }
  const entry = otherEntry(word);
  return load32(entry) !== 0 ? load32(entry + 1) : chunkObject(word);
}

/** Place of the chunk that holds the object at `word` behind one of the headers, or −1. */
function chunkObject(word: i32): i32 {
  for (let code = 0; code < 4; code++) {
    const head = headWords(code);
    if (head < 0) continue;
    const place = chunkBehind(word - head - S.debugWords);
    if (place < 0) continue;
    const about = load32(S.descriptor + place);
    if (stateOf(about) === P.STATE_OBJECT && ((about >>> P.HEAD_SHIFT) & 3) === code) return place;
  }
  return -1;
}

/** Place of the chunk that begins at `word`, or one debug header before it. */
function chunkBehind(word: i32): i32 {
  const place = chunkAt(word);
  return place < 0 && S.debugWords !== 0 ? chunkAt(word - S.debugWords) : place;
}

/** Place of the chunk that hands out `word`: at its start, or behind the headers of debug allocators. */
function chunkHandingOut(word: i32): i32 {
  const place = chunkAt(word);
  return place < 0 && S.debugWords !== 0 ? chunkBehind(word - S.debugWords) : place;
}

let hashMask: i32 = 0;

/**
 * Makes room in the hash: it begins small, since a sparse one would touch a page for each object, and is at most half full.
 * Amortised O(1).
 */
function growHash(): void {
  const old = hashMask;
  if (otherCount * 2 < old) return;
  for (let index = 0; old !== 0 && index <= old * 2 + 1; index++) store32(S.otherHash + index, 0);
  hashMask = old === 0 ? P.LEAST_HASH_ENTRIES - 1 : old * 2 + 1;
  for (let index = 0; index < otherCount; index++) enterHash(load32(S.otherWords + index), index);
}

function enterHash(word: i32, index: i32): void {
  const entry = otherEntry(word);
  store32(entry, word);
  store32(entry + 1, S.poolPlaces + S.chunkPlaces + index);
}

/** Hash entry {word, place} of an object outside pools and chunks: its own, or the empty one where it would go. */
function otherEntry(word: i32): i32 {
  let slot = (mul(word >>> 1, -1640531527) >>> 8) & hashMask;
  while (true) {
    const entry = S.otherHash + (slot << 1);
    const key = load32(entry);
    if (key === 0 || key === word) return entry;
    slot = (slot + 1) & hashMask;
  }
}

/** A reference to an address: an object that nobody knew yet and that lies outside pools and chunks is entered. */
export function visit(low: i32, high: i32): void {
  if ((low | high) === 0 || (low & 7) !== 0) return;
  const word = translate(low, high);
  if (!isAbsent(word) && load32(pageInfoOf(word)) === 0) visitOutside(word);
}

/** A reference to a word of the image that lies outside pools. */
export function visitOutside(word: i32): void {
  if (load32(otherEntry(word)) !== 0 || chunkObject(word) >= 0) return;
  const row = typeRow(load32(word + 2), load32(word + 3));
  if (row === 0 || !plausibleReferences(word)) return;
  if (otherCount >= S.otherCapacity) {
    othersDropped++;
    return;
  }
  growHash();
  enterHash(word, otherCount);
  store32(S.otherWords + otherCount, word);
  describe(S.poolPlaces + S.chunkPlaces + otherCount, row, P.STATE_OBJECT, 0);
  otherCount++;
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
function rawPlaceAt(low: i32, high: i32): i32 {
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
  const place = rawPlaceAt(low, high);
  if (place < 0) return 0;
  const capacity = askedBytes;
  if (used > capacity) return 0;
  const about = load32(S.descriptor + place);
  if (stateOf(about) === P.STATE_RAW) {
    describe(place, 0, P.STATE_BUFFER, 0);
    store32(S.bytes + place, used > 4294967294.0 ? -1 : truncate(used));
    store32(S.link + place, owner);
  } else if (stateOf(about) !== P.STATE_BUFFER || load32(S.link + place) !== owner) {
    claimConflicts++;
  }
  return capacity;
}

let workCount: i32 = 0;

/** Takes a raw place for an owner of `state` and remembers it for `drain`; only memory that nobody has is taken. */
function takeRaw(low: i32, high: i32, state: i32, owner: i32): void {
  const place = rawPlaceAt(low, high);
  if (place < 0 || stateOf(load32(S.descriptor + place)) !== P.STATE_RAW || workCount >= S.workCapacity) return;
  const word = translate(low, high);
  const words = wordsOf(place, pageInfoOf(word));
  describe(place, 0, state, 0);
  store32(S.bytes + place, words << 2);
  store32(S.link + place, owner);
  // What sys.getsizeof does not know of: owned by the object all the same.
  if (state === P.STATE_BUFFER) {
    const row = S.rows + (load32(S.descriptor + owner) & P.TYPE_MASK) * P.ROW_WORDS;
    add64(row + P.ROW_EXTRA, unsigned(words) * 4);
  }
  store32(S.workStack + (workCount << 1), word);
  store32(S.workStack + (workCount << 1) + 1, words);
  workCount++;
}

/** A word that may be a reference, a buffer, or neither. */
export function visitOrTake(low: i32, high: i32, state: i32, owner: i32): void {
  if ((low & 7) !== 0 || high >>> 15 !== 0 || (low | high) === 0) return;
  const word = translate(low, high);
  if (isAbsent(word)) return;
  if (load32(pageInfoOf(word)) === 0) visitOutside(word);
  takeRaw(low, high, state, owner);
}

/**
 * Follows the memory that was taken, place by place, until nothing new is reached: structures of C and C++ code.
 * At most `limit` places and `largestWords` words of each are read, since what lies in them is a guess.
 */
export function drain(state: i32, owner: i32, limit: i32, largestWords: i32): void {
  let taken = 0;
  while (workCount > 0) {
    workCount--;
    const word = load32(S.workStack + (workCount << 1));
    let words = load32(S.workStack + (workCount << 1) + 1);
    taken++;
    if (taken > limit || words > largestWords) continue;
    if (words > 1) words &= ~1;
    for (let at = 0; at < words; at += 2) {
      visitOrTake(load32(word + at), load32(word + at + 1), state, owner);
    }
  }
}

/** Reads [word, word + words) as a library's or the runtime's data and takes what it points at, transitively. */
export function takeReachable(word: i32, words: i32, state: i32, owner: i32, largestWords: i32): void {
  for (let at = 0; at < words; at += 2) {
    visitOrTake(load32(word + at), load32(word + at + 1), state, owner);
    if (workCount !== 0) drain(state, owner, 0x7fffffff, largestWords);
  }
}
