import type { MemoryImage } from "../../target/memory-image.ts";
import type { Pymalloc } from "./pymalloc.ts";
import { PoolHeader } from "./structures.ts";

const TWO_32 = 2 ** 32;

/**
 * Number of pools whose blocks do not add up: used, listed as free and never carved must make all. pymalloc changes count and list
 * one after the other (Objects/obmalloc.c, `pymalloc_alloc`, `pymalloc_free`), so that one such pool tells a stop in between.
 *
 * O(pools + free blocks), no allocation. Bounded: no list is followed further than a pool has blocks.
 */
export function countTornPools(pymalloc: Pymalloc, image: MemoryImage): number {
  const { pools, poolBytes, alignment } = pymalloc;
  let torn = 0;
  for (let pool = 0; pool < pools.length; pool++) {
    const blockBytes = (pools.sizeClass[pool] + 1) * alignment;
    const capacity = Math.floor((poolBytes - PoolHeader.bytes) / blockBytes);
    const free = countFreeBlocks(image, pools.address[pool], poolBytes, blockBytes, capacity);
    if (free !== capacity - pools.usedBlocks[pool]) torn++;
  }
  return torn;
}

/** Blocks of a pool on its free list and behind what was carved; -1 when the list leaves the pool or runs in a circle. */
function countFreeBlocks(image: MemoryImage, pool: number, poolBytes: number, blockBytes: number, capacity: number): number {
  const { memory } = image;
  // A pool lies in one slot of the image: one translation serves all its blocks.
  const origin = image.wordOf(pool);
  const high = Math.floor(pool / TWO_32);
  const low = pool % TWO_32;
  const carvedBytes = memory.load(origin + PoolHeader.nextOffset / 4) - PoolHeader.bytes;
  let free = Math.max(0, capacity - Math.floor(carvedBytes / blockBytes));
  let link = origin + PoolHeader.freeBlock / 4;
  for (;;) {
    const nextLow = memory.load(link) >>> 0;
    const nextHigh = memory.load(link + 1);
    if (nextLow === 0 && nextHigh === 0) return free;
    const offset = nextLow - low;
    if (nextHigh !== high || offset < PoolHeader.bytes || offset >= poolBytes || free === capacity) return -1;
    free++;
    link = origin + (offset >>> 2);
  }
}
