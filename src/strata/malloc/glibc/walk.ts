import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress, MIB } from "../../../base/units.ts";
import { SEGMENT_SHIFT, SEGMENT_WORDS } from "../../../target/linear-memory.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { ChunkColumns } from "./chunk-columns.ts";
import { closesHeap, isFencepost } from "./fenceposts.ts";
import { CHUNK, ChunkFlag } from "./layouts.ts";

/** Memory that an arena took from the kernel in one piece. */
export interface HeapRange {
  /** Index of the arena. */
  readonly arena: number;
  /** First byte that belongs to the arena; its own structures may come before the first chunk. */
  readonly start: number;
  readonly firstChunk: number;
  readonly end: number;
}

const TWO_32 = 2 ** 32;
/** As many chunks as can begin in one slot, fenceposts included. */
export const CHUNKS_PER_SLOT = MIB / CHUNK.fencepost;

/** Why a walk ended: at the arena's top or a fencepost, at the end of the range, or at bytes that are no chunk. */
export type WalkEnd = "top" | "fencepost" | "end" | "broken";

/** Where a walk ended and why. */
export interface WalkOutcome {
  /** A free chunk whose size the next one did not repeat was met. */
  readonly damaged: boolean;
  /** First byte behind the last chunk. */
  readonly next: number;
  readonly end: WalkEnd;
}

/**
 * Appends the chunks of [first, range.end), one header read for each: a chunk is free when the next one's PREV_INUSE is clear,
 * so its state is settled when the next is read. Chunks in fastbins and thread caches count as in use here.
 *
 * O(chunks), no allocation per chunk. Bounded by the range, whatever the bytes say: every step goes forward.
 *
 * @param top address of the arena's top chunk
 */
export function walkChunks(
  image: MemoryImage,
  columns: ChunkColumns,
  range: HeapRange,
  first: number,
  top: number,
  problems: ProblemReport,
): WalkOutcome {
  const firstIndex = columns.length;
  let outcome: WalkOutcome = { next: first, end: "end", damaged: false };
  let damaged = false;
  while (outcome.next < range.end && outcome.end === "end") {
    const slot = columns.slotOf(outcome.next);
    if (slot < 0) return { next: outcome.next, end: "broken", damaged };
    outcome = walkSlot(image, columns, range, slot, outcome.next, top, firstIndex, problems);
    damaged ||= outcome.damaged;
  }
  return { ...outcome, damaged };
}

/** The part of a walk whose headers lie in one slot of the image: there, an offset is a word index. */
function walkSlot(
  image: MemoryImage,
  columns: ChunkColumns,
  range: HeapRange,
  slot: number,
  first: number,
  top: number,
  firstIndex: number,
  problems: ProblemReport,
): WalkOutcome {
  const slotAddress = first - (first % MIB);
  const { words, origin } = slotWords(image, slotAddress);
  const limit = Math.min(MIB, range.end - slotAddress);
  columns.reserve(CHUNKS_PER_SLOT);
  const { address, bytes, state, arena } = columns;
  let index = columns.length;
  let end: WalkEnd = "end";
  let damaged = false;
  let fenceposts = 0;
  let offset = first - slotAddress;
  while (offset < limit) {
    const word = origin + (offset >>> 2);
    const low = words[word + 2];
    const high = words[word + 3];
    const size = (high === 0 ? low >>> 0 : (high >>> 0) * TWO_32 + (low >>> 0)) - (low & ChunkFlag.all);
    const isTop = slotAddress + offset === top;
    const isShort = size < CHUNK.minimum;
    if (isShort && !isFencepost(size, low & ChunkFlag.all, slotAddress + offset, range.end)) {
      end = "broken";
      break;
    }
    if (slotAddress + offset + size > range.end || size % CHUNK.alignment !== 0) {
      end = "broken";
      break;
    }
    if ((low & ChunkFlag.previousInUse) === 0 && index > firstIndex) {
      const before = index - 1;
      // prev_size repeats the size of a free chunk: the one invariant that garbage does not meet by chance.
      const previousBytes = (words[word] >>> 0) + (words[word + 1] >>> 0) * TWO_32;
      if (state[before] === ChunkState.inUse) state[before] = ChunkState.free;
      if (previousBytes !== bytes[before]) {
        damaged = true;
        problems.add(
          "glibc-previous-size",
          `the free chunk at ${formatAddress(address[before])} and the size that the next chunk repeats differ`,
          address[before],
        );
      }
    }
    address[index] = slotAddress + offset;
    bytes[index] = isShort ? CHUNK.fencepost : size;
    state[index] = isTop ? ChunkState.top : isShort ? ChunkState.overhead : ChunkState.inUse;
    arena[index] = range.arena;
    columns.mark(slot, offset, index);
    index++;
    offset += isShort ? CHUNK.fencepost : size;
    if (isTop) {
      end = "top";
      break;
    }
    // The fenceposts in a row lie at the end of one page, so a slot's border never parts them.
    fenceposts = isShort ? fenceposts + 1 : 0;
    if (isShort && closesHeap(size, fenceposts, slotAddress + offset)) {
      end = "fencepost";
      break;
    }
  }
  columns.length = index;
  return { next: slotAddress + offset, end, damaged };
}

/** The typed array that holds a slot and the index of the slot's first word in it. */
export function slotWords(image: MemoryImage, slotAddress: number): { readonly words: Int32Array; readonly origin: number } {
  const { memory } = image;
  const word = image.wordOf(slotAddress);
  if (memory.flat) return { words: memory.segments[0], origin: word };
  return { words: memory.segments[word >>> SEGMENT_SHIFT], origin: word & (SEGMENT_WORDS - 1) };
}
