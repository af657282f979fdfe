import type { PageSet } from "../../../base/page-set.ts";
import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import { type ChunkColumns, NO_ARENA } from "./chunk-columns.ts";
import type { ArenaHeader } from "./heaps.ts";
import { CHUNK } from "./layouts.ts";
import type { MappedChunk } from "./mapped-chunks.ts";
import { findNextRun, type StepBudget } from "./segments.ts";
import { type HeapRange, walkChunks } from "./walk.ts";

/** A gap between two runs of chunks is searched this far for the next one. */
const MAX_GAP_BYTES = 64 * 2 ** 20;

/** Everything that malloc took from the kernel, each list ascending. */
export interface MallocMemory {
  readonly heaps: readonly HeapRange[];
  readonly mapped: readonly MappedChunk[];
}

/**
 * Fills the columns with everything that malloc took from the kernel, in address order: heaps, segments and mapped chunks.
 *
 * @returns true when a chunk was damaged: the stop fell inside malloc, or something wrote where it should not
 */
export function tile(
  image: MemoryImage,
  columns: ChunkColumns,
  { heaps, mapped }: MallocMemory,
  arenas: readonly ArenaHeader[],
  resident: PageSet,
  budget: StepBudget,
  problems: ProblemReport,
): boolean {
  let damaged = false;
  let next = 0;
  for (const heap of heaps) {
    while (next < mapped.length && mapped[next].start < heap.start) pushMapped(columns, mapped[next++]);
    if (tileHeap(image, columns, heap, arenas[heap.arena].top, resident, budget, problems)) damaged = true;
  }
  while (next < mapped.length) pushMapped(columns, mapped[next++]);
  return damaged;
}

function pushMapped(columns: ChunkColumns, { start, end, chunk }: MappedChunk): void {
  if (chunk > start) columns.push(start, chunk - start, ChunkState.overhead, NO_ARENA);
  columns.push(chunk, end - chunk, ChunkState.mapped, NO_ARENA);
}

/** Walks a heap, across gaps: what somebody else took by sbrk, headers that were not read, damage. */
function tileHeap(
  image: MemoryImage,
  columns: ChunkColumns,
  heap: HeapRange,
  top: number,
  resident: PageSet,
  budget: StepBudget,
  problems: ProblemReport,
): boolean {
  const walk = { image, columns, range: heap, top, problems };
  let damaged = false;
  if (heap.firstChunk > heap.start) {
    columns.push(heap.start, heap.firstChunk - heap.start, ChunkState.overhead, heap.arena);
  }
  for (let first: number | undefined = heap.firstChunk; first !== undefined && first < heap.end; ) {
    const { next, end, damaged: repeatsWrongSize } = walkChunks(walk, first);
    damaged ||= repeatsWrongSize;
    if (end === "top" || end === "end" || next >= heap.end) break;
    let from = next;
    if (end === "broken") {
      from = next + CHUNK.alignment;
      if (resident.has(next + CHUNK.size)) {
        damaged = true;
        problems.add("glibc-chunk", `the malloc chunk at ${formatAddress(next)} is damaged`, next);
      } else {
        problems.add("glibc-chunk-unread", `the page of the malloc chunk at ${formatAddress(next)} was not read`, next);
      }
    }
    first = findNextRun(image, from, Math.min(heap.end, from + MAX_GAP_BYTES), heap.end, top, budget);
  }
  return damaged;
}
