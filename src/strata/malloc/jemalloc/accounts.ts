import type { PageSet } from "../../../base/page-set.ts";
import type { AddressRange } from "../../../target/memory-image.ts";
import type { KernelThread } from "../../../target/process-image.ts";
import type { ArenaOutline } from "../account-blocks.ts";
import type { FreePages, SizeClass } from "../allocator.ts";
import { SizeClassSums } from "../size-class-sums.ts";
import type { BaseBlock } from "./base-blocks.ts";
import { type ExtentTable, extentRanges, joinNeighbours } from "./extents.ts";
import { CLASS_BYTES, DESCRIPTOR_BITS, ExtentState } from "./layouts.ts";
import type { ThreadCache } from "./thread-caches.ts";

/** A thread's cache lies so near below its control block, among its static thread-local variables. */
const MOST_THREAD_LOCAL_BYTES = 2 ** 16;
const FREE_STATES = [
  [ExtentState.dirty, "dirty"],
  [ExtentState.muzzy, "muzzy"],
  [ExtentState.retained, "retained"],
] as const;

/** jemalloc's numbers of the arenas that have anything, ascending. */
export function arenaNumbers(extents: ExtentTable, blocks: readonly BaseBlock[]): number[] {
  const has = new Uint8Array(1 << DESCRIPTOR_BITS.arena.width);
  for (let extent = 0; extent < extents.length; extent++) has[extents.arena[extent]] = 1;
  for (const { arena } of blocks) has[arena] = 1;
  return [...has.keys()].filter((number) => has[number] === 1);
}

/** What is known of every arena beside its chunks, in the order of `numbers`. O(extents). */
export function outlineArenas(
  numbers: readonly number[],
  extents: ExtentTable,
  blocks: readonly BaseBlock[],
  caches: readonly ThreadCache[],
  threads: readonly KernelThread[],
): ArenaOutline[] {
  const ranges = numbers.map((number) => rangesOf(number, extents, blocks));
  const owners = threadsOf(caches, threads);
  return numbers.map((number, index) => {
    const filled = caches.filter((cache) => cache.arena === number);
    return {
      // The arena itself where a cache says where it is, else the block that holds it.
      address: filled[0]?.arenaAddress ?? blocks.find(({ arena }) => arena === number)?.start ?? ranges[index][0].start,
      main: number === 0,
      threads: filled.flatMap(({ address }) => owners.get(address) ?? []),
      ranges: ranges[index],
    };
  });
}

/** Extents and blocks of an arena, neighbours joined, ascending. */
function rangesOf(number: number, extents: ExtentTable, blocks: readonly BaseBlock[]): AddressRange[] {
  const own = blocks.filter(({ arena }) => arena === number);
  return joinNeighbours([...extentRanges(extents, (extent) => extents.arena[extent] === number), ...own]);
}

/** Thread ids by cache: a thread's is the nearest below its control block. */
function threadsOf(caches: readonly ThreadCache[], threads: readonly KernelThread[]): ReadonlyMap<number, number> {
  const owners = new Map<number, number>();
  for (const { tid, threadPointer = 0 } of threads) {
    const own = caches.reduce((nearest, { address }) => (address < threadPointer ? Math.max(nearest, address) : nearest), 0);
    if (threadPointer - own < MOST_THREAD_LOCAL_BYTES) owners.set(own, tid);
  }
  return owners;
}

/** Allocations by size. A large one has its pages to itself. O(extents + chunks). */
export function countSizeClasses(
  extents: ExtentTable,
  firstChunks: Uint32Array,
  state: Uint8Array,
  resident: PageSet,
): readonly SizeClass[] {
  const sums = new SizeClassSums();
  for (let extent = 0; extent < extents.length; extent++) {
    if (extents.state[extent] !== ExtentState.active) continue;
    const first = firstChunks[extent];
    const end = first + Math.max(1, extents.regions[extent]);
    sums.add(CLASS_BYTES[extents.sizeClass[extent]], state, first, end, residentBytesOf(extents, extent, resident));
  }
  return sums.list();
}

/** Pages without an allocation: dirty as they were left, muzzy since the kernel may take them, retained as addresses only. */
export function sumFreePages(extents: ExtentTable, resident: PageSet): FreePages[] {
  return FREE_STATES.map(([code, state]) => {
    let bytes = 0;
    let residentBytes = 0;
    for (let extent = 0; extent < extents.length; extent++) {
      if (extents.state[extent] !== code) continue;
      bytes += extents.bytes[extent];
      residentBytes += residentBytesOf(extents, extent, resident);
    }
    return { state, bytes, residentBytes };
  }).filter(({ bytes }) => bytes > 0);
}

function residentBytesOf({ start, bytes }: ExtentTable, extent: number, resident: PageSet): number {
  return resident.bytesWithin(start[extent], start[extent] + bytes[extent]);
}
