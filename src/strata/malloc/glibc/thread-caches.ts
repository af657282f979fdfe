import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import { readLink } from "./bins.ts";
import type { ChunkColumns } from "./chunk-columns.ts";
import { CACHE_LAYOUTS, type CacheLayout, CHUNK, FAST_BIN_STEP_BYTES } from "./layouts.ts";

/** A thread's cache of free chunks (`struct tcache_perthread_struct`), in a chunk of its own. */
export interface ThreadCache {
  /** Number of the chunk that holds it. */
  readonly chunk: number;
  readonly address: number;
  readonly layout: CacheLayout;
  /** Number of chunks in it. */
  readonly cachedChunks: number;
}

/** Longest list that a tunable allows (MAX_TCACHE_COUNT). */
const MAX_LIST_LENGTH = 65535;
/** Chunks of the bins above the exact ones are larger than this. */
const LARGEST_EXACT_BYTES = 1040;

/**
 * Every chunk that reads as a thread cache: all its lists hold chunks of their bin's size and are as long as their count says.
 * A cache with empty lists only looks like zeroed memory; it is among the candidates, and whether a thread points at it decides.
 *
 * @param cacheCount glibc.malloc.tcache_count of the target where known; from 2.42 on counts are relative to it
 */
export function findCacheCandidates(
  image: MemoryImage,
  columns: ChunkColumns,
  safeLinking: boolean,
  cacheCount: number | undefined,
): ThreadCache[] {
  const candidates: ThreadCache[] = [];
  const { state, bytes } = columns;
  for (let chunk = 0; chunk < columns.length; chunk++) {
    const size = bytes[chunk];
    if (state[chunk] !== ChunkState.inUse || size > LARGEST_EXACT_BYTES) continue;
    for (const layout of CACHE_LAYOUTS) {
      if (size !== layout.chunkBytes) continue;
      const address = columns.address[chunk] + CHUNK.header;
      const cachedChunks = forEachCached(image, columns, address, layout, safeLinking, cacheCount, () => {});
      if (cachedChunks !== undefined) candidates.push({ chunk, address, layout, cachedChunks });
    }
  }
  return candidates;
}

/** Marks what a cache holds, and the chunk that holds the cache. */
export function markCache(
  image: MemoryImage,
  columns: ChunkColumns,
  cache: ThreadCache,
  safeLinking: boolean,
  cacheCount: number | undefined,
): void {
  columns.state[cache.chunk] = ChunkState.overhead;
  forEachCached(image, columns, cache.address, cache.layout, safeLinking, cacheCount, (chunk) => {
    columns.state[chunk] = ChunkState.cached;
  });
}

/** Calls `visit` with every chunk in a cache's lists; returns their number, or undefined at the first thing that does not fit. */
function forEachCached(
  image: MemoryImage,
  columns: ChunkColumns,
  cache: number,
  layout: CacheLayout,
  safeLinking: boolean,
  cacheCount: number | undefined,
  visit: (chunk: number) => void,
): number | undefined {
  let cached = 0;
  for (let bin = 0; bin < layout.bins; bin++) {
    const count = layout.countBytes === 1 ? image.u8(cache + bin) : image.u16(cache + bin * 2);
    let length = 0;
    for (let user = image.u64(cache + layout.entries + bin * 8); user !== 0; user = readLink(image, user, safeLinking)) {
      const chunk = columns.indexOf(user - CHUNK.header);
      if (chunk < 0 || length === MAX_LIST_LENGTH || !fitsBin(columns, chunk, bin, layout)) return undefined;
      visit(chunk);
      length++;
    }
    const expected = layout.countsRemaining ? (cacheCount ?? count + length) - count : count;
    if (length !== expected) return undefined;
    cached += length;
  }
  return cached;
}

function fitsBin(columns: ChunkColumns, chunk: number, bin: number, layout: CacheLayout): boolean {
  const state = columns.state[chunk];
  if (state !== ChunkState.inUse && state !== ChunkState.cached) return false;
  if (bin >= layout.exactBins) return columns.bytes[chunk] > LARGEST_EXACT_BYTES;
  return columns.bytes[chunk] === CHUNK.minimum + bin * FAST_BIN_STEP_BYTES;
}
