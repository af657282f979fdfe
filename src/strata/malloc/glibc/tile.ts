import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import { type ChunkColumns, NO_ARENA } from "./chunk-columns.ts";

import type { ArenaHeader } from "./heaps.ts";
import type { MappedChunk } from "./mapped-chunks.ts";
import { findNextRun } from "./segments.ts";
import { type HeapRange, walkChunks } from "./walk.ts";

/** A gap between two runs of chunks is searched this far for the next one. */
const MAX_GAP_BYTES = 64 * 2 ** 20;

/** Fills the columns with everything that malloc took from the kernel, in address order: heaps, segments and mapped chunks. */
export function tile(
  image: MemoryImage,
  columns: ChunkColumns,
  heaps: readonly HeapRange[],
  mapped: readonly MappedChunk[],
  arenas: readonly ArenaHeader[],
  problems: ProblemReport,
): void {
  let next = 0;
  for (const heap of heaps) {
    while (next < mapped.length && mapped[next].start < heap.start) pushMapped(columns, mapped[next++]);
    tileHeap(image, columns, heap, arenas[heap.arena].top, problems);
  }
  while (next < mapped.length) pushMapped(columns, mapped[next++]);
}

function pushMapped(columns: ChunkColumns, { start, end, chunk }: MappedChunk): void {
  if (chunk > start) columns.push(start, chunk - start, ChunkState.overhead, NO_ARENA);
  columns.push(chunk, end - chunk, ChunkState.mapped, NO_ARENA);
}

function tileHeap(image: MemoryImage, columns: ChunkColumns, heap: HeapRange, top: number, problems: ProblemReport): void {
  if (heap.firstChunk > heap.start) columns.push(heap.start, heap.firstChunk - heap.start, ChunkState.overhead, heap.arena);
  for (let first: number | undefined = heap.firstChunk; first !== undefined && first < heap.end; ) {
    const { next, end } = walkChunks(image, columns, heap, first, top, problems);
    if (end === "top" || end === "end" || next >= heap.end) return;
    // Behind fenceposts in mid-heap lies memory that somebody else took by sbrk; behind a broken chunk, anything.
    if (end === "broken") problems.add("glibc-chunk", `the chunk at ${formatAddress(next)} is damaged or was not read`, next);
    first = findNextRun(image, next, Math.min(heap.end, next + MAX_GAP_BYTES), top);
  }
}
