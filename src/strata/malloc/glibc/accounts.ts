import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import { ChunkState, type MallocArena } from "../allocator.ts";
import { type ChunkColumns, NO_ARENA } from "./chunk-columns.ts";
import type { ArenaHeader } from "./heaps.ts";

import type { HeapRange } from "./walk.ts";

const STATES = Object.keys(ChunkState).length;

/**
 * Sums each arena's chunks by state. What is neither free nor cached nor top is in use, as in glibc's own accounts: its
 * structures, fenceposts and alignment count as in use there, so the five parts sum to the system bytes exactly.
 */
export function accountArenas(
  arenas: readonly ArenaHeader[],
  heaps: readonly HeapRange[],
  columns: ChunkColumns,
  threadsOfArena: readonly (readonly number[])[],
  problems: ProblemReport,
): MallocArena[] {
  const { counts, bytes } = sumByState(columns, arenas.length);
  return arenas.map((arena) => {
    const at = (state: number) => arena.index * STATES + state;
    const ranges = heaps.filter((heap) => heap.arena === arena.index).map(({ start, end }) => ({ start, end }));
    const tiled = ranges.reduce((sum, range) => sum + range.end - range.start, 0);
    if (tiled !== arena.systemBytes) {
      problems.add(
        "glibc-system-bytes",
        `the arena at ${formatAddress(arena.address)} counts ${arena.systemBytes} bytes of system memory, its heaps have ${tiled}`,
        arena.address,
      );
    }
    const freeBytes = bytes[at(ChunkState.free)];
    const fastBytes = bytes[at(ChunkState.fast)];
    const cachedBytes = bytes[at(ChunkState.cached)];
    const topBytes = bytes[at(ChunkState.top)];
    const freeChunks = counts[at(ChunkState.free)];
    const others =
      counts[at(ChunkState.inUse)] + counts[at(ChunkState.fast)] + counts[at(ChunkState.cached)] + counts[at(ChunkState.top)];
    return {
      address: arena.address,
      main: arena.main,
      systemBytes: arena.systemBytes,
      inUseBytes: arena.systemBytes - freeBytes - fastBytes - cachedBytes - topBytes,
      freeBytes,
      fastBytes,
      cachedBytes,
      topBytes,
      chunks: freeChunks + others,
      freeChunks,
      threads: threadsOfArena[arena.index],
      ranges,
    };
  });
}

/** Chunks and bytes by arena and state, one pass. */
function sumByState(columns: ChunkColumns, arenas: number): { readonly counts: Float64Array; readonly bytes: Float64Array } {
  const counts = new Float64Array(arenas * STATES);
  const sums = new Float64Array(arenas * STATES);
  const { state, arena, bytes } = columns;
  for (let chunk = 0; chunk < columns.length; chunk++) {
    if (arena[chunk] === NO_ARENA) continue;
    const cell = arena[chunk] * STATES + state[chunk];
    counts[cell]++;
    sums[cell] += bytes[chunk];
  }
  return { counts, bytes: sums };
}
