import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { ChunkColumns } from "./chunk-columns.ts";
import type { ArenaHeader } from "./heaps.ts";
import { type ArenaLayout, BIN_PAIR_BYTES, BIN_PAIRS, CHUNK, FAST_BIN_STEP_BYTES, FAST_BINS } from "./layouts.ts";

const TWO_32 = 2 ** 32;
/** PROTECT_PTR shifts a link's own position by this many bits. */
const POSITION_SHIFT = 2 ** 12;

/** What the lists of one arena hold. */
export interface ListedChunks {
  readonly chunks: number;
  /** A link led to something that is no free chunk, or did not point back. */
  readonly broken: boolean;
}

/**
 * The link stored at `position`: fastbins and thread caches are singly linked, from 2.32 on with links xor-ed with their
 * position >> 12 (PROTECT_PTR in malloc/malloc.c).
 */
export function readLink(image: MemoryImage, position: number, safeLinking: boolean): number {
  if (!safeLinking) return image.u64(position);
  const mask = Math.floor(position / POSITION_SHIFT);
  const low = (image.u32(position) ^ (mask % TWO_32)) >>> 0;
  const high = (image.u32(position + 4) ^ Math.floor(mask / TWO_32)) >>> 0;
  return low + high * TWO_32;
}

/**
 * Follows the 127 doubly linked bins of an arena. The walk has found its free chunks already; the bins say the same again, so that
 * a difference shows a stop inside malloc or a damaged heap.
 *
 * @param freeChunks free chunks of this arena by the walk: no list can be longer
 */
export function followBins(
  image: MemoryImage,
  layout: ArenaLayout,
  arena: ArenaHeader,
  columns: ChunkColumns,
  freeChunks: number,
): ListedChunks {
  const { memory } = image;
  let chunks = 0;
  for (let pair = 0; pair < BIN_PAIRS; pair++) {
    const bin = arena.address + layout.bins + pair * BIN_PAIR_BYTES - CHUNK.forward;
    let previous = bin;
    let chunk = image.u64(bin + CHUNK.forward);
    while (chunk !== bin) {
      const index = columns.indexOf(chunk);
      if (index < 0 || columns.state[index] !== ChunkState.free || chunks === freeChunks) return { chunks, broken: true };
      // Both links lie in the same 16 bytes: one translation serves them.
      const links = image.wordOf(chunk + CHUNK.forward);
      const forward = (memory.load(links) >>> 0) + memory.load(links + 1) * TWO_32;
      const backward = (memory.load(links + 2) >>> 0) + memory.load(links + 3) * TWO_32;
      if (backward !== previous) return { chunks, broken: true };
      chunks++;
      previous = chunk;
      chunk = forward;
    }
    if (image.u64(bin + CHUNK.backward) !== previous) return { chunks, broken: true };
  }
  return { chunks, broken: false };
}

/** Marks the chunks of an arena's fastbins; returns true when a list is broken. Each chunk is marked once, which bounds it. */
export function markFastBins(
  image: MemoryImage,
  layout: ArenaLayout,
  arena: ArenaHeader,
  columns: ChunkColumns,
  safeLinking: boolean,
  problems: ProblemReport,
): boolean {
  if (layout.fastBins === undefined) return false;
  for (let bin = 0; bin < FAST_BINS; bin++) {
    const bytes = CHUNK.minimum + bin * FAST_BIN_STEP_BYTES;
    let chunk = image.u64(arena.address + layout.fastBins + bin * 8);
    while (chunk !== 0) {
      const index = columns.indexOf(chunk);
      const fits =
        index >= 0 &&
        columns.state[index] === ChunkState.inUse &&
        columns.bytes[index] === bytes &&
        columns.arena[index] === arena.index;
      if (!fits) {
        problems.add("glibc-fastbin", `a fastbin of the arena at ${formatAddress(arena.address)} is broken`, chunk);
        return true;
      }
      columns.state[index] = ChunkState.fast;
      chunk = readLink(image, chunk + CHUNK.forward, safeLinking);
    }
  }
  return false;
}
