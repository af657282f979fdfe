import { PAGE_BYTES, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { ArenaHeader } from "./heaps.ts";
import { CHUNK, ChunkFlag } from "./layouts.ts";
import type { HeapRange } from "./walk.ts";

/** Chunk headers that one search may look at: a bound for hostile memory, far above what real memory needs. */
const MAX_STEPS = 2 ** 28;

/** Counts the steps of a search, so that garbage cannot make it quadratic. */
class StepBudget {
  private left = MAX_STEPS;

  /** False once the budget is spent. */
  take(): boolean {
    return this.left-- > 0;
  }
}

/**
 * Segments of a main arena that could not grow by brk and took memory by mmap instead: runs of chunks from a page's start to two
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
): HeapRange[] {
  const segments: HeapRange[] = [];
  const budget = new StepBudget();
  let left = wantedBytes;
  for (const range of memory) {
    for (let page = range.start; page < range.end && left > 0; ) {
      const end = endOfRun(image, page, range.end, main.top, budget);
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

/** Where, from `from` on, a run of chunks begins that reaches the top or a fencepost; undefined when there is none before `limit`. */
export function findNextRun(image: MemoryImage, from: number, limit: number, top: number): number | undefined {
  const budget = new StepBudget();
  for (let start = roundUp(from, CHUNK.alignment); start < limit && budget.take(); start += CHUNK.alignment) {
    if (endOfRun(image, start, limit, top, budget) !== undefined) return start;
  }
  return undefined;
}

/** First byte behind the run of chunks that begins at `start`, or undefined when it leads nowhere. */
export function endOfFirstRun(image: MemoryImage, start: number, limit: number, top: number): number | undefined {
  return endOfRun(image, start, limit, top, new StepBudget());
}

/** First byte behind the run of chunks that begins at `start`, or undefined when it leads nowhere. */
function endOfRun(image: MemoryImage, start: number, limit: number, top: number, budget: StepBudget): number | undefined {
  let fenceposts = 0;
  for (let chunk = start; chunk < limit && budget.take(); ) {
    const word = image.u64(chunk + CHUNK.size);
    const flags = word % CHUNK.alignment;
    const size = word - flags;
    // Nothing precedes the first chunk, so its PREV_INUSE is set.
    if (chunk === start && (flags & ChunkFlag.previousInUse) === 0) return undefined;
    if ((flags & ChunkFlag.mapped) !== 0 || chunk + size > limit) return undefined;
    if (chunk === top) return chunk + size;
    if (size === CHUNK.fencepost) {
      fenceposts++;
      if (fenceposts === 2) return chunk + CHUNK.fencepost;
    } else if (size === 0) {
      return fenceposts === 1 && chunk + CHUNK.fencepost === limit ? limit : undefined;
    } else if (fenceposts > 0 || size < CHUNK.minimum) {
      return undefined;
    }
    chunk += size;
  }
  return undefined;
}
