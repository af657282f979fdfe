/**
 * Who points at native memory that has no owner once objects, the runtime and libraries have claimed what they point at the beginning
 * of. Here a pointer to any byte of it counts, wherever it lies: what is told leaked must really be out of reach.
 *
 * O(words that are read), and O(log chunks) for each that points at a page with such memory on it; a bitmap of those pages keeps
 * nearly all others out.
 */
import { insideCount, makeBuffer, storeBytes } from "./buffers.ts";
import { describe } from "./discover.ts";
import { load32, store32, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { blockOf, chunkHolding, isAbsent, offsetInPlace, pageInfoOf, stateOf, translate, wordsOf } from "./places.ts";
import * as S from "./state.ts";

/** Bitmap of the pages of the image that have raw memory on them. */
let rawPages: i32 = 0;
let workCount: i32 = 0;
let dropped: i32 = 0;

/** True when nobody has this place yet. */
function isFree(place: i32): boolean {
  const about = load32(S.descriptor + place);
  return stateOf(about) === P.STATE_RAW && (about & P.TYPE_MASK) === P.UNOWNED_UNKNOWN;
}

/** Notes the pages of a range of words; returns 1. */
function notePages(word: i32, words: i32): i32 {
  const last = (word + words - 1 - S.firstSlot) >>> 10;
  for (let page = (word - S.firstSlot) >>> 10; page <= last; page++) {
    const at = rawPages + (page >>> 5);
    store32(at, load32(at) | (1 << (page & 31)));
  }
  return 1;
}

/**
 * Begins: notes where the memory without an owner lies, and returns in how many places.
 * @param pages cleared bitmap, one bit for each page of the image
 */
export function findUnowned(pages: i32): i32 {
  rawPages = pages;
  let found = 0;
  for (let chunk = 0; chunk < S.chunkPlaces; chunk++) {
    if (load32(S.chunkStarts + chunk) !== 0 && isFree(S.poolPlaces + chunk))
      found += notePages(load32(S.chunkStarts + chunk), load32(S.chunkWords + chunk));
  }
  return found;
}

/** The same for the blocks of pools [from, to). */
export function findUnownedBlocks(from: i32, to: i32): i32 {
  let found = 0;
  for (let index = from; index < to; index++) {
    const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
    // A pool of this kind has objects only.
    if (load32(entry + 2) === P.TURN_ALONE) continue;
    const info = pageInfoOf(load32(entry));
    const blocks = load32(info + 3);
    let here = 0;
    for (let block = 0; block < blocks; block++) if (isFree(load32(entry + 1) + block)) here++;
    if (here !== 0) notePages(load32(entry), S.poolWords);
    found += here;
  }
  return found;
}

/** First word of the place that the last `unownedAt` found. */
let foundWord: i32 = 0;

/** Place without an owner that an address lies in, or −1. */
function unownedAt(low: i32, high: i32): i32 {
  if (high >>> 15 !== 0) return -1;
  const word = translate(low, high);
  if (isAbsent(word)) return -1;
  const page = (word - S.firstSlot) >>> 10;
  if (((load32(rawPages + (page >>> 5)) >>> (page & 31)) & 1) === 0) return -1;
  const info = pageInfoOf(word);
  const inPool = load32(info) !== 0;
  const place = inPool ? blockOf(word, info) : chunkHolding(word);
  if (place < 0 || !isFree(place)) return -1;
  foundWord = inPool ? word - offsetInPlace : load32(S.chunkStarts + place - S.poolPlaces);
  return place;
}

/** Gives a place without an owner to one: an object (`STATE_BUFFER`), the runtime, a library, or a `kind` of what remains unowned. */
function give(place: i32, state: i32, owner: i32, kind: i32): void {
  const words = wordsOf(place, pageInfoOf(foundWord));
  if (state === P.STATE_BUFFER) makeBuffer(place, unsigned(words) * 4, owner, P.BUFFER_EXTRA);
  else {
    describe(place, kind, state, 0);
    storeBytes(place, unsigned(words) * 4);
    store32(S.link + place, owner);
  }
  if (workCount >= S.workCapacity) {
    dropped++;
    return;
  }
  store32(S.workStack + (workCount << 1), foundWord);
  store32(S.workStack + (workCount << 1) + 1, words);
  workCount++;
}

function takeWords(word: i32, words: i32, state: i32, owner: i32, kind: i32): void {
  for (let at = 0; at + 1 < words; at += 2) {
    const place = unownedAt(load32(word + at), load32(word + at + 1));
    if (place >= 0) give(place, state, owner, kind);
  }
}

/** Gives what bodies of objects were seen to point into to these objects, since their pools may be gone. */
export function takeNoted(): void {
  for (let index = 0; index < insideCount; index++) {
    const place = load32(S.insides + (index << 1));
    if (!isFree(place)) continue;
    foundWord = load32(S.chunkStarts + place - S.poolPlaces);
    const owner = load32(S.insides + (index << 1) + 1);
    give(place, P.STATE_BUFFER, owner, 0);
    takePointed(foundWord, 0, P.STATE_BUFFER, owner, 0);
  }
}

/**
 * Gives what [word, word + words) points into, and what that points into, to an owner; see `give`. Returns how many places there
 * was no room to follow, in all: `takeFromOwned` does it then.
 */
export function takePointed(word: i32, words: i32, state: i32, owner: i32, kind: i32): i32 {
  takeWords(word, words, state, owner, kind);
  while (workCount > 0) {
    workCount--;
    const next = workCount << 1;
    takeWords(load32(S.workStack + next), load32(S.workStack + next + 1), state, owner, kind);
  }
  return dropped;
}

/** Gives what the memory of one place points into to the owner of that memory. */
function takeFrom(place: i32, word: i32, words: i32): void {
  const about = load32(S.descriptor + place);
  const state = stateOf(about);
  if (state === P.STATE_OBJECT) {
    const kind = load32(S.rows + (about & P.TYPE_MASK) * P.ROW_WORDS + P.ROW_KIND);
    // Their contents are data.
    if (kind === P.KIND_STR || kind === P.KIND_BYTES || kind === P.KIND_LONG) return;
    takePointed(word, words, P.STATE_BUFFER, place, 0);
  } else if (state === P.STATE_BUFFER || state === P.STATE_RUNTIME || state === P.STATE_LIBRARY) {
    takePointed(word, words, state, load32(S.link + place), 0);
  } else if (state === P.STATE_RAW && !isFree(place)) {
    takePointed(word, words, state, load32(S.link + place), about & P.TYPE_MASK);
  }
}

/** True for a chunk that pools lie in: it is read as their blocks. */
function holdsPools(word: i32, words: i32): boolean {
  return words >= S.poolWords << 1 && load32(pageInfoOf(word + S.poolWords)) !== 0;
}

/** Follows the memory of all chunks and of the pools that are still there. Returns how many places it had no room to follow. */
export function takeFromOwned(pools: i32): i32 {
  dropped = 0;
  for (let chunk = 0; chunk < S.chunkPlaces; chunk++) {
    const start = load32(S.chunkStarts + chunk);
    if (start !== 0 && !holdsPools(start, load32(S.chunkWords + chunk)))
      takeFrom(S.poolPlaces + chunk, start, load32(S.chunkWords + chunk));
  }
  for (let index = 0; index < pools; index++) {
    const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
    if (load32(entry + 2) === P.TURN_ALONE) continue;
    const info = pageInfoOf(load32(entry));
    const blockWords = load32(info + 2);
    const blocks = load32(info + 3);
    let start = load32(entry) + S.poolHeaderWords;
    for (let block = 0; block < blocks; block++, start += blockWords) takeFrom(load32(entry + 1) + block, start, blockWords);
  }
  return dropped;
}

/** What memory without an owner points into is chained, unless it is itself. */
function chainFrom(place: i32, word: i32, words: i32): void {
  const about = load32(S.descriptor + place);
  if (stateOf(about) !== P.STATE_RAW) return;
  const kind = about & P.TYPE_MASK;
  if (kind !== P.UNOWNED_UNKNOWN && kind !== P.UNOWNED_CHAINED) return;
  for (let at = 0; at + 1 < words; at += 2) {
    const target = unownedAt(load32(word + at), load32(word + at + 1));
    if (target >= 0 && target !== place) describe(target, P.UNOWNED_CHAINED, P.STATE_RAW, 0);
  }
}

function isLost(place: i32): boolean {
  if (!isFree(place)) return false;
  describe(place, P.UNOWNED_LEAKED, P.STATE_RAW, 0);
  return true;
}

/** Tells apart what nobody holds: at what nothing points at all, and what only such memory points at. */
export function findLeaked(pools: i32): void {
  for (let chunk = 0; chunk < S.chunkPlaces; chunk++) {
    const start = load32(S.chunkStarts + chunk);
    if (start !== 0) chainFrom(S.poolPlaces + chunk, start, load32(S.chunkWords + chunk));
  }
  for (let index = 0; index < pools; index++) forBlocks(index, true);
  for (let chunk = 0; chunk < S.chunkPlaces; chunk++) if (load32(S.chunkStarts + chunk) !== 0) isLost(S.poolPlaces + chunk);
  for (let index = 0; index < pools; index++) forBlocks(index, false);
}

function forBlocks(index: i32, chain: boolean): void {
  const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
  if (load32(entry + 2) === P.TURN_ALONE) return;
  const info = pageInfoOf(load32(entry));
  const blockWords = load32(info + 2);
  const blocks = load32(info + 3);
  let start = load32(entry) + S.poolHeaderWords;
  for (let block = 0; block < blocks; block++, start += blockWords) {
    if (chain) chainFrom(load32(entry + 1) + block, start, blockWords);
    else isLost(load32(entry + 1) + block);
  }
}
