import { countBits } from "../../../base/bits.ts";
import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { CLASS_BYTES, DESCRIPTOR, DESCRIPTOR_BITS, ExtentState, MOST_REGIONS, SMALL_CLASSES } from "./layouts.ts";
import { forEachExtent, readEntry } from "./radix-tree.ts";

/** A bitmap is written in groups of 64 bits (bitmap.h). */
const BITMAP_GROUP_BITS = 64;

/** Runs of pages, ascending by address and disjoint. */
export interface ExtentTable {
  readonly length: number;
  readonly start: Float64Array;
  readonly bytes: Float64Array;
  /** Address of its edata_t. */
  readonly descriptor: Float64Array;
  /** Where the one allocation of an extent that is no slab begins, in its first page. */
  readonly allocation: Float64Array;
  /** jemalloc's number of the arena. */
  readonly arena: Uint16Array;
  /** `ExtentState`, or higher. */
  readonly state: Uint8Array;
  /** Of the allocations, where it is active. */
  readonly sizeClass: Uint8Array;
  /** Allocations that a slab has room for, 0 for an extent that is none. */
  readonly regions: Uint16Array;
}

/** All extents, and how many of them contradict themselves. */
export interface Extents {
  readonly table: ExtentTable;
  readonly misfits: number;
}

/**
 * Reads every extent that the radix tree leads to. O(pages of the heap); 32 bytes an extent.
 * @param memory where extents may lie, ascending and disjoint
 */
export function readExtents(image: MemoryImage, root: number, resident: PageSet, memory: readonly AddressRange[]): Extents {
  const descriptors: number[] = [];
  let misfits = forEachExtent(image, root, resident, memory, (_page, _pages, descriptor) => void descriptors.push(descriptor));
  const { length } = descriptors;
  const table: ExtentTable = {
    length,
    start: new Float64Array(length),
    bytes: new Float64Array(length),
    descriptor: Float64Array.from(descriptors),
    allocation: new Float64Array(length),
    arena: new Uint16Array(length),
    state: new Uint8Array(length),
    sizeClass: new Uint8Array(length),
    regions: new Uint16Array(length),
  };
  let extent = 0;
  forEachExtent(image, root, resident, memory, (page, pages, _descriptor, entry) => {
    table.start[extent] = page * PAGE_BYTES;
    table.bytes[extent] = pages * PAGE_BYTES;
    if (!readExtent(image, entry, table, extent++)) misfits++;
  });
  return { table, misfits };
}

/** @returns false when what is known twice differs: size class, and in a slab the number of free regions */
function readExtent(image: MemoryImage, entry: number, table: ExtentTable, extent: number): boolean {
  const descriptor = table.descriptor[extent];
  table.allocation[extent] = image.u64(descriptor + DESCRIPTOR.allocation);
  table.arena[extent] = field(image, descriptor, DESCRIPTOR_BITS.arena);
  table.state[extent] = field(image, descriptor, DESCRIPTOR_BITS.state);
  const sizeClass = Math.min(field(image, descriptor, DESCRIPTOR_BITS.sizeClass), CLASS_BYTES.length - 1);
  table.sizeClass[extent] = sizeClass;
  if (table.state[extent] !== ExtentState.active) return table.state[extent] <= ExtentState.retained;
  const slab = field(image, descriptor, DESCRIPTOR_BITS.slab) === 1;
  const told = readEntry(image, entry);
  if (sizeClass !== told.sizeClass || slab !== told.slab) return false;
  if (!slab) return table.allocation[extent] + CLASS_BYTES[sizeClass] <= table.start[extent] + table.bytes[extent];
  const regions = table.bytes[extent] / CLASS_BYTES[sizeClass];
  if (sizeClass >= SMALL_CLASSES || regions > MOST_REGIONS || !Number.isInteger(regions)) return false;
  table.regions[extent] = regions;
  return countFree(image, descriptor, regions) === field(image, descriptor, DESCRIPTOR_BITS.free);
}

/** Free regions by the bitmap, in which a set bit is a free one; -1 when there is one behind the last region in its 64 bits. */
function countFree(image: MemoryImage, descriptor: number, regions: number): number {
  let free = 0;
  const end = roundUp(regions, BITMAP_GROUP_BITS); // What follows is left from an earlier use.
  for (let first = 0; first < end; first += 32) {
    const bits = image.u32(descriptor + DESCRIPTOR.bitmap + first / 8);
    const inside = Math.max(0, Math.min(32, regions - first));
    if (inside < 32 && bits >>> inside !== 0) return -1;
    free += countBits(bits);
  }
  return free;
}

function field(
  image: MemoryImage,
  descriptor: number,
  { bit, width }: { readonly bit: number; readonly width: number },
): number {
  const at = descriptor + DESCRIPTOR.bits;
  const first = bit & ~7;
  // No field is wider than 16 bits from the byte in which it begins.
  return (image.u32(at + first / 8) >>> (bit - first)) & ((1 << width) - 1);
}

/** The extent that `address` lies in, or -1. O(log extents). */
export function extentAt(extents: ExtentTable, address: number): number {
  const extent = lastExtentBefore(extents, address + 1);
  return extent >= 0 && address < extents.start[extent] + extents.bytes[extent] ? extent : -1;
}

/** True where some byte of [start, end) lies in an extent. O(log extents). */
export function overlapsExtent(extents: ExtentTable, { start, end }: AddressRange): boolean {
  const extent = lastExtentBefore(extents, end);
  return extent >= 0 && extents.start[extent] + extents.bytes[extent] > start;
}

/** The last extent that begins below `end`, or -1. */
function lastExtentBefore({ length, start }: ExtentTable, end: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (start[middle] < end) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The extents that `isWanted` picks, neighbours as one range. */
export function extentRanges({ length, start, bytes }: ExtentTable, isWanted: (extent: number) => boolean): AddressRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (let extent = 0; extent < length; extent++) {
    if (!isWanted(extent)) continue;
    const last = ranges.at(-1);
    if (last?.end === start[extent]) last.end += bytes[extent];
    else ranges.push({ start: start[extent], end: start[extent] + bytes[extent] });
  }
  return ranges;
}

/** Disjoint ranges in any order as an ascending list in which neighbours are one. */
export function joinNeighbours(ranges: readonly AddressRange[]): AddressRange[] {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of [...ranges].sort((left, right) => left.start - right.start)) {
    const last = joined.at(-1);
    if (last?.end === start) last.end = end;
    else joined.push({ start, end });
  }
  return joined;
}
