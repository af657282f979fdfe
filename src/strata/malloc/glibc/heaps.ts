import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress, PAGE_BYTES, roundDown, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { type ArenaLayout, CHUNK, HEAP_INFO, HEAP_RESERVES, NON_CONTIGUOUS } from "./layouts.ts";
import type { HeapRange } from "./walk.ts";

/** The header of an arena (`struct malloc_state`), as far as accounts need it. */
export interface ArenaHeader {
  readonly index: number;
  readonly address: number;
  readonly main: boolean;
  /** The mutex is held: the stop fell inside malloc. */
  readonly locked: boolean;
  readonly contiguous: boolean;
  /** Address of the top chunk. */
  readonly top: number;
  readonly topBytes: number;
  readonly systemBytes: number;
}

export function readArenaHeader(image: MemoryImage, layout: ArenaLayout, address: number, index: number): ArenaHeader {
  const top = image.u64(address + layout.top);
  return {
    index,
    address,
    main: index === 0,
    locked: image.i32(address) !== 0,
    contiguous: (image.u32(address + layout.flags) & NON_CONTIGUOUS) === 0,
    top,
    topBytes: roundDown(image.u64(top + CHUNK.size), CHUNK.alignment),
    systemBytes: image.u64(address + layout.systemBytes),
  };
}

/** What the heaps of threads' arenas look like in this target. */
export interface ThreadHeaps {
  readonly ranges: readonly HeapRange[];
  /** sizeof(heap_info), undefined when there is no such heap. */
  readonly headerBytes: number | undefined;
}

/** The heaps of one arena under one assumption about how far apart heaps are. */
interface HeapChain {
  /** Last heap first. */
  readonly heaps: readonly AddressRange[];
  /** The chain ends at the arena's first heap, and its heaps have the arena's system bytes. */
  readonly complete: boolean;
}

/**
 * Every heap of every arena but the main one. How much each heap reserves depends on a tunable; the reserve under which most
 * arenas' chains add up to their system bytes is the target's. An arena lies in its first heap right behind the heap_info, so
 * its address tells the size of that.
 */
export function findThreadHeaps(
  image: MemoryImage,
  layout: ArenaLayout,
  arenas: readonly ArenaHeader[],
  problems: ProblemReport,
): ThreadHeaps {
  const ofThreads = arenas.filter((arena) => !arena.main);
  if (ofThreads.length === 0) return { ranges: [], headerBytes: undefined };
  const readings = HEAP_RESERVES.map((reserve) => {
    const chains = ofThreads.map((arena) => followHeaps(image, arena, reserve));
    return { reserve, chains, complete: chains.filter((chain) => chain.complete).length };
  });
  const { reserve, chains } = readings.reduce((best, reading) => (reading.complete > best.complete ? reading : best));
  const headerBytes = ofThreads[0].address - roundDown(ofThreads[0].address, reserve);
  const ranges: HeapRange[] = [];
  for (const [index, arena] of ofThreads.entries()) {
    if (!chains[index].complete) {
      const sentence = `the heaps of the arena at ${formatAddress(arena.address)} do not add up to its system memory`;
      problems.add("glibc-heap", sentence, arena.address);
    }
    for (const { start, end } of chains[index].heaps) {
      const holdsArena = arena.address >= start && arena.address < end;
      const firstChunk = holdsArena ? roundUp(arena.address + layout.bytes, CHUNK.alignment) : start + headerBytes;
      ranges.push({ arena: arena.index, start, firstChunk, end });
    }
  }
  return { ranges, headerBytes };
}

/** From the heap that holds the arena's top back along `prev`, as glibc's own heap_trim goes (malloc/arena.c). */
function followHeaps(image: MemoryImage, arena: ArenaHeader, reserve: number): HeapChain {
  const heaps: AddressRange[] = [];
  const seen = new Set<number>();
  let left = arena.systemBytes;
  let heap = roundDown(arena.top, reserve);
  while (heap !== 0 && !seen.has(heap)) {
    const bytes = image.u64(heap + HEAP_INFO.bytes);
    const isHeap = image.u64(heap + HEAP_INFO.arena) === arena.address && bytes <= reserve && bytes % PAGE_BYTES === 0;
    if (!isHeap || bytes === 0) break;
    seen.add(heap);
    heaps.push({ start: heap, end: heap + bytes });
    left -= bytes;
    heap = image.u64(heap + HEAP_INFO.previous);
  }
  return { heaps, complete: heap === 0 && left === 0 };
}
