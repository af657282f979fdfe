import { PAGE_BYTES } from "../../../base/units.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ARENA_LAYOUTS, type ArenaLayout, BIN_PAIR_BYTES, BIN_PAIRS, CHUNK, ChunkFlag } from "./layouts.ts";
import { type DataRange, dataRanges } from "./memory-map.ts";

/** Where glibc's arenas are and how they are laid out. */
export interface ArenaDiscovery {
  readonly layout: ArenaLayout;
  /** The main arena first, then in the order of the list that links them. */
  readonly arenas: readonly number[];
  /** The static data that holds the main arena. */
  readonly data: DataRange;
  /** Bins whose first or last link was broken: the stop fell inside malloc. */
  readonly brokenBins: number;
}

/** A stop inside malloc breaks one list, two when a chunk moves between bins. */
const MAX_BROKEN_BINS = 2;
/** glibc makes at most 8 arenas a core; more is a loop. */
const MAX_ARENAS = 65536;
/** Below any arena's system bytes, which stand in this field's place before 2.23. */
const MAX_ATTACHED_THREADS = 2 ** 16;

/**
 * Finds glibc's main arena by its pattern: 127 doubly linked list heads in a row, most of them empty and so pointing at
 * themselves, in the static data of a file. The last bin is empty always (largebin_index never gives 127), so each word pair
 * that points at itself is tried as the last bin only.
 *
 * @returns undefined when no file's data holds the pattern: the target does not use glibc's malloc.
 */
export function detectArenas(image: MemoryImage, mappings: readonly Mapping[]): ArenaDiscovery | undefined {
  const beforeLast = (BIN_PAIRS - 1) * BIN_PAIR_BYTES;
  for (const data of dataRanges(mappings)) {
    for (let pair = data.start + beforeLast; pair + BIN_PAIR_BYTES <= data.end; pair += 8) {
      const bin = pair - BIN_PAIR_BYTES;
      if (image.u64(pair) !== bin || image.u64(pair + 8) !== bin) continue;
      const bins = pair - beforeLast;
      const brokenBins = countBrokenBins(image, bins);
      if (brokenBins > MAX_BROKEN_BINS) continue;
      for (const layout of ARENA_LAYOUTS) {
        const arenas = followArenas(image, layout, bins - layout.bins);
        if (arenas !== undefined) return { layout, arenas, data, brokenBins };
      }
    }
  }
  return undefined;
}

/** Counts bins whose neighbours do not point back; gives up once it is clear that this is no array of bins. */
function countBrokenBins(image: MemoryImage, bins: number): number {
  let broken = 0;
  for (let index = 0; index < BIN_PAIRS && broken <= MAX_BROKEN_BINS; index++) {
    const bin = bins + index * BIN_PAIR_BYTES - BIN_PAIR_BYTES;
    const first = image.u64(bin + CHUNK.forward);
    const last = image.u64(bin + CHUNK.backward);
    if (image.u64(first + CHUNK.backward) !== bin || image.u64(last + CHUNK.forward) !== bin) broken++;
  }
  return broken;
}

/** The arenas that a cycle of `next` pointers links, or undefined when `layout` does not hold for them. */
function followArenas(image: MemoryImage, layout: ArenaLayout, main: number): number[] | undefined {
  const top = image.u64(main + layout.top);
  if ((image.u32(top + CHUNK.size) & ChunkFlag.previousInUse) === 0) return undefined;
  const arenas: number[] = [];
  const seen = new Set<number>();
  for (let arena = main; !seen.has(arena); arena = image.u64(arena + layout.next)) {
    if (!image.has(arena) || arenas.length === MAX_ARENAS || !hasPlausibleAccounts(image, layout, arena)) return undefined;
    seen.add(arena);
    arenas.push(arena);
  }
  const last = arenas[arenas.length - 1];
  return image.u64(last + layout.next) === main ? arenas : undefined;
}

function hasPlausibleAccounts(image: MemoryImage, layout: ArenaLayout, arena: number): boolean {
  if (layout.attachedThreads !== undefined && image.u64(arena + layout.attachedThreads) > MAX_ATTACHED_THREADS) return false;
  const systemBytes = image.u64(arena + layout.systemBytes);
  // No multiple of pages where the program took some of the brk heap before malloc did.
  return systemBytes >= PAGE_BYTES && image.u64(arena + layout.maxSystemBytes) >= systemBytes;
}
