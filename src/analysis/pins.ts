/** What keeps heaps of glibc from shrinking: they give back their end only, so the last chunk that is not free decides. */
import type { PageSet } from "../base/page-set.ts";
import { MIB } from "../base/units.ts";
import { SnapshotChunkState } from "../snapshot/states.ts";
import type { MallocTables } from "../snapshot/tables.ts";
import { mayBeCached } from "../strata/malloc/rules/glibc-trim.ts";
import { HeapEnd } from "./heap-end.ts";
import { identifyChunk, type PinContext, type PinIdentity } from "./pin-owners.ts";
import { indexAtOrBelow, objectAt } from "./places.ts";
import { trimmedHeap } from "./trim.ts";

/** A chunk that keeps free memory from going back. */
export interface HeapPin extends PinIdentity {
  /** Index of the arena. */
  readonly arena: number;
  /** The heap or segment that it lies in. */
  readonly start: number;
  readonly end: number;
  /** Address of the object, else what malloc returned. */
  readonly address: number;
  /** Of the chunk. */
  readonly bytes: number;
  /** Chunks between it and the end of the heap that must go first. */
  readonly behind: number;
  /**
   * Resident bytes that come back when it goes, at once or with a malloc_trim(0) behind it; without those that the heap's end
   * can give back already, and those that pins behind it hold: pins of a heap add up.
   */
  readonly recoverableBytes: number;
  /** What its own free() gives back at once under the present settings; undefined where something lies behind it. */
  readonly onFreeBytes: number | undefined;
  /** Resident bytes of the heap from the next chunk before it that is not free: all that it stands in the way of. */
  readonly heldBytes: number;
}

/** Chunks that are looked at from the end of each heap. */
const MOST_BEHIND = 1000;
/** Pins of a heap beyond its last chunk: those with the largest gaps before them. */
const MOST_OTHERS = 7;
const LEAST_GAP_BYTES = MIB;
/** glibc's marks at the end of a heap; what else it keeps there is larger. */
const FENCEPOST_BYTES = 16;

/** The pins of all heaps of an allocator, most recoverable first; none when it is not glibc. O(heaps × chunks looked at). */
export function heapPins(context: PinContext, malloc: MallocTables, resident: PageSet): HeapPin[] {
  const rules = trimmedHeap(context.snapshot, malloc);
  if (rules === undefined) return [];
  const pins = malloc.arenas.flatMap(({ ranges }, arena) =>
    ranges.flatMap((range) => {
      const survivors = survivorsOf(malloc, range.start, range.end);
      const end = new HeapEnd(malloc, arena, range, survivors.lastEnd, rules, resident);
      return pinsOfHeap(context, malloc, survivors, end).map((pin) => ({ ...pin, arena, start: range.start, end: range.end }));
    }),
  );
  return pins.sort((a, b) => b.recoverableBytes - a.recoverableBytes || b.heldBytes - a.heldBytes || a.address - b.address);
}

/** What is not free in a heap, from its end. */
interface Survivors {
  /** Rows of the chunk table. */
  readonly chunks: readonly number[];
  /** For each, where the free memory would begin if it and all behind it were gone. */
  readonly tails: readonly number[];
  /** The last of them is the last of the heap. */
  readonly whole: boolean;
  /** First byte behind the last chunk: a heap that is closed has marks there. */
  readonly lastEnd: number;
}

function survivorsOf({ chunks: table }: MallocTables, start: number, end: number): Survivors {
  const chunks: number[] = [];
  const tails: number[] = [];
  let lastEnd = end;
  let above = end;
  for (let chunk = indexAtOrBelow(table.address, table.length, end - 1); chunk >= 0; chunk--) {
    const address = table.address[chunk];
    const chunkEnd = address + table.bytes[chunk];
    // Memory that somebody else took by sbrk lies in between: it never goes.
    if (address < start || chunkEnd < above) break;
    const state = table.state[chunk];
    const isOverhead = state === SnapshotChunkState.overhead;
    above = address;
    if (isOverhead && table.bytes[chunk] <= FENCEPOST_BYTES) {
      if (chunks.length === 0 && chunkEnd === lastEnd) lastEnd = address;
    } else if (isOverhead && address === start) {
      above = chunkEnd;
      break;
    } else if (isInTheWay(state)) {
      if (chunks.length > tails.length) tails.push(chunkEnd);
      if (chunks.length > MOST_BEHIND) return { chunks: chunks.slice(0, tails.length), tails, whole: false, lastEnd };
      chunks.push(chunk);
    }
  }
  if (chunks.length > tails.length) tails.push(above);
  return { chunks, tails, whole: true, lastEnd };
}

function isInTheWay(state: number): boolean {
  return state !== SnapshotChunkState.free && state !== SnapshotChunkState.fast && state !== SnapshotChunkState.top;
}

type PinOfHeap = Omit<HeapPin, "arena" | "start" | "end">;

function pinsOfHeap(context: PinContext, malloc: MallocTables, survivors: Survivors, end: HeapEnd): PinOfHeap[] {
  const { chunks, tails } = survivors;
  const { address, bytes } = malloc.chunks;
  const gains: number[] = [];
  let inBetween = 0;
  let before = 0;
  for (const [behind, chunk] of chunks.entries()) {
    if (behind === 0) inBetween = end.trimmedWithin(address[chunk] + bytes[chunk], survivors.lastEnd);
    if (behind === 0) before = end.releasedNow(address[chunk] + bytes[chunk]);
    inBetween += end.trimmedWithin(tails[behind], address[chunk]);
    const isEmpty = survivors.whole && behind === chunks.length - 1;
    const released = Math.max(before, end.releasedFrom(tails[behind], isEmpty, inBetween));
    gains.push(released - before);
    before = released;
  }
  const others = Array.from(gains.keys()).slice(1);
  const worthIt = others.filter((behind) => gains[behind] >= LEAST_GAP_BYTES).sort((a, b) => gains[b] - gains[a]);
  return [...(chunks.length > 0 ? [0] : []), ...worthIt.slice(0, MOST_OTHERS)].map((behind) => {
    const chunk = chunks[behind];
    const identity = identifyChunk(context, malloc, chunk);
    const isFreed = malloc.chunks.state[chunk] === SnapshotChunkState.inUse && !mayBeCached(bytes[chunk]);
    return {
      ...identity,
      address: addressOf(context, malloc, chunk, identity),
      bytes: bytes[chunk],
      behind,
      recoverableBytes: gains[behind],
      onFreeBytes: behind > 0 ? undefined : isFreed ? end.releasedByFree(tails[0], survivors.whole && chunks.length === 1) : 0,
      heldBytes: end.residentFrom(tails[behind]),
    };
  });
}

/** The object's own address where the chunk is one: what other verbs take. */
function addressOf({ snapshot }: PinContext, malloc: MallocTables, chunk: number, { object }: PinIdentity): number {
  const user = malloc.chunks.address[chunk] + malloc.headerBytes;
  const address = object < 0 ? undefined : objectAt(snapshot, object)?.address;
  return address !== undefined && address >= user && address < user + malloc.chunks.bytes[chunk] ? address : user;
}
