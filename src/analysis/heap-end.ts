/** What one heap of glibc gives back if the chunks at its end go. */
import type { PageSet } from "../base/page-set.ts";
import { SnapshotChunkState } from "../snapshot/states.ts";
import type { MallocSettingsFacts, MallocTables } from "../snapshot/tables.ts";
import {
  insidePages,
  releasedFromEnd,
  shrinksOnFree,
  type TrimmedHeap,
  unmapsEmptyHeap,
} from "../strata/malloc/rules/glibc-trim.ts";
import { indexAtOrBelow } from "./places.ts";

interface Range {
  readonly start: number;
  readonly end: number;
}

interface HeapBefore extends Range {
  /** At its end. */
  readonly freeBytes: number;
  /** Whether it is this one for certain. */
  readonly known: boolean;
}

/** The marks behind the last chunk of a heap that is closed: two headers. */
const MARKS_BYTES = 32;

/**
 * How a heap ends:
 * - "break": at the end of the brk heap, which sbrk moves;
 * - "thread": with the top of a thread's arena, which free() alone shrinks, malloc_trim() never;
 * - "closed": with marks, or where nothing can be moved: only the whole pages in free chunks come back, by malloc_trim().
 */
type EndKind = "break" | "thread" | "closed";

export class HeapEnd {
  private readonly kind: EndKind;
  private readonly hasTop: boolean;

  /** @param lastEnd first byte behind the heap's last chunk */
  constructor(
    private readonly malloc: MallocTables,
    private readonly arena: number,
    private readonly range: Range,
    private readonly lastEnd: number,
    private readonly rules: TrimmedHeap,
    private readonly resident: PageSet,
  ) {
    const { chunks } = malloc;
    const last = indexAtOrBelow(chunks.address, chunks.length, lastEnd - 1);
    this.hasTop = last >= 0 && chunks.state[last] === SnapshotChunkState.top;
    const isMain = arena === rules.mainArena;
    this.kind = !this.hasTop ? "closed" : !isMain ? "thread" : lastEnd === rules.breakEnd ? "break" : "closed";
  }

  /** Resident bytes from an address to the end. */
  residentFrom(tail: number): number {
    return this.resident.bytesWithin(tail, this.range.end);
  }

  /** Resident whole pages of a free chunk, which malloc_trim() returns where they are. */
  trimmedWithin(start: number, end: number): number {
    const pages = insidePages(start, end);
    return this.resident.bytesWithin(pages.start, pages.end);
  }

  /** What malloc_trim(0) gives back from the end as it is. @param tail where the free memory at the end begins */
  releasedNow(tail: number): number {
    return this.kind === "break" ? this.shrunkBy(tail, 0) : 0;
  }

  /**
   * What comes back once everything from `tail` on is free, by free() itself or by malloc_trim(0) behind it.
   *
   * @param isEmpty nothing else is left in the heap
   * @param trimmedInBetween what a trim returns of it now, from between the chunks in the way
   */
  releasedFrom(tail: number, isEmpty: boolean, trimmedInBetween: number): number {
    switch (this.kind) {
      case "break":
        return this.shrunkBy(tail, 0);
      case "thread":
        return this.releasedByFree(tail, isEmpty);
      case "closed":
        return this.hasTop ? 0 : this.trimmedWithin(tail, this.lastEnd) - trimmedInBetween;
    }
  }

  /** What free() gives back at once when it makes everything from `tail` on free. */
  releasedByFree(tail: number, isEmpty: boolean): number {
    const { settings } = this.malloc;
    const topBytes = this.range.end - tail;
    if (this.kind === "closed" || !settings) return 0;
    const before = isEmpty && this.kind === "thread" ? this.heapBefore() : undefined;
    // Where it is unmapped as a whole, thresholds are not asked.
    if (before && unmapsEmptyHeap(settings, before.freeBytes, before.end - before.start))
      return this.residentFrom(this.range.start) + this.shrunkBefore(before, settings);
    return shrinksOnFree(settings, topBytes, topBytes) ? this.shrunkBy(tail, settings.topPad) : 0;
  }

  private shrunkBy(tail: number, padBytes: number): number {
    const step = this.kind === "break" ? this.rules.stepBytes : undefined;
    const { end } = this.range;
    return this.resident.bytesWithin(end - releasedFromEnd(end - tail, padBytes, step), end);
  }

  /** The heap that the arena would go on with; undefined for its first, which stays as long as the arena. */
  private heapBefore(): HeapBefore | undefined {
    const { address, ranges } = this.malloc.arenas[this.arena];
    if (address >= this.range.start && address < this.range.end) return undefined;
    const others = ranges.filter(({ start }) => start !== this.range.start);
    if (others.length === 0) return undefined;
    // Which one it is, is known of two heaps only. Of more, the fullest is the most cautious guess.
    const { start, end } = others.reduce((fullest, range) =>
      range.end - range.start > fullest.end - fullest.start ? range : fullest,
    );
    return { start, end, freeBytes: this.freeAtEnd({ start, end }), known: others.length === 1 };
  }

  /** What the heap before gives back at once, whose free end becomes the arena's top: free() goes on with it. */
  private shrunkBefore({ end, freeBytes, known }: HeapBefore, settings: MallocSettingsFacts): number {
    const topBytes = freeBytes + MARKS_BYTES;
    if (!known || topBytes < settings.trimThreshold) return 0;
    return this.resident.bytesWithin(end - releasedFromEnd(topBytes, settings.topPad), end);
  }

  private freeAtEnd({ start, end }: Range): number {
    const { chunks } = this.malloc;
    for (let chunk = indexAtOrBelow(chunks.address, chunks.length, end - 1); chunk >= 0; chunk--) {
      if (chunks.address[chunk] < start) return 0;
      if (chunks.state[chunk] === SnapshotChunkState.overhead) continue;
      return chunks.state[chunk] === SnapshotChunkState.free ? chunks.bytes[chunk] : 0;
    }
    return 0;
  }
}
