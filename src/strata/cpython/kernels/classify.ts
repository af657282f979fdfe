/** The first pass: which blocks and chunks are free, which hold an object, of which type. */

import { describe } from "./discover.ts";
import { load32, store32, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { headWords, isAbsent, translate } from "./places.ts";
import * as S from "./state.ts";
import { plausibleReferences, typeRow } from "./type-rows.ts";

/** Row whose object can lie at `word` behind `head` words with `room` words left, or 0. */
function rowAt(word: i32, head: i32, room: i32): i32 {
  const row = typeRow(load32(word + 2), load32(word + 3));
  if (row === 0) return 0;
  const about = S.rows + row * P.ROW_WORDS;
  if (load32(about + P.ROW_HEAD_WORDS) !== head || !plausibleReferences(word)) return 0;
  if (load32(about + P.ROW_LEAST_BYTES) > room << 2) return 0;
  const flags = load32(about + P.ROW_FLAGS);
  if ((flags & P.FLAG_VARIABLE) !== 0) {
    let items = load32(word + 4);
    if (items < 0) items = -items;
    if (unsigned(items) * unsigned(load32(about + P.ROW_ITEM_BYTES)) > unsigned(room) * 4) return 0;
  }
  if ((flags & P.FLAG_GC) !== 0 && S.gcRefsHead === 0) {
    // Tracked: a list pointer, whose low two bits are flags. Not tracked: zero, and flags at most beside it.
    const next = load32(word - S.gcHead);
    const nextHigh = load32(word - S.gcHead + 1);
    if ((next | nextHigh) !== 0) {
      if (isAbsent(translate(next & -4, nextHigh))) return 0;
    } else if (((load32(word - S.gcHead + 2) & -4) | load32(word - S.gcHead + 3)) !== 0) return 0;
  }
  return row;
}

/** Header code of the object that the last `classify` found. */
let foundHead: i32 = 0;

/** Row of the object in `room` words from `first` on, 0 when they hold none; the likely header is tried first. */
function classify(first: i32, room: i32, likely: i32): i32 {
  for (let attempt = -1; attempt < 4; attempt++) {
    const code = attempt < 0 ? likely : attempt;
    if (attempt >= 0 && code === likely) continue;
    const head = headWords(code);
    if (head < 0 || head + 4 > room) continue;
    const row = rowAt(first + head, head, room - head);
    if (row !== 0) {
      foundHead = code;
      return row;
    }
  }
  return 0;
}

/** Stamps the free blocks of a pool into the tag table; returns how many there are. Bounded by the blocks of a pool. */
function tagFree(pool: i32, blockWords: i32, blocks: i32, tag: i32): i32 {
  let free = 0;
  let low = load32(pool + 2);
  let high = load32(pool + 3);
  while ((low | high) !== 0) {
    const offset = translate(low, high) - pool - S.poolHeaderWords;
    if (offset < 0 || offset >= S.poolWords) break;
    const block = (offset / blockWords) | 0;
    if (block >= blocks || load32(S.freeTags + block) === tag) break;
    store32(S.freeTags + block, tag);
    free++;
    const at = pool + S.poolHeaderWords + block * blockWords;
    low = load32(at);
    high = load32(at + 1);
  }
  // Blocks behind nextoffset were never carved.
  const carved = (load32(pool + 10) >>> 2) - S.poolHeaderWords;
  for (let block = carved <= 0 ? 0 : ((carved + blockWords - 1) / blockWords) | 0; block < blocks; block++) {
    if (load32(S.freeTags + block) !== tag) {
      store32(S.freeTags + block, tag);
      free++;
    }
  }
  return free;
}

let poolMismatches: i32 = 0;

/** Pools whose free list and count disagree. */
export function poolMismatchCount(): i32 {
  return poolMismatches;
}

/**
 * Classifies the blocks of pools [from, to): free, object or raw, and notes when each pool may be decoded.
 * About 25 ns a block; returns the number of objects.
 */
export function classifyPools(from: i32, to: i32): i32 {
  let objects = 0;
  for (let index = from; index < to; index++) {
    const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
    const pool = load32(entry);
    const firstPlace = load32(entry + 1);
    const info = S.pageInfo + (((pool - S.firstSlot) >>> S.poolShift) << 2);
    const blockWords = load32(info + 2);
    const blocks = load32(info + 3);
    const tag = index + 1;
    const free = tagFree(pool, blockWords, blocks, tag);
    store32(S.poolAccounts + index * P.ACCOUNT_WORDS + P.ACCOUNT_FREE_BLOCKS, free);
    if (free !== blocks - load32(pool)) poolMismatches++;
    let likely = 0;
    let flags = 0;
    let start = pool + S.poolHeaderWords;
    for (let block = 0; block < blocks; block++, start += blockWords) {
      if (free !== 0 && load32(S.freeTags + block) === tag) continue;
      const row = classify(start + S.debugWords, blockWords - S.debugWords, likely);
      if (row !== 0) {
        likely = foundHead;
        describe(firstPlace + block, row, P.STATE_OBJECT, likely);
        flags |= load32(S.rows + row * P.ROW_WORDS + P.ROW_FLAGS);
        objects++;
      } else {
        describe(firstPlace + block, 0, P.STATE_RAW, 0);
        flags |= P.FLAG_HOLDS_TABLES;
      }
    }
    store32(entry + 2, turnOf(flags));
  }
  return objects;
}

/** `TURN_…` of a pool by the flags of what it holds. */
function turnOf(flags: i32): i32 {
  if ((flags & P.FLAG_READS_OTHERS) !== 0) return P.TURN_FIRST;
  return (flags & P.FLAG_HOLDS_TABLES) !== 0 ? P.TURN_TABLES : P.TURN_ALONE;
}

/** Classifies chunks [from, to): those whose memory holds an object, and raw ones. A start of 0 is a chunk not in use. */
export function classifyChunks(from: i32, to: i32): i32 {
  let objects = 0;
  let likely = 0;
  for (let chunk = from; chunk < to; chunk++) {
    const start = load32(S.chunkStarts + chunk);
    if (start === 0) continue;
    const words = load32(S.chunkWords + chunk);
    let row = classify(start + S.debugWords, words - S.debugWords, likely);
    let twice = 0;
    if (row === 0 && S.debugWords !== 0) {
      row = classify(start + 2 * S.debugWords, words - 2 * S.debugWords, likely);
      twice = P.TWICE_DEBUGGED;
    }
    if (row !== 0) {
      likely = foundHead;
      describe(S.poolPlaces + chunk, row | twice, P.STATE_OBJECT, likely);
      objects++;
    } else {
      describe(S.poolPlaces + chunk, 0, P.STATE_RAW, 0);
    }
  }
  return objects;
}
