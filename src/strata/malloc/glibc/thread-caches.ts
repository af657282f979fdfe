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
  /** Chunks in it, by number. */
  readonly cached: readonly number[];
}

/** Longest list that a tunable allows (MAX_TCACHE_COUNT). */
const MAX_LIST_LENGTH = 65535;
/** Chunks of the bins above the exact ones are larger than this. */
const LARGEST_EXACT_BYTES = 1040;

/** Numbers of the chunks in use that have the size of a thread cache's own chunk. */
export function chunksOfCacheSize({ length, state, bytes }: ChunkColumns): number[] {
  const [first, second, third] = CACHE_LAYOUTS.map((layout) => layout.chunkBytes);
  const chunks: number[] = [];
  for (let chunk = 0; chunk < length; chunk++) {
    const size = bytes[chunk];
    if ((size === first || size === second || size === third) && state[chunk] === ChunkState.inUse) chunks.push(chunk);
  }
  return chunks;
}

/**
 * Those of `chunks` that read as a thread cache: all its lists hold chunks of their bin's size and are as long as their count says.
 * A cache with empty lists looks like any zeroed memory; whether a thread points at it has to decide.
 *
 * @param cacheCount glibc.malloc.tcache_count of the target where known; from 2.42 on counts are relative to it
 */
export function readCaches(
  image: MemoryImage,
  columns: ChunkColumns,
  chunks: readonly number[],
  safeLinking: boolean,
  cacheCount: number | undefined,
): ThreadCache[] {
  const caches: ThreadCache[] = [];
  for (const chunk of chunks) {
    const layout = CACHE_LAYOUTS.find(({ chunkBytes }) => chunkBytes === columns.bytes[chunk]);
    if (layout === undefined) continue;
    const address = columns.address[chunk] + CHUNK.header;
    const cached = readLists(image, columns, address, layout, safeLinking, cacheCount);
    if (cached !== undefined) caches.push({ chunk, address, layout, cached });
  }
  return caches;
}

/** Settles the states of what a cache holds and of the chunk that holds the cache. */
export function markCache(columns: ChunkColumns, cache: ThreadCache): void {
  columns.state[cache.chunk] = ChunkState.overhead;
  for (const chunk of cache.cached) columns.state[chunk] = ChunkState.cached;
}

/** Numbers of the chunks in a cache's lists, or undefined at the first thing that does not fit. */
function readLists(
  image: MemoryImage,
  columns: ChunkColumns,
  cache: number,
  layout: CacheLayout,
  safeLinking: boolean,
  cacheCount: number | undefined,
): readonly number[] | undefined {
  const cached: number[] = [];
  for (let bin = 0; bin < layout.bins; bin++) {
    const count = layout.countBytes === 1 ? image.u8(cache + bin) : image.u16(cache + bin * 2);
    let length = 0;
    for (let user = image.u64(cache + layout.entries + bin * 8); user !== 0; user = readLink(image, user, safeLinking)) {
      const chunk = columns.indexOf(user - CHUNK.header);
      if (chunk < 0 || length === MAX_LIST_LENGTH || !fitsBin(columns, chunk, bin, layout)) return undefined;
      cached.push(chunk);
      length++;
    }
    const expected = layout.countsRemaining ? (cacheCount ?? count + length) - count : count;
    if (length !== expected) return undefined;
  }
  return cached;
}

function fitsBin(columns: ChunkColumns, chunk: number, bin: number, layout: CacheLayout): boolean {
  if (columns.state[chunk] !== ChunkState.inUse) return false;
  if (bin >= layout.exactBins) return columns.bytes[chunk] > LARGEST_EXACT_BYTES;
  return columns.bytes[chunk] === CHUNK.minimum + bin * FAST_BIN_STEP_BYTES;
}
