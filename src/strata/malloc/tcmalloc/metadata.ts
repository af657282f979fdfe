import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES, roundDown, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { METADATA_CHUNK_BYTES } from "./layouts.ts";

/**
 * The memory that tcmalloc took for its own structures: the pieces of `gaps` that hold one of them, from the first to the last. The
 * piece that is being cut now is known exactly, by the pointer into it and the bytes left of it that static data keeps.
 *
 * @param gaps anonymous memory between the spans, ascending
 * @param structures where structures begin, ascending within a call or not
 */
export function findMetadata(
  image: MemoryImage,
  data: AddressRange,
  resident: PageSet,
  gaps: readonly AddressRange[],
  structures: Iterable<number>,
): AddressRange[] {
  const lowest = new Float64Array(gaps.length).fill(Infinity);
  const highest = new Float64Array(gaps.length);
  for (const address of structures) {
    const gap = indexOfRange(gaps, address);
    if (gap < 0) continue;
    lowest[gap] = Math.min(lowest[gap], address);
    highest[gap] = Math.max(highest[gap], address);
  }
  const ranges = gaps.map((gap, index) => ({
    start: Math.max(gap.start, roundDown(lowest[index], PAGE_BYTES)),
    end: Math.min(gap.end, roundUp(highest[index] + 1, PAGE_BYTES)),
  }));
  const current = findCurrentChunk(image, data, resident, ranges);
  return ranges.flatMap((range, index) => {
    if (lowest[index] === Infinity) return [];
    if (current === undefined || current.start > range.start || current.end < range.start) return [range];
    return [
      { start: Math.max(gaps[index].start, current.start), end: Math.min(gaps[index].end, Math.max(range.end, current.end)) },
    ];
  });
}

/** metadata_chunk_alloc_ and metadata_chunk_avail_, in either order: together they tell where the piece ends, and so where it begins. */
function findCurrentChunk(
  image: MemoryImage,
  data: AddressRange,
  resident: PageSet,
  ranges: readonly AddressRange[],
): AddressRange | undefined {
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page) || !image.has(page)) continue;
    for (let slot = page; slot < page + PAGE_BYTES; slot += 8) {
      const left = image.u64(slot);
      if (left === 0 || left >= METADATA_CHUNK_BYTES) continue;
      for (const pointer of [image.u64(slot + 8), image.u64(slot - 8)]) {
        const end = pointer + left;
        const start = end - METADATA_CHUNK_BYTES;
        // Only whole pages are ever asked for, and what is cut first is the first structure of the piece.
        if (end % PAGE_BYTES === 0 && ranges.some((range) => range.start === start)) return { start, end };
      }
    }
  }
  return undefined;
}

/** Index of the range that holds `address`, or -1; binary search. */
function indexOfRange(ranges: readonly AddressRange[], address: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].end <= address) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low].start <= address ? low : -1;
}
