import type { MemoryImage } from "../../../target/memory-image.ts";
import type { BaseBlock } from "./base-blocks.ts";
import { BASE, CACHE, CACHE_BIN, CACHE_LINK } from "./layouts.ts";

/** The cache of a thread, or one that the program made for itself. */
export interface ThreadCache {
  /** Of its tcache_t, which lies among its thread's own variables. */
  readonly address: number;
  /** Number of the arena from which it is filled. */
  readonly arena: number;
  /** Address of the arena_t. */
  readonly arenaAddress: number;
}

/** More threads than a process can have. */
const MOST_CACHES = 2 ** 20;
/** A bin's stack lies within the 64 KiB that its low bits can tell apart. */
const STACK_SPAN = 2 ** 16;

/**
 * Finds all caches: each arena lists those that it fills. A pointer in an arena leads to a cache's link when the link leads to
 * the cache and the cache back to its link; the others hang on it in a ring.
 */
export function findThreadCaches(image: MemoryImage, blocks: readonly BaseBlock[]): ThreadCache[] {
  const caches: ThreadCache[] = [];
  const seen = new Set<number>();
  for (const { start, usedEnd, first, arena } of blocks) {
    if (!first) continue;
    const end = Math.min(usedEnd, start + BASE.mostBytes);
    for (let word = start + BASE.offset; word + 8 <= end; word += 8) {
      for (let link = image.u64(word); seen.size < MOST_CACHES && !seen.has(link); link = image.u64(link + CACHE_LINK.next)) {
        const address = cacheOfLink(image, link);
        if (address === undefined) break;
        seen.add(link);
        caches.push({ address, arena, arenaAddress: image.u64(link + CACHE_LINK.arena) });
      }
    }
  }
  return caches;
}

function cacheOfLink(image: MemoryImage, link: number): number | undefined {
  if (link === 0 || link % 8 !== 0 || !image.has(link)) return undefined;
  const cache = image.u64(link + CACHE_LINK.bins) - CACHE.bins;
  if (!(cache > 0) || cache % 8 !== 0 || !image.has(cache)) return undefined;
  return image.u64(cache + CACHE.link) === link ? cache : undefined;
}

/**
 * Calls `visit` with every allocation in a cache and its size class.
 * @returns an address within the memory of its stacks; undefined when its first bin is broken
 */
export function forEachCached(
  image: MemoryImage,
  { address }: ThreadCache,
  visit: (allocation: number, sizeClass: number) => void,
): number | undefined {
  let stacks: number | undefined;
  for (let sizeClass = 0; sizeClass < CACHE.mostBins; sizeClass++) {
    const bin = address + CACHE.bins + sizeClass * CACHE_BIN.bytes;
    const head = image.u64(bin + CACHE_BIN.head);
    const full = image.u16(bin + CACHE_BIN.lowFull);
    const empty = image.u16(bin + CACHE_BIN.lowEmpty);
    const held = (empty - (head % STACK_SPAN) + STACK_SPAN) % STACK_SPAN;
    const room = (empty - full + STACK_SPAN) % STACK_SPAN;
    // Sizes that are not cached have a bin without a stack.
    if (head === 0 || !image.has(head) || held % 8 !== 0 || held > room) break;
    stacks ??= head;
    for (let entry = head; entry < head + held; entry += 8) visit(image.u64(entry), sizeClass);
  }
  return stacks;
}
