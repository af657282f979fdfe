import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES, roundDown, USER_SPACE_END } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { PAGE_MAP, SPAN, SPAN_PAGE_BYTES } from "./layouts.ts";

const POINTER_BYTES = 8;
/** Bytes of one leaf. */
export const LEAF_BYTES = PAGE_MAP.leafEntries * POINTER_BYTES;
/** So many spans where they should be make a leaf; a heap has thousands. */
const ENOUGH_SPANS = 16;

/** The leaves of tcmalloc's page map: each tells the spans of 2 GiB of address space. */
export interface PageMap {
  readonly root: number;
  /** Ascending by the address space that they tell. */
  readonly leaves: readonly { readonly firstPage: number; readonly address: number }[];
}

/**
 * Finds the page map by its shape: a pointer in static data to a leaf whose entries point at spans that begin on the very page
 * that the entry is for. The page tells the entry of the root, and so where the root begins.
 */
export function findPageMap(image: MemoryImage, data: AddressRange, resident: PageSet): PageMap | undefined {
  const tried = new Set<number>();
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page) || !image.has(page)) continue;
    for (let slot = page; slot < page + PAGE_BYTES; slot += POINTER_BYTES) {
      const leaf = image.u64(slot);
      if (!isPointer(image, leaf) || (leaf >= data.start && leaf < data.end) || tried.has(leaf)) continue;
      tried.add(leaf);
      const region = regionOfLeaf(image, leaf, resident);
      if (region === undefined) continue;
      const map = readRoot(image, slot - region * POINTER_BYTES, resident);
      if (map !== undefined) return map;
    }
  }
  return undefined;
}

/** Which 2 GiB of the address space `leaf` tells about; undefined when its entries do not agree, or are no spans. */
function regionOfLeaf(image: MemoryImage, leaf: number, resident: PageSet): number | undefined {
  let region: number | undefined;
  let spans = 0;
  for (let at = leaf; at < leaf + LEAF_BYTES && spans < ENOUGH_SPANS; ) {
    const end = Math.min(leaf + LEAF_BYTES, roundDown(at, PAGE_BYTES) + PAGE_BYTES);
    if (resident.has(at) && image.has(at)) {
      // Zeros by the page: whoever points at a large empty buffer is ruled out as fast as that can be read.
      const words = image.memory.int32(image.wordOf(at), (end - at) / 4);
      for (let word = 0; word < words.length && spans < ENOUGH_SPANS; word += 2) {
        if (words[word] === 0 && words[word + 1] === 0) continue;
        const span = image.u64(at + word * 4);
        if (!isPointer(image, span)) return undefined;
        const firstPage = image.u64(span + SPAN.firstPage);
        const own = Math.floor(firstPage / PAGE_MAP.leafEntries);
        const entry = (at + word * 4 - leaf) / POINTER_BYTES;
        // Entries within a span, or left of one that was merged, tell nothing.
        if (firstPage % PAGE_MAP.leafEntries !== entry || !isSpan(image, span)) continue;
        if (region !== undefined && own !== region) return undefined;
        region = own;
        spans++;
      }
    }
    at = end;
  }
  return region;
}

/** Every leaf of the root at `root`; undefined when an entry is no pointer. */
function readRoot(image: MemoryImage, root: number, resident: PageSet): PageMap | undefined {
  const leaves: { firstPage: number; address: number }[] = [];
  for (let entry = 0; entry < PAGE_MAP.rootEntries; ) {
    const at = root + entry * POINTER_BYTES;
    if (!resident.has(at)) {
      entry += (PAGE_BYTES - (at % PAGE_BYTES)) / POINTER_BYTES;
      continue;
    }
    const leaf = image.u64(at);
    if (leaf !== 0) {
      if (!isPointer(image, leaf)) return undefined;
      leaves.push({ firstPage: entry * PAGE_MAP.leafEntries, address: leaf });
    }
    entry++;
  }
  return { root, leaves };
}

/**
 * Calls `visit` with the address of every span, ascending by what they span, which never overlaps. Bounded by the leaves' resident
 * pages. A span counts only on its first page: entries behind it may be left of spans that were merged.
 *
 * @param visit returns whether it is one; what is none takes no pages
 */
export function forEachSpan(image: MemoryImage, map: PageMap, resident: PageSet, visit: (span: number) => boolean): void {
  let next = 0;
  for (const { firstPage, address } of map.leaves) {
    const end = firstPage + PAGE_MAP.leafEntries;
    for (let page = Math.max(next, firstPage); page < end; ) {
      const at = address + (page - firstPage) * POINTER_BYTES;
      if (!resident.has(at)) {
        page += (PAGE_BYTES - (at % PAGE_BYTES)) / POINTER_BYTES;
        continue;
      }
      const span = image.u64(at);
      if (span !== 0 && image.u64(span + SPAN.firstPage) === page && isSpan(image, span) && visit(span)) {
        page += image.u64(span + SPAN.pages);
        next = page;
      } else page++;
    }
  }
}

function isSpan(image: MemoryImage, span: number): boolean {
  const pages = image.u64(span + SPAN.pages);
  return pages > 0 && (image.u64(span + SPAN.firstPage) + pages) * SPAN_PAGE_BYTES <= USER_SPACE_END;
}

function isPointer(image: MemoryImage, value: number): boolean {
  return value !== 0 && value % POINTER_BYTES === 0 && image.has(value);
}
