import { PAGE_BYTES } from "../../../base/units.ts";
import { CHUNK, ChunkFlag } from "./layouts.ts";

/**
 * Fenceposts close what an arena leaves behind when it goes on elsewhere, so that nothing merges across the border (sysmalloc in
 * malloc/malloc.c). A heap of a thread's arena ends with one of 16 bytes and a size of 0 at its very end; a segment of the main
 * arena with two of 16 bytes, or three where its top had no room for more, at a page's end.
 */
export function isFencepost(size: number, flags: number, address: number, heapEnd: number): boolean {
  if (size === CHUNK.fencepost) return true;
  return size === 0 && flags === ChunkFlag.previousInUse && address + CHUNK.fencepost === heapEnd;
}

/**
 * True when a heap or segment ends behind this fencepost.
 *
 * @param size of the last fencepost, 0 or 16
 * @param fenceposts how many there were in a row
 * @param end first byte behind the last
 */
export function closesHeap(size: number, fenceposts: number, end: number): boolean {
  return size === 0 || fenceposts === 3 || (fenceposts === 2 && end % PAGE_BYTES === 0);
}
