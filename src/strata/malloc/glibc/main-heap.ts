import { roundUp } from "../../../base/units.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { ArenaHeader } from "./heaps.ts";
import { CHUNK } from "./layouts.ts";
import { breakRange, subtractRanges } from "./memory-map.ts";
import { findSegments, followRun, type StepBudget } from "./segments.ts";
import type { HeapRange } from "./walk.ts";

/**
 * Where the main arena's chunks lie: the brk heap, and segments where brk failed and it took memory by mmap.
 *
 * @param firstBreak where malloc's first sbrk began, where known: a statically linked program takes some of the brk heap before
 * @param memory anonymous memory of the target
 * @param threadHeaps the heaps of the other arenas, ascending
 */
export function findMainHeaps(
  image: MemoryImage,
  mappings: readonly Mapping[],
  main: ArenaHeader,
  firstBreak: number | undefined,
  memory: readonly AddressRange[],
  threadHeaps: readonly HeapRange[],
  budget: StepBudget,
): HeapRange[] {
  const brk = breakRange(mappings);
  const brkHeap = brk && findBrkHeap(image, brk, main, firstBreak ?? brk.start, budget);
  const heaps = brkHeap === undefined ? [] : [brkHeap];
  const missingBytes = main.systemBytes - heaps.reduce((sum, heap) => sum + heap.end - heap.start, 0);
  if (missingBytes > 0 && (!main.contiguous || brkHeap === undefined)) {
    const taken = [...threadHeaps, ...(brk ? [brk] : [])].sort((left, right) => left.start - right.start);
    heaps.push(...findSegments(image, main, subtractRanges(memory, taken), missingBytes, budget));
  }
  return heaps;
}

/** The part of the brk heap that is malloc's: up to its top, or to the fenceposts that it left when brk failed. */
function findBrkHeap(
  image: MemoryImage,
  brk: AddressRange,
  main: ArenaHeader,
  start: number,
  budget: StepBudget,
): HeapRange | undefined {
  if (start < brk.start || start >= brk.end) return undefined;
  const firstChunk = roundUp(start, CHUNK.alignment);
  const topEnd = main.top + main.topBytes;
  const holdsTop = main.top >= start && topEnd <= brk.end;
  const end = holdsTop ? topEnd : followRun(image, firstChunk, brk.end, main.top, budget).end;
  return { arena: main.index, start, firstChunk, end: end ?? brk.end };
}
