import type { PageSet } from "../../../base/page-set.ts";
import { roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { BASE, BASE_BLOCK } from "./layouts.ts";

/** Memory that jemalloc took for itself: descriptors, tree leaves, arenas. */
export interface BaseBlock extends AddressRange {
  /** Number of the arena that it serves. */
  readonly arena: number;
  /** Up to here it was handed out; the first block of its base, which holds the arena itself, has it all. */
  readonly usedEnd: number;
  readonly first: boolean;
}

/** More blocks than an arena can take, which double in size. */
const LONGEST_CHAIN = 64;

/**
 * Finds jemalloc's own blocks by their shape: aligned to 2 MiB, a multiple of it long, with a descriptor of what is left that ends where
 * the block ends. The first one of a base, which the others lead to, says whose it is. Ascending by address, disjoint.
 *
 * @param memory anonymous memory
 */
export function findBaseBlocks(image: MemoryImage, memory: readonly AddressRange[], resident: PageSet): BaseBlock[] {
  const blocks: BaseBlock[] = [];
  for (const range of memory) {
    for (let start = roundUp(range.start, BASE_BLOCK.alignment); start < range.end; start += BASE_BLOCK.alignment) {
      if (!resident.has(start) || !isBlock(image, start, range.end)) continue;
      const first = firstOf(image, start);
      if (first === undefined) continue;
      const end = start + image.u64(start + BASE_BLOCK.size);
      const arena = image.u32(first + BASE.offset + BASE.arena);
      blocks.push({ start, end, arena, usedEnd: image.u64(start + BASE_BLOCK.freeStart), first: first === start });
      start = end - BASE_BLOCK.alignment;
    }
  }
  return blocks;
}

function isBlock(image: MemoryImage, start: number, limit: number): boolean {
  const bytes = image.u64(start + BASE_BLOCK.size);
  if (bytes === 0 || bytes % BASE_BLOCK.alignment !== 0 || start + bytes > limit) return false;
  const freeStart = image.u64(start + BASE_BLOCK.freeStart);
  return freeStart >= start + BASE_BLOCK.bytes && freeStart + image.u64(start + BASE_BLOCK.freeBytes) === start + bytes;
}

/** The first block of a base, to which the later ones lead; undefined when the chain is broken. */
function firstOf(image: MemoryImage, start: number): number | undefined {
  let block = start;
  for (let steps = 0; steps < LONGEST_CHAIN; steps++) {
    const next = image.u64(block + BASE_BLOCK.next);
    if (next === 0) return block;
    if (next % BASE_BLOCK.alignment !== 0 || !isBlock(image, next, Infinity)) return undefined;
    block = next;
  }
  return undefined;
}
