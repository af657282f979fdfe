/** What malloc_trim(0) would give back, from the tables alone: nothing is called in the process. */
import type { PageSet } from "../base/page-set.ts";
import { MIB, PAGE_BYTES } from "../base/units.ts";
import { type MallocTables, MappingKind, type Snapshot } from "../snapshot/tables.ts";
import { forEachTrimmed, type TrimmedHeap } from "../strata/malloc/rules/glibc-trim.ts";

/** Bytes by which Rss falls, by arena. */
export interface Trim {
  readonly releasableBytes: number;
  /** By index of the arena; they sum to `releasableBytes`. */
  readonly byArena: Float64Array;
}

const HUGE_PAGE_BYTES = 2 * MIB;

/**
 * What a call of malloc_trim(0) would return now: resident pages only. Undefined for allocators that have no such call.
 * O(chunks + free pages).
 */
export function trimOf(snapshot: Snapshot, malloc: MallocTables, resident: PageSet): Trim | undefined {
  const heap = trimmedHeap(snapshot, malloc);
  if (heap === undefined) return undefined;
  const byArena = new Float64Array(malloc.arenas.length);
  forEachTrimmed(heap, (arena, start, end) => {
    byArena[arena] += resident.bytesWithin(start, end);
  });
  return { releasableBytes: byArena.reduce((sum, bytes) => sum + bytes, 0), byArena };
}

/** What the rules of a trim need; undefined when the allocator is not glibc. */
export function trimmedHeap({ mappings, process }: Snapshot, malloc: MallocTables): TrimmedHeap | undefined {
  if (malloc.allocator !== "glibc") return undefined;
  const brk = mappings.kind.subarray(0, mappings.length).lastIndexOf(MappingKind.heap);
  const usesHugePages = /(^|:)glibc\.malloc\.hugetlb=1(:|$)/.test(process.settings?.environment.GLIBC_TUNABLES ?? "");
  return {
    chunks: malloc.chunks,
    mainArena: malloc.arenas.findIndex((arena) => arena.main),
    breakEnd: brk < 0 ? undefined : mappings.end[brk],
    stepBytes: usesHugePages ? HUGE_PAGE_BYTES : PAGE_BYTES,
  };
}
