import type { MemoryImage } from "../../../target/memory-image.ts";
import { readLink } from "./bins.ts";
import type { ChunkColumns } from "./chunk-columns.ts";
import type { ArenaHeader } from "./heaps.ts";
import { type ArenaLayout, CHUNK, FAST_BINS } from "./layouts.ts";
import { chunksOfCacheSize, readCaches } from "./thread-caches.ts";

/**
 * True when singly linked lists are protected by safe-linking, false when not, undefined when there is no list to tell.
 * Every list ends, and its last link is 0 in exactly one of the two readings, so the first list decides.
 */
export function detectSafeLinking(
  image: MemoryImage,
  layout: ArenaLayout,
  arenas: readonly ArenaHeader[],
  columns: ChunkColumns,
  cacheCount: number | undefined,
): boolean | undefined {
  const fromFastBins = layout.fastBins === undefined ? undefined : decideByFastBins(image, layout.fastBins, arenas, columns);
  if (fromFastBins !== undefined) return fromFastBins;
  const chunks = chunksOfCacheSize(columns);
  const cachedChunks = (safeLinking: boolean) =>
    readCaches(image, columns, chunks, safeLinking, cacheCount).reduce((sum, cache) => sum + cache.cached.length, 0);
  const plain = cachedChunks(false);
  const safe = cachedChunks(true);
  return plain === safe ? undefined : safe > plain;
}

function decideByFastBins(
  image: MemoryImage,
  fastBins: number,
  arenas: readonly ArenaHeader[],
  columns: ChunkColumns,
): boolean | undefined {
  for (const arena of arenas) {
    for (let bin = 0; bin < FAST_BINS; bin++) {
      const chunk = image.u64(arena.address + fastBins + bin * 8);
      if (columns.indexOf(chunk) < 0) continue;
      const leads = (safeLinking: boolean) => {
        const next = readLink(image, chunk + CHUNK.forward, safeLinking);
        return next === 0 || columns.indexOf(next) >= 0;
      };
      if (leads(true) !== leads(false)) return leads(true);
    }
  }
  return undefined;
}
