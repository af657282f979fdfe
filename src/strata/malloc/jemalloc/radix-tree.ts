import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { BaseBlock } from "./base-blocks.ts";
import { DESCRIPTOR, LEAF_ENTRY, RADIX_TREE } from "./layouts.ts";

/** Bytes of the root and of a leaf. */
const LEVEL_BYTES = RADIX_TREE.entries * RADIX_TREE.entryBytes;
const ENTRIES_PER_PAGE = PAGE_BYTES / RADIX_TREE.entryBytes;
/** So many extents that are where their entries say, and not one that is elsewhere, make a leaf. */
const ENOUGH_EXTENTS = 4;
const TWO_32 = 2 ** 32;

/** @param page number of an extent's first page @param pages of the extent @param entry address of the page's entry in its leaf */
type ExtentVisitor = (page: number, pages: number, descriptor: number, entry: number) => void;

/**
 * Finds the root of the tree that tells the extent of every page, by its shape: a pointer in static data to a leaf whose entries lead
 * to extents that have the entry's page. The page tells the place in the root, and so where the root begins.
 *
 * @param blocks jemalloc's own memory, where leaves are
 * @returns address of the root
 */
export function findRadixTree(
  image: MemoryImage,
  data: AddressRange,
  blocks: readonly BaseBlock[],
  resident: PageSet,
): number | undefined {
  if (data.end - data.start < LEVEL_BYTES) return undefined;
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page)) continue;
    for (let slot = page; slot < page + PAGE_BYTES; slot += 8) {
      const leaf = image.u64(slot);
      if (leaf === 0 || !blocks.some(({ start, usedEnd }) => leaf > start && leaf + LEVEL_BYTES <= usedEnd)) continue;
      const region = regionOfLeaf(image, leaf, resident);
      const root = slot - (region ?? 0) * RADIX_TREE.entryBytes;
      if (region !== undefined && root >= data.start && root + LEVEL_BYTES <= data.end) return root;
    }
  }
  return undefined;
}

/** Which GiB of the address space a leaf tells about; undefined where its entries are none, or do not agree. */
function regionOfLeaf(image: MemoryImage, leaf: number, resident: PageSet): number | undefined {
  let region: number | undefined;
  let last = 0;
  let extents = 0;
  for (let index = 0; index < RADIX_TREE.entries && extents < ENOUGH_EXTENTS; ) {
    const at = leaf + index * RADIX_TREE.entryBytes;
    if (!resident.has(at)) {
      index += (PAGE_BYTES - (at % PAGE_BYTES)) / RADIX_TREE.entryBytes;
      continue;
    }
    const descriptor = descriptorOf(image.u32(at), image.u32(at + 4));
    // What was an extent leaves its size class in the entry, and no descriptor.
    if (descriptor !== 0) {
      if (!isAligned(image, descriptor, DESCRIPTOR.bytes)) return undefined;
      const first = firstPageOf(image, descriptor);
      // The region of the extent's page that has this place in a leaf.
      const own = Math.floor((first - index + RADIX_TREE.entries - 1) / RADIX_TREE.entries);
      const page = own * RADIX_TREE.entries + index;
      if (page < first || page >= first + pagesOf(image, descriptor)) return undefined;
      if (region !== undefined && own !== region) return undefined;
      region = own;
      if (descriptor !== last) extents++;
      last = descriptor;
    }
    index++;
  }
  return extents === 0 ? undefined : region;
}

/**
 * Calls `visit` with the first entry of every extent, ascending by page, extents never overlapping. Bounded by the resident pages
 * of the leaves.
 *
 * @param memory where extents may lie, ascending and disjoint
 * @returns entries that lead to no extent, or to one that does not begin on their page: left over, or caught half written
 */
export function forEachExtent(
  image: MemoryImage,
  root: number,
  resident: PageSet,
  memory: readonly AddressRange[],
  visit: ExtentVisitor,
): number {
  let misfits = 0;
  let range = 0;
  let next = 0;
  for (let region = 0; region < RADIX_TREE.entries; region++) {
    const at = root + region * RADIX_TREE.entryBytes;
    if (!resident.has(at)) {
      region += (PAGE_BYTES - (at % PAGE_BYTES)) / RADIX_TREE.entryBytes - 1;
      continue;
    }
    const leaf = image.u64(at);
    if (leaf === 0) continue;
    if (!isAligned(image, leaf, 64)) {
      misfits++;
      continue;
    }
    const end = (region + 1) * RADIX_TREE.entries;
    for (let page = Math.max(next, region * RADIX_TREE.entries); page < end; ) {
      const address = leaf + (page % RADIX_TREE.entries) * RADIX_TREE.entryBytes;
      if (!resident.has(address)) {
        page += ENTRIES_PER_PAGE - Math.floor((address % PAGE_BYTES) / RADIX_TREE.entryBytes);
        continue;
      }
      const descriptor = descriptorOf(image.u32(address), image.u32(address + 4));
      if (descriptor === 0) {
        page++;
        continue;
      }
      const pages = isAligned(image, descriptor, DESCRIPTOR.bytes) ? pagesOf(image, descriptor) : 0;
      const start = page * PAGE_BYTES;
      while (range < memory.length && memory[range].end <= start) range++;
      const isMapped = range < memory.length && start >= memory[range].start && start + pages * PAGE_BYTES <= memory[range].end;
      if (pages === 0 || !isMapped || firstPageOf(image, descriptor) !== page) {
        misfits++;
        page++;
        continue;
      }
      visit(page, pages, descriptor, address);
      page += pages;
      next = page;
    }
  }
  return misfits;
}

/** What a leaf's entry says about the allocations of an active extent. */
export function readEntry(image: MemoryImage, entry: number): { readonly sizeClass: number; readonly slab: boolean } {
  const slab = (image.u32(entry) & LEAF_ENTRY.slabMask) === 1;
  return { sizeClass: image.u32(entry + 4) >>> LEAF_ENTRY.sizeClassShift, slab };
}

function descriptorOf(low: number, high: number): number {
  return ((low & LEAF_ENTRY.descriptorMask) >>> 0) + (high & LEAF_ENTRY.highMask) * TWO_32;
}

function firstPageOf(image: MemoryImage, descriptor: number): number {
  return Math.floor(image.u64(descriptor + DESCRIPTOR.allocation) / PAGE_BYTES);
}

/** The low bits of the size are a serial number. */
function pagesOf(image: MemoryImage, descriptor: number): number {
  return Math.floor(image.u64(descriptor + DESCRIPTOR.size) / PAGE_BYTES);
}

function isAligned(image: MemoryImage, pointer: number, alignment: number): boolean {
  return pointer !== 0 && pointer % alignment === 0 && image.has(pointer);
}
