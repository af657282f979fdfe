/** What glibc gives back to the kernel, and when: malloc_trim() on request, the ends of heaps by itself when something large is freed. */
import { KIB, MIB, PAGE_BYTES, roundDown, roundUp } from "../../../base/units.ts";
import type { ChunkTable, MallocSettings } from "../allocator.ts";

/** sizeof(struct malloc_chunk): the links at the beginning of a free chunk stay (mtrim in malloc/malloc.c). */
const LINK_BYTES = 48;
/** MINSIZE, and the byte that keeps the top from being used up to its last page (systrim and heap_trim). */
const KEPT_AT_TOP_BYTES = 33;
/** FASTBIN_CONSOLIDATION_THRESHOLD: freeing leads to a trim only if the free chunk that comes of it is as large. */
const CONSOLIDATION_BYTES = 64 * KIB;
/** HEAP_MAX_SIZE: 2 × DEFAULT_MMAP_THRESHOLD_MAX. */
const HEAP_RESERVE_BYTES = 64 * MIB;
/** tcache_max_bytes as a chunk: what is as small goes to the freeing thread's cache first (2.26 and later). */
const LARGEST_CACHED_BYTES = 1040;

/** As in `ChunkState`: rules import types only, a test keeps both equal. */
const FREE = 1;
const FAST = 2;
const TOP = 4;

/** What decides about the end of the main arena. */
export interface TrimmedHeap {
  readonly chunks: ChunkTable;
  /** Index of the main arena. */
  readonly mainArena: number;
  /** Where the brk heap ends, undefined when there is none: only a top that ends there goes back (systrim asks sbrk(0)). */
  readonly breakEnd: number | undefined;
  /** What the end of the main arena is given back in: pages, or transparent huge pages (glibc.malloc.hugetlb=1). */
  readonly stepBytes: number;
}

/**
 * Calls `visit` for each range of whole pages that malloc_trim(0) would give back, ascending: what is free within every arena, and
 * the end of the main arena. Fastbins are emptied first; thread caches and the tops of other arenas are left alone
 * (malloc_trim, mtrim and systrim in malloc/malloc.c, 2.8–2.43). O(chunks).
 */
export function forEachTrimmed(heap: TrimmedHeap, visit: (arena: number, start: number, end: number) => void): void {
  const { length, address, bytes, state, arena } = heap.chunks;
  for (let chunk = 0; chunk < length; chunk++) {
    if (state[chunk] !== FREE && state[chunk] !== FAST && state[chunk] !== TOP) continue;
    const start = address[chunk];
    const first = chunk;
    let end = start + bytes[chunk];
    // Neighbours that are free become one chunk; the top takes in what is free before it.
    while (state[chunk] !== TOP && continuesRun(heap.chunks, chunk + 1, arena[first], end)) end += bytes[++chunk];
    const released = state[chunk] === TOP ? topRelease(heap, arena[first], start, end) : insidePages(start, end);
    if (released.end > released.start) visit(arena[first], released.start, released.end);
  }
}

function continuesRun({ length, address, state, arena }: ChunkTable, chunk: number, ofArena: number, at: number): boolean {
  if (chunk >= length || address[chunk] !== at || arena[chunk] !== ofArena) return false;
  return state[chunk] === FREE || state[chunk] === FAST || state[chunk] === TOP;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

const NOTHING: Range = { start: 0, end: 0 };

function topRelease({ mainArena, breakEnd, stepBytes }: TrimmedHeap, arena: number, start: number, end: number): Range {
  if (arena !== mainArena || end !== breakEnd) return NOTHING;
  return { start: end - releasedFromEnd(end - start, 0, stepBytes), end };
}

/** The whole pages in a free chunk, less its own links. Empty when there are none. */
export function insidePages(start: number, end: number): Range {
  const first = roundUp(start + LINK_BYTES, PAGE_BYTES);
  return { start: first, end: Math.max(first, roundDown(end, PAGE_BYTES)) };
}

/**
 * Bytes that a heap shrinks by when its top has `topBytes` and `padBytes` of them stay (systrim and heap_trim).
 * @param stepBytes pages, or huge ones
 */
export function releasedFromEnd(topBytes: number, padBytes: number, stepBytes: number = PAGE_BYTES): number {
  const room = topBytes - KEPT_AT_TOP_BYTES - padBytes;
  return room <= 0 ? 0 : roundDown(room, stepBytes);
}

/**
 * Whether free() shrinks a heap by itself.
 *
 * @param mergedBytes the free chunk that freeing makes, neighbours and top included
 * @param topBytes the top as it is then
 */
export function shrinksOnFree(settings: MallocSettings, mergedBytes: number, topBytes: number): boolean {
  return mergedBytes >= CONSOLIDATION_BYTES && topBytes >= settings.trimThreshold;
}

/**
 * Whether a heap of a thread's arena that has become empty is unmapped as a whole: not when the heap before it has so little room
 * that the next request would need a new one (heap_trim in malloc/arena.c).
 *
 * @param beforeFreeBytes free bytes at the end of the heap before it
 * @param beforeBytes of the heap before it
 */
export function unmapsEmptyHeap(settings: MallocSettings, beforeFreeBytes: number, beforeBytes: number): boolean {
  const room = beforeFreeBytes + HEAP_RESERVE_BYTES - beforeBytes;
  return room >= settings.topPad + KEPT_AT_TOP_BYTES - 1 + PAGE_BYTES;
}

/** Whether a chunk that is freed may go to a thread's cache, where it is in use as far as its neighbours know. */
export function mayBeCached(chunkBytes: number): boolean {
  return chunkBytes <= LARGEST_CACHED_BYTES;
}
