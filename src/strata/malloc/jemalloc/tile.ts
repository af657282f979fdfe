import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { BlockColumns } from "../block-columns.ts";
import type { BaseBlock } from "./base-blocks.ts";
import type { ExtentTable } from "./extents.ts";
import { CLASS_BYTES, DESCRIPTOR, DESCRIPTOR_BITS, ExtentState } from "./layouts.ts";

/** Upper bound of the chunks of extents: an allocation in pages of its own has something before and behind it. */
export function countChunks({ length, regions }: ExtentTable): number {
  let count = 0;
  for (let extent = 0; extent < length; extent++) count += Math.max(3, regions[extent]);
  return count;
}

/**
 * Appends everything that jemalloc has in address order: the regions of slabs, free ones as their bitmaps say, large allocations with what
 * lies beside them in their pages, free pages, and its own blocks.
 *
 * @param numbers jemalloc's numbers of the heap's arenas, in their order
 * @returns by extent, the chunk of its first region or of its one allocation
 */
export function tile(
  image: MemoryImage,
  columns: BlockColumns,
  extents: ExtentTable,
  blocks: readonly BaseBlock[],
  numbers: readonly number[],
): Uint32Array {
  const arenaIndex = new Uint16Array(1 << DESCRIPTOR_BITS.arena.width);
  for (const [index, number] of numbers.entries()) arenaIndex[number] = index;
  const firstChunks = new Uint32Array(extents.length);
  let next = 0;
  const appendBlocks = (before: number) => {
    for (; next < blocks.length && blocks[next].start < before; next++) {
      const { start, end, arena } = blocks[next];
      columns.pushRange(start, end, ChunkState.overhead, arenaIndex[arena]);
    }
  };
  for (let extent = 0; extent < extents.length; extent++) {
    const start = extents.start[extent];
    const end = start + extents.bytes[extent];
    const arena = arenaIndex[extents.arena[extent]];
    appendBlocks(start);
    if (extents.state[extent] !== ExtentState.active) columns.pushRange(start, end, ChunkState.top, arena);
    else if (extents.regions[extent] > 0) firstChunks[extent] = appendSlab(image, columns, extents, extent, arena);
    else {
      const allocation = extents.allocation[extent];
      const used = Math.min(allocation + CLASS_BYTES[extents.sizeClass[extent]], end);
      columns.pushRange(start, allocation, ChunkState.overhead, arena);
      firstChunks[extent] = columns.length;
      columns.pushRange(allocation, used, ChunkState.inUse, arena);
      columns.pushRange(used, end, ChunkState.overhead, arena);
    }
  }
  appendBlocks(Infinity);
  return firstChunks;
}

/** @returns the first chunk */
function appendSlab(image: MemoryImage, columns: BlockColumns, extents: ExtentTable, extent: number, arena: number): number {
  const regions = extents.regions[extent];
  const bytes = CLASS_BYTES[extents.sizeClass[extent]];
  const first = columns.pushBlocks(extents.start[extent], bytes, regions, ChunkState.inUse, arena);
  const bitmap = extents.descriptor[extent] + DESCRIPTOR.bitmap;
  for (let group = 0; group < regions; group += 32) {
    for (let bits = image.u32(bitmap + group / 8); bits !== 0; bits = (bits & (bits - 1)) >>> 0) {
      const region = group + 31 - Math.clz32(bits & -bits);
      if (region < regions) columns.state[first + region] = ChunkState.free;
    }
  }
  return first;
}
