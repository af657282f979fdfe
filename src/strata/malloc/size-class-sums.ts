import { ChunkState, type SizeClass } from "./allocator.ts";

/** Sums by size of block, a run of equal blocks at a time. */
export class SizeClassSums {
  private readonly classes = new Map<
    number,
    { bytes: number; live: number; cached: number; free: number; residentBytes: number }
  >();

  /**
   * Counts the blocks [first, end) by state.
   * @param state `ChunkState` by chunk
   * @param residentBytes of the pages that hold them
   * @param neverUsed places behind them that are no chunks yet
   */
  add(blockBytes: number, state: Uint8Array, first: number, end: number, residentBytes: number, neverUsed = 0): void {
    let sums = this.classes.get(blockBytes);
    if (sums === undefined) {
      sums = { bytes: blockBytes, live: 0, cached: 0, free: 0, residentBytes: 0 };
      this.classes.set(blockBytes, sums);
    }
    let live = 0;
    let cached = 0;
    for (let block = first; block < end; block++) {
      if (state[block] === ChunkState.inUse) live++;
      else if (state[block] === ChunkState.cached) cached++;
    }
    sums.live += live;
    sums.cached += cached;
    sums.free += end - first - live - cached + neverUsed;
    sums.residentBytes += residentBytes;
  }

  /** Ascending by size. */
  list(): SizeClass[] {
    return [...this.classes.values()].sort((left, right) => left.bytes - right.bytes);
  }
}
