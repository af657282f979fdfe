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

/** One heap to walk. */
export interface HeapWalk {
  readonly image: MemoryImage;
  /** Where chunks are appended. */
  readonly columns: ChunkColumns;
  readonly range: HeapRange;
  /** Address of the arena's top chunk. */
  readonly top: number;
  readonly problems: ProblemReport;
}

/**
 * Appends the chunks of [first, range.end), one header read for each: a chunk is free when the next one's PREV_INUSE is clear,
 * so its state is settled when the next is read. Chunks in fastbins and thread caches count as in use here.
 *
 * O(chunks), no allocation per chunk. Bounded by the range, whatever the bytes say: every step goes forward.
 */
export function walkChunks(walk: HeapWalk, first: number): WalkOutcome {
  const { columns, range } = walk;
  const firstIndex = columns.length;
  let outcome: WalkOutcome = { next: first, end: "end", damaged: false };
  let damaged = false;
  while (outcome.next < range.end && outcome.end === "end") {
    const slot = columns.slotOf(outcome.next);
    if (slot < 0) return { next: outcome.next, end: "broken", damaged };
    outcome = walkSlot(walk, slot, outcome.next, firstIndex);
    damaged ||= outcome.damaged;
  }
  return { ...outcome, damaged };
}

/** The part of a walk whose headers lie in one slot of the image: there, an offset is a word index. The hot loop. */
function walkSlot(
  { image, columns, range, top, problems }: HeapWalk,
  slot: number,
  first: number,
  firstIndex: number,
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
    // The header: prev_size in two words, then size and flags in two.
    const word = origin + (offset >>> 2);
    const low = words[word + 2];
    const high = words[word + 3];
    const size = (high === 0 ? low >>> 0 : (high >>> 0) * TWO_32 + (low >>> 0)) - (low & ChunkFlag.all);
    const chunk = slotAddress + offset;
    const isShort = size < CHUNK.minimum;
    const isSound = isShort
      ? isFencepost(size, low & ChunkFlag.all, chunk, range.end)
      : size % CHUNK.alignment === 0 && chunk + size <= range.end;
    if (!isSound) {
      end = "broken";
      break;
    }
    if ((low & ChunkFlag.previousInUse) === 0 && index > firstIndex) {
      const repeatedBytes = (words[word] >>> 0) + (words[word + 1] >>> 0) * TWO_32;
      if (!settleFree(columns, index - 1, repeatedBytes, problems)) damaged = true;
    }
    const isTop = chunk === top;
    address[index] = chunk;
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

/**
 * Marks a chunk free. The next chunk's prev_size repeats its size: the one invariant that garbage does not meet by chance.
 *
 * @returns false when it does not
 */
function settleFree(
  { address, bytes, state }: ChunkColumns,
  index: number,
  repeatedBytes: number,
  problems: ProblemReport,
): boolean {
  if (state[index] === ChunkState.inUse) state[index] = ChunkState.free;
  if (repeatedBytes === bytes[index]) return true;
  const sentence = `the free chunk at ${formatAddress(address[index])} and the size that the next chunk repeats differ`;
  problems.add("glibc-previous-size", sentence, address[index]);
  return false;
}

/** The typed array that holds a slot and the index of the slot's first word in it. */
function slotWords(image: MemoryImage, slotAddress: number): { readonly words: Int32Array; readonly origin: number } {
  const { memory } = image;
  const word = image.wordOf(slotAddress);
  if (memory.flat) return { words: memory.segments[0], origin: word };
  return { words: memory.segments[word >>> SEGMENT_SHIFT], origin: word & (SEGMENT_WORDS - 1) };
}
