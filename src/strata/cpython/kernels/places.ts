/** From an address to a word of the image, and from a word to the place (pool block, chunk, other object) it lies in. */
import { countBits, load32, mul, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import * as S from "./state.ts";

/** Word of the image for an address; in the zero slot when there is none. */
export function translate(low: i32, high: i32): i32 {
  if (high >>> 15 !== 0) return S.zeroSlot;
  return load32(load32(S.directory + high) + (low >>> 20)) + ((low & 0xfffff) >>> 2);
}

/** True for a word outside the image. */
export function isAbsent(word: i32): boolean {
  return word >>> 18 === S.zeroSlotNumber;
}

/** Words from the place's first word to the word of the last look-up. */
export let offsetInPlace: i32 = 0;

/** Entry of the page-information table for a word of the image; its first word is 0 outside pools. */
export function pageInfoOf(word: i32): i32 {
  return S.pageInfo + (((word - S.firstSlot) >>> S.poolShift) << 2);
}

/** Place whose pool block holds `word`, or −1 for a pool's header and tail; `info` is the word's page information. */
export function blockOf(word: i32, info: i32): i32 {
  const offset = (word & (S.poolWords - 1)) - S.poolHeaderWords;
  if (offset < 0) return -1;
  const block = mul(offset, load32(info)) >>> 20;
  offsetInPlace = offset - mul(block, load32(info + 2));
  const place = load32(info + 1) + block;
  // The tail of a pool is shorter than a block and belongs to no place.
  return block >= load32(info + 3) ? -1 : place;
}

/** Place of the chunk whose memory begins exactly at `word`, or −1. */
export function chunkAt(word: i32): i32 {
  if ((word & 3) !== 0) return -1;
  const granule = (word - S.firstSlot) >>> 2;
  const bits = load32(S.chunkBits + (granule >>> 5));
  const mask = 1 << (granule & 31);
  if ((bits & mask) === 0) return -1;
  const rank = load32(S.chunkRanks + (granule >>> 5)) + countBits(bits & (mask - 1));
  return S.poolPlaces + load32(S.chunkOrdinals + rank);
}

/**
 * Place of the chunk in use that holds `word`, or −1. The last 8 bytes of a chunk are left out: allocators point at the header behind,
 * which begins there (glibc malloc/malloc.c, prev_size). O(log chunks).
 */
export function chunkHolding(word: i32): i32 {
  let low = 0;
  let high = S.chunksInUse;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (unsigned(load32(S.chunkStarts + load32(S.chunkOrdinals + middle))) <= unsigned(word)) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return -1;
  const chunk = load32(S.chunkOrdinals + low - 1);
  const words = load32(S.chunkWords + chunk) - 2;
  return unsigned(word - load32(S.chunkStarts + chunk)) < unsigned(words) ? S.poolPlaces + chunk : -1;
}

/** Words of a place: of its block, or of its chunk's memory. */
export function wordsOf(place: i32, info: i32): i32 {
  return place < S.poolPlaces ? load32(info + 2) : load32(S.chunkWords + place - S.poolPlaces);
}

/** Words from the place's first word to the object for a header code. */
export function headWords(code: i32): i32 {
  return code === 0 ? 0 : code === 1 ? S.head1 : code === 2 ? S.head2 : S.head3;
}

export function stateOf(descriptor: i32): i32 {
  return (descriptor >>> P.STATE_SHIFT) & 7;
}

/** Bytes of [word, word + length) on resident pages; `word` and the range lie in one run of slots. */
export function residentWithin(word: i32, length: i32): i32 {
  const offset = word - S.firstSlot;
  let page = offset >>> 10;
  let lead = (offset & 1023) << 2;
  let left = length;
  let resident = 0;
  while (left > 0) {
    const here = left < 4096 - lead ? left : 4096 - lead;
    if (((load32(S.residentBits + (page >>> 5)) >>> (page & 31)) & 1) !== 0) resident += here;
    left -= here;
    lead = 0;
    page++;
  }
  return resident;
}
