import { ChunkState, type MallocHeap } from "../allocator.ts";

/** The ten fields of glibc's `struct mallinfo2`, by its own names. */
export interface MallocInformation {
  readonly arena: number;
  readonly ordblks: number;
  readonly smblks: number;
  readonly hblks: number;
  readonly hblkhd: number;
  readonly usmblks: number;
  readonly fsmblks: number;
  readonly uordblks: number;
  readonly fordblks: number;
  readonly keepcost: number;
}

/** What mallinfo2() would answer in the target (int_mallinfo in malloc/malloc.c; there, cached chunks are in use). */
export function mallinfo(heap: MallocHeap): MallocInformation {
  const sum = (pick: (arena: MallocHeap["arenas"][number]) => number) =>
    heap.arenas.reduce((total, arena) => total + pick(arena), 0);
  const fastBytes = sum((arena) => arena.fastBytes);
  return {
    arena: sum((arena) => arena.systemBytes),
    // Each arena's top counts as one free chunk.
    ordblks: sum((arena) => arena.freeChunks + 1),
    smblks: countFastChunks(heap).reduce((total, count) => total + count, 0),
    hblks: heap.mapped.count,
    hblkhd: heap.mapped.bytes,
    usmblks: 0,
    fsmblks: fastBytes,
    uordblks: sum((arena) => arena.inUseBytes + arena.cachedBytes),
    fordblks: sum((arena) => arena.freeBytes + arena.topBytes) + fastBytes,
    keepcost: heap.arenas.find((arena) => arena.main)?.topBytes ?? 0,
  };
}

/** What malloc_info() prints for one arena. */
export interface ArenaInformation {
  readonly fastCount: number;
  readonly fastBytes: number;
  /** Free chunks in bins, and the top. */
  readonly restCount: number;
  /** malloc_info sums size fields with their PREV_INUSE bit, so this is 1 larger a free chunk than what is free. */
  readonly restBytes: number;
  readonly systemBytes: number;
}

/** What malloc_info() would print, arena by arena (__malloc_info in malloc/malloc.c). */
export function mallocInfo(heap: MallocHeap): ArenaInformation[] {
  const fastCounts = countFastChunks(heap);
  return heap.arenas.map((arena, index) => ({
    fastCount: fastCounts[index],
    fastBytes: arena.fastBytes,
    restCount: arena.freeChunks + 1,
    restBytes: arena.freeBytes + arena.freeChunks + arena.topBytes,
    systemBytes: arena.systemBytes,
  }));
}

function countFastChunks({ arenas, chunks }: MallocHeap): number[] {
  const counts = arenas.map(() => 0);
  for (let chunk = 0; chunk < chunks.length; chunk++)
    if (chunks.state[chunk] === ChunkState.fast) counts[chunks.arena[chunk]]++;
  return counts;
}
