import { roundDown } from "../../base/units.ts";
import type { MemoryReader } from "../../target/memory-reader.ts";
import { POOL_SIZES, PoolHeader } from "./structures.ts";

/**
 * True when `block` is on the free list of the 4 KiB pool around it (CPython up to 3.9). For single questions: a decoder of whole
 * pools follows each list once. Memory that is no pool has no such list, so the answer is false.
 */
export function isFreeBlock(memory: MemoryReader, block: number): boolean {
  const [poolBytes] = POOL_SIZES;
  const pool = roundDown(block, poolBytes);
  let free = memory.u64(pool + PoolHeader.freeBlock);
  for (let steps = 0; steps < poolBytes && isInside(free, pool, poolBytes); steps++) {
    if (free === block) return true;
    free = memory.u64(free);
  }
  return false;
}

/** True when `block` may lie in a 4 KiB pool of blocks for requests of `bytes`: the pool's header says their size. */
export function isBlockFor(memory: MemoryReader, block: number, bytes: number, alignment: number): boolean {
  const pool = roundDown(block, POOL_SIZES[0]);
  return memory.u32(pool + PoolHeader.sizeClass) === Math.ceil(bytes / alignment) - 1;
}

function isInside(address: number, pool: number, poolBytes: number): boolean {
  return address >= pool + PoolHeader.bytes && address < pool + poolBytes;
}
