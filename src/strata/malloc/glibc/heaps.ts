import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress, PAGE_BYTES, roundDown, roundUp } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
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

/**
 * Every heap of every arena but the main one: from the heap that holds the arena's top back along `prev`, as glibc's own
 * heap_trim goes. The arena lies in its first heap right behind the heap_info, so its address tells the size of that.
 */
export function findThreadHeaps(
  image: MemoryImage,
  layout: ArenaLayout,
  arenas: readonly ArenaHeader[],
  problems: ProblemReport,
): ThreadHeaps {
  const ranges: HeapRange[] = [];
  let headerBytes: number | undefined;
  for (const arena of arenas) {
    if (arena.main) continue;
    const reserve = HEAP_RESERVES.find(
      (bytes) => image.u64(roundDown(arena.address, bytes) + HEAP_INFO.arena) === arena.address,
    );
    if (reserve === undefined) {
      problems.add("glibc-heap", `the arena at ${formatAddress(arena.address)} lies in no heap`, arena.address);
      continue;
    }
    headerBytes ??= arena.address - roundDown(arena.address, reserve);
    const seen = new Set<number>();
    for (let heap = roundDown(arena.top, reserve); heap !== 0; heap = image.u64(heap + HEAP_INFO.previous)) {
      const bytes = image.u64(heap + HEAP_INFO.bytes);
      const isHeap =
        image.u64(heap + HEAP_INFO.arena) === arena.address && bytes <= reserve && bytes > 0 && bytes % PAGE_BYTES === 0;
      if (!isHeap || seen.has(heap)) {
        problems.add("glibc-heap", `the list of heaps of the arena at ${formatAddress(arena.address)} is broken`, heap);
        break;
      }
      const isFirst = roundDown(arena.address, reserve) === heap;
      const firstChunk = isFirst ? roundUp(arena.address + layout.bytes, CHUNK.alignment) : heap + headerBytes;
      ranges.push({ arena: arena.index, start: heap, firstChunk, end: heap + bytes });
      seen.add(heap);
    }
  }
  return { ranges, headerBytes };
}
