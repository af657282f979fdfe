import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import { followBins, markFastBins } from "./bins.ts";
import type { ChunkColumns } from "./chunk-columns.ts";
import type { ArenaHeader } from "./heaps.ts";
import type { ArenaLayout } from "./layouts.ts";
import { detectSafeLinking } from "./safe-linking.ts";
import type { ThreadBlock } from "./thread-blocks.ts";
import { chunksOfCacheSize, markCache, readCaches, type ThreadCache } from "./thread-caches.ts";
import { voteForVariable } from "./thread-locals.ts";

/** What malloc's lists of free chunks told. */
export interface ListFindings {
  /** A list did not fit the chunks: the stop fell inside malloc, or the heap is damaged. */
  readonly broken: boolean;
  /** Undefined when there was no list to tell. */
  readonly safeLinking: boolean | undefined;
  readonly caches: readonly ThreadCache[];
}

/**
 * Settles the states that chunks' own headers do not tell, by the lists that they are in: fastbins and thread caches. Checks the
 * bins against the free chunks that the walk found.
 *
 * @param blocks the threads' control blocks; a thread cache with empty lists is known by the pointer of its thread only
 * @param cacheCount glibc.malloc.tcache_count of the target, where known
 */
export function settleListStates(
  image: MemoryImage,
  layout: ArenaLayout,
  arenas: readonly ArenaHeader[],
  columns: ChunkColumns,
  blocks: readonly ThreadBlock[],
  cacheCount: number | undefined,
  problems: ProblemReport,
): ListFindings {
  const freeChunks = countFreeChunks(columns, arenas.length);
  let broken = false;
  for (const arena of arenas) {
    const listed = followBins(image, layout, arena, columns, freeChunks[arena.index]);
    if (!listed.broken && listed.chunks === freeChunks[arena.index]) continue;
    broken = true;
    const what = listed.broken ? "a bin is broken" : `bins hold ${listed.chunks} chunks, ${freeChunks[arena.index]} are free`;
    problems.add("glibc-bins", `the arena at ${formatAddress(arena.address)}: ${what}`, arena.address);
  }
  const safeLinking = detectSafeLinking(image, layout, arenas, columns, cacheCount);
  const links = safeLinking ?? true;
  for (const arena of arenas) {
    if (markFastBins(image, layout, arena, columns, links, problems)) broken = true;
  }
  const candidates = readCaches(image, columns, chunksOfCacheSize(columns), links, cacheCount);
  const addresses = new Set(candidates.map((cache) => cache.address));
  const pointedAt = new Set(voteForVariable(image, blocks, (pointer) => addresses.has(pointer)).values());
  const caches = candidates.filter((cache) => cache.cached.length > 0 || pointedAt.has(cache.address));
  for (const cache of caches) markCache(columns, cache);
  return { broken, safeLinking, caches };
}

/** Free chunks by arena, as the walk found them. */
function countFreeChunks({ length, state, arena }: ChunkColumns, arenas: number): Float64Array {
  const counts = new Float64Array(arenas);
  for (let chunk = 0; chunk < length; chunk++) if (state[chunk] === ChunkState.free) counts[arena[chunk]]++;
  return counts;
}
