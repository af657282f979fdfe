/** Where objects are: the place of the object at a word, and objects outside pools and chunks that are found by references. */
import { load32, mul, store32 } from "./environment.ts";
import * as P from "./parameters.ts";
import { blockOf, chunkAt, headWords, isAbsent, offsetInPlace, pageInfoOf, stateOf, translate } from "./places.ts";
import * as S from "./state.ts";
import { plausibleReferences, typeRow } from "./type-rows.ts";

/** Objects found so far that lie neither in pools nor in chunks. */
export let otherCount: i32 = 0;
let othersDropped: i32 = 0;

export function otherObjects(): i32 {
  return otherCount;
}

/** Discoveries that found no room: reported, never hidden. */
export function otherObjectsDropped(): i32 {
  return othersDropped;
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
  if (load32(info) !== 0) return objectInPool(word, info);
  const entry = otherEntry(word);
  return load32(entry) !== 0 ? load32(entry + 1) : chunkObject(word);
}

/** Place of the object at a word of a pool, or −1; `info` is the word's page information. */
export function objectInPool(word: i32, info: i32): i32 {
  const place = blockOf(word, info);
  if (place < 0) return -1;
  const about = load32(S.descriptor + place);
  if (stateOf(about) !== P.STATE_OBJECT) return -1;
  return offsetInPlace === S.debugWords + headWords((about >>> P.HEAD_SHIFT) & 3) ? place : -1;
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
export function chunkBehind(word: i32): i32 {
  const place = chunkAt(word);
  return place < 0 && S.debugWords !== 0 ? chunkAt(word - S.debugWords) : place;
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

/** Place of the object at a word of the image: one that nobody knew yet and that lies outside pools and chunks is entered. */
export function objectAt(word: i32): i32 {
  const info = pageInfoOf(word);
  return load32(info) !== 0 ? objectInPool(word, info) : objectOutside(word);
}

/** The same for a word that lies outside pools. */
export function objectOutside(word: i32): i32 {
  const entry = otherEntry(word);
  if (load32(entry) !== 0) return load32(entry + 1);
  const place = chunkObject(word);
  return place >= 0 ? place : enterOther(word);
}

function enterOther(word: i32): i32 {
  const row = typeRow(load32(word + 2), load32(word + 3));
  if (row === 0 || !plausibleReferences(word)) return -1;
  if (otherCount >= S.otherCapacity) {
    othersDropped++;
    return -1;
  }
  growHash();
  enterHash(word, otherCount);
  const place = S.poolPlaces + S.chunkPlaces + otherCount;
  store32(S.otherWords + otherCount, word);
  describe(place, row, P.STATE_OBJECT, 0);
  otherCount++;
  return place;
}

/** Place of the object at an address, entered where nobody knew it; −1 when none begins there. */
export function objectAtAddress(low: i32, high: i32): i32 {
  if ((low | high) === 0 || (low & 7) !== 0) return -1;
  const word = translate(low, high);
  return isAbsent(word) ? -1 : objectAt(word);
}
