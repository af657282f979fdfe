import { ChunkState, type ChunkTable, type MallocArena } from "./allocator.ts";

/** What is known of an arena beside its chunks. */
export type ArenaOutline = Pick<MallocArena, "address" | "main" | "threads" | "ranges">;

const STATES = Object.keys(ChunkState).length;

/**
 * Sums the chunks of arenas that their chunks tile. What is neither free nor cached is in use, as for glibc: the allocator's own
 * structures and the rounding of pages too. O(chunks).
 */
export function accountBlocks({ length, bytes, state, arena }: ChunkTable, outlines: readonly ArenaOutline[]): MallocArena[] {
  const sums = new Float64Array(outlines.length * STATES);
  const counts = new Float64Array(outlines.length * STATES);
  for (let chunk = 0; chunk < length; chunk++) {
    const cell = arena[chunk] * STATES + state[chunk];
    sums[cell] += bytes[chunk];
    counts[cell]++;
  }
  return outlines.map(({ address, main, threads, ranges }, index) => {
    const cells = index * STATES;
    const systemBytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    const freeBytes = sums[cells + ChunkState.free];
    const cachedBytes = sums[cells + ChunkState.cached];
    const topBytes = sums[cells + ChunkState.top];
    return {
      address,
      main,
      threads,
      ranges,
      systemBytes,
      inUseBytes: systemBytes - freeBytes - cachedBytes - topBytes,
      freeBytes,
      fastBytes: 0,
      cachedBytes,
      topBytes,
      chunks:
        counts.subarray(cells, cells + STATES).reduce((sum, count) => sum + count, 0) - counts[cells + ChunkState.overhead],
      freeChunks: counts[cells + ChunkState.free],
    };
  });
}
