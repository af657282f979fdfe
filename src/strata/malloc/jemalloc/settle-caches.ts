import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import { type ExtentTable, extentAt } from "./extents.ts";
import { CLASS_BYTES, ExtentState } from "./layouts.ts";
import { forEachCached, type ThreadCache } from "./thread-caches.ts";

/**
 * Marks what lies in caches of threads, which slabs count as handed out, and what jemalloc allocated for the caches' own stacks.
 *
 * @param firstChunks by extent, the chunk of its first region or of its one allocation
 * @param state `ChunkState` by chunk
 * @returns cached pointers that are no allocation of their bin's size class, or that lie in two caches
 */
export function settleCaches(
  image: MemoryImage,
  caches: readonly ThreadCache[],
  extents: ExtentTable,
  firstChunks: Uint32Array,
  state: Uint8Array,
): number {
  let strangers = 0;
  /** The chunk that `address` lies in, -1 where it is not in use. */
  const chunkAt = (address: number, exactly: boolean, sizeClass?: number) => {
    const extent = extentAt(extents, address);
    if (extent < 0 || extents.state[extent] !== ExtentState.active) return -1;
    if (sizeClass !== undefined && extents.sizeClass[extent] !== sizeClass) return -1;
    const isSlab = extents.regions[extent] > 0;
    const offset = address - (isSlab ? extents.start[extent] : extents.allocation[extent]);
    const bytes = CLASS_BYTES[extents.sizeClass[extent]];
    if (exactly ? offset % bytes !== 0 : offset < 0 || (!isSlab && offset >= bytes)) return -1;
    const chunk = firstChunks[extent] + (isSlab ? Math.floor(offset / bytes) : 0);
    return state[chunk] === ChunkState.inUse ? chunk : -1;
  };
  for (const cache of caches) {
    const stacks = forEachCached(image, cache, (allocation, sizeClass) => {
      const chunk = chunkAt(allocation, true, sizeClass);
      if (chunk < 0) strangers++;
      else state[chunk] = ChunkState.cached;
    });
    const own = stacks === undefined ? -1 : chunkAt(stacks, false);
    if (own >= 0) state[own] = ChunkState.overhead;
  }
  return strangers;
}
