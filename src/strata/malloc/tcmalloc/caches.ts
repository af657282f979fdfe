import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { CENTRAL_LIST, THREAD_CACHE } from "./layouts.ts";

/** The thread caches of a process, and where one ends. */
export interface ThreadCaches {
  readonly addresses: readonly number[];
  readonly bytes: number;
}

/** More threads than a process can have. */
const MOST_CACHES = 2 ** 20;

/**
 * Finds the thread caches: static data points at one, which is known by its free lists, each of which carries the size of its class.
 * The others hang on it by links whose place depends on the build; where two caches point at each other is the place.
 *
 * @returns undefined when none was found
 */
export function findThreadCaches(
  image: MemoryImage,
  data: AddressRange,
  resident: PageSet,
  classBytes: Uint32Array,
): ThreadCaches | undefined {
  const isCache = (address: number) => isThreadCache(image, address, classBytes);
  const known = new Set<number>();
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page) || !image.has(page)) continue;
    for (let slot = page; slot < page + PAGE_BYTES; slot += 8) {
      const pointer = image.u64(slot);
      if (pointer !== 0 && !known.has(pointer) && isCache(pointer)) known.add(pointer);
    }
  }
  if (known.size === 0) return undefined;
  const links = findLinks(image, [...known], isCache);
  if (links !== undefined) followLinks(image, known, links, isCache);
  return { addresses: [...known], bytes: THREAD_CACHE.listsEnd + THREAD_CACHE.tailBytes };
}

function isThreadCache(image: MemoryImage, address: number, classBytes: Uint32Array): boolean {
  if (address % 8 !== 0 || !image.has(address)) return false;
  for (let sizeClass = 1; sizeClass < classBytes.length; sizeClass++) {
    if (image.u32(address + sizeClass * THREAD_CACHE.listBytes + THREAD_CACHE.size) !== classBytes[sizeClass]) return false;
  }
  return true;
}

/** Offset of `next_`, which `prev_` follows; undefined when no cache has a neighbour. */
function findLinks(image: MemoryImage, caches: readonly number[], isCache: (address: number) => boolean): number | undefined {
  for (const cache of caches) {
    const end = THREAD_CACHE.listsEnd + THREAD_CACHE.tailBytes;
    for (let offset = THREAD_CACHE.listsEnd; offset < end; offset += 8) {
      const other = image.u64(cache + offset);
      if (other === cache || !isCache(other)) continue;
      if (image.u64(other + offset + 8) === cache) return offset;
      if (image.u64(other + offset - 8) === cache) return offset - 8;
    }
  }
  return undefined;
}

/** Adds every cache that hangs on a known one, in both directions. */
function followLinks(image: MemoryImage, known: Set<number>, links: number, isCache: (address: number) => boolean): void {
  // The set grows while it is walked, and each cache is in it once.
  for (const cache of known) {
    for (const neighbour of [image.u64(cache + links), image.u64(cache + links + 8)]) {
      if (known.size < MOST_CACHES && neighbour !== 0 && isCache(neighbour)) known.add(neighbour);
    }
  }
}

/**
 * Finds the central lists, an array with one for each size class: each carries the number of its class, at equal distances.
 *
 * @returns address of `size_class_` by class, undefined when there is no such array
 */
export function findCentralLists(
  image: MemoryImage,
  data: AddressRange,
  resident: PageSet,
  classes: number,
): Float64Array | undefined {
  for (let page = data.start; page < data.end; page += PAGE_BYTES) {
    if (!resident.has(page) || !image.has(page)) continue;
    for (let slot = page; slot < page + PAGE_BYTES; slot += 8) {
      if (image.u64(slot) !== 1) continue;
      const stride = strideFrom(image, slot, classes);
      if (stride !== undefined)
        return Float64Array.from({ length: classes }, (_, sizeClass) => slot + (sizeClass - 1) * stride);
    }
  }
  return undefined;
}

/** Padded to cache lines, and hardly more than what they hold. */
function strideFrom(image: MemoryImage, first: number, classes: number): number | undefined {
  for (let stride = CENTRAL_LIST.bytes; stride < CENTRAL_LIST.bytes + 256; stride += 8) {
    let sizeClass = 2;
    while (sizeClass < classes && image.u64(first + (sizeClass - 1) * stride) === sizeClass) sizeClass++;
    if (sizeClass === classes) return stride;
  }
  return undefined;
}
