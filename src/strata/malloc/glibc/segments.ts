import { PAGE_BYTES, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { closesHeap, isFencepost } from "./fenceposts.ts";
import type { ArenaHeader } from "./heaps.ts";
import { CHUNK, ChunkFlag } from "./layouts.ts";
import type { HeapRange } from "./walk.ts";

/** Chunk headers that the searches of one decoding may look at: above what real memory needs, a few seconds for hostile memory. */
const MAX_STEPS = 2 ** 27;
/** So many headers in a row that fit are no chance. */
const CONVINCING_CHUNKS = 64;

/** Counts the steps of searches, so that garbage cannot make them quadratic. */
export class StepBudget {
  private left = MAX_STEPS;

  /** False once the budget is spent. */
  take(): boolean {
    return this.left-- > 0;
  }
}

/** Consecutive chunk headers that fit each other. */
interface Run {
  readonly chunks: number;
  /** First byte behind the run when it reaches the top or fenceposts, otherwise undefined. */
  readonly end: number | undefined;
}

/**
 * Segments of a main arena that could not grow by brk and took memory by mmap instead: runs of chunks from a page's start to
 * fenceposts or to the top (sysmalloc in malloc/malloc.c).
 *
 * @param memory anonymous memory that is neither brk heap nor heap of a thread's arena
 * @param wantedBytes what the arena's system bytes leave after its brk heap; the search ends when it is found
 */
export function findSegments(
  image: MemoryImage,
  main: ArenaHeader,
  memory: readonly AddressRange[],
  wantedBytes: number,
  budget: StepBudget,
): HeapRange[] {
  const segments: HeapRange[] = [];
  let left = wantedBytes;
  for (const range of memory) {
    for (let page = range.start; page < range.end && left > 0; ) {
      const { end } = followRun(image, page, range.end, main.top, budget);
      if (end !== undefined && end % PAGE_BYTES === 0) {
        segments.push({ arena: main.index, start: page, firstChunk: page, end });
        left -= end - page;
        page = end;
      } else {
        page += PAGE_BYTES;
      }
    }
  }
  return segments;
}

/**
 * Where, from `from` on, a run of chunks begins that reaches the top or fenceposts, or is long enough to be none by chance;
 * undefined when there is none before `limit`.
 */
export function findNextRun(
  image: MemoryImage,
  from: number,
  limit: number,
  heapEnd: number,
  top: number,
  budget: StepBudget,
): number | undefined {
  for (let start = roundUp(from, CHUNK.alignment); start < limit && budget.take(); start += CHUNK.alignment) {
    const { chunks, end } = followRun(image, start, heapEnd, top, budget, CONVINCING_CHUNKS);
    if (end !== undefined || chunks >= CONVINCING_CHUNKS) return start;
  }
  return undefined;
}

/**
 * Follows the chunks from `start` on until they reach the top or fenceposts, or something that is no chunk.
 *
 * @param atMost chunks after which the run is long enough
 */
export function followRun(
  image: MemoryImage,
  start: number,
  limit: number,
  top: number,
  budget: StepBudget,
  atMost = Infinity,
): Run {
  let chunks = 0;
  let fenceposts = 0;
  let chunk = start;
  while (chunk < limit && chunks < atMost && budget.take()) {
    const word = image.u64(chunk + CHUNK.size);
    const flags = word % CHUNK.alignment;
    const size = word - flags;
    // Nothing precedes the first chunk, so its PREV_INUSE is set.
    if (chunks === 0 && (flags & ChunkFlag.previousInUse) === 0) break;
    if ((flags & ChunkFlag.mapped) !== 0 || flags > ChunkFlag.all || chunk + size > limit) break;
    if (chunk === top) return { chunks, end: chunk + size };
    if (size >= CHUNK.minimum && fenceposts === 0) {
      chunks++;
      chunk += size;
      continue;
    }
    if (!isFencepost(size, flags, chunk, limit)) break;
    fenceposts++;
    chunk += CHUNK.fencepost;
    if (closesHeap(size, fenceposts, chunk)) return { chunks, end: chunk };
  }
  return { chunks, end: undefined };
}
