import { PageSet } from "../../../../../src/base/page-set.ts";
import { PAGE_BYTES, roundUp } from "../../../../../src/base/units.ts";
import type { MallocInput } from "../../../../../src/strata/malloc/allocator.ts";
import { ChunkState } from "../../../../../src/strata/malloc/allocator.ts";
import {
  ARENA_LAYOUTS,
  type ArenaLayout,
  BIN_PAIRS,
  CACHE_LAYOUTS,
  type CacheLayout,
  PARAMETERS_LAYOUTS,
  type ParametersLayout,
  SAFE_LINKING_VERSIONS,
  type VersionRange,
} from "../../../../../src/strata/malloc/glibc/layouts.ts";
import { LinearMemory } from "../../../../../src/target/linear-memory.ts";
import type { Mapping } from "../../../../../src/target/mapping.ts";
import { MemoryImage } from "../../../../../src/target/memory-image.ts";

/** A chunk to lay out; `cached` and `fast` are put into the lists that their size has. */
export interface PlannedChunk {
  readonly bytes: number;
  readonly state: number;
}

const DATA = 0x7f10_0000_0000;
const DATA_BYTES = 8 * PAGE_BYTES;
const ARENA = DATA + 0x1c60;
const PARAMETERS = DATA + 0x1360;
const HEAP = 0x5555_5560_0000;
const MAPPED = 0x7f20_0000_0000;
const MAPPED_BYTES = 64 * PAGE_BYTES;
const STACK = 0x7f30_0000_0000;
const STACK_BYTES = 16 * PAGE_BYTES;
const THREAD_BLOCK = STACK + STACK_BYTES - 0x940;
const TLS_CACHE = 0x48;
const TLS_ARENA = 0x38;
const TOP_BYTES = 0x5000;
const CACHE_LIMIT = 7;

export const TID = 4242;

/** Memory as a malloc of glibc 2.`minor` leaves it: one arena, one thread, one thread cache, one mapped chunk of 3 pages. */
export function synthesize(
  minor: number,
  plan: readonly PlannedChunk[],
  memoryFor = (bytes: number) => LinearMemory.create(bytes, false),
): MallocInput & { readonly heapStart: number } {
  const arena = pick(ARENA_LAYOUTS, minor);
  const parameters = pick(PARAMETERS_LAYOUTS, minor);
  const cache = CACHE_LAYOUTS.find(({ versions }) => covers(versions, minor));
  const safeLinking = covers(SAFE_LINKING_VERSIONS, minor);
  const cacheBytes = cache?.chunkBytes ?? 0;
  const planBytes = plan.reduce((sum, chunk) => sum + chunk.bytes, 0);
  const heapBytes = roundUp(cacheBytes + planBytes + TOP_BYTES, PAGE_BYTES);
  const mappings = [
    mapping(HEAP, heapBytes, "[heap]"),
    mapping(DATA, DATA_BYTES, "/usr/lib/x86_64-linux-gnu/libc.so.6"),
    mapping(MAPPED, MAPPED_BYTES, ""),
    mapping(STACK, STACK_BYTES, ""),
  ];
  const image = MemoryImage.layOut(memoryFor(MemoryImage.bytesNeeded(mappings)), mappings);
  const write = writer(image);

  const lists = new Lists(write, safeLinking);
  let address = HEAP;
  let previousInUse = true;
  let previousBytes = 0;
  const place = (bytes: number, state: number) => {
    if (!previousInUse) write.u64(address, previousBytes);
    write.u64(address + 8, bytes + (previousInUse ? 1 : 0));
    if (state === ChunkState.free) lists.free.push(address);
    if (state === ChunkState.fast) lists.add(lists.fast, (bytes - 32) / 16, address);
    if (state === ChunkState.cached) lists.add(lists.cached, (bytes - 32) / 16, address);
    previousInUse = state !== ChunkState.free;
    previousBytes = bytes;
    address += bytes;
  };
  if (cache !== undefined) place(cache.chunkBytes, ChunkState.inUse);
  for (const chunk of plan) place(chunk.bytes, chunk.state);
  const top = address;
  place(HEAP + heapBytes - top, ChunkState.top);

  writeArena(write, arena, top, heapBytes, lists);
  writeParameters(write, parameters, cache);
  if (cache !== undefined) writeCache(write, cache, HEAP + 16, lists);
  write.u64(MAPPED + 5 * PAGE_BYTES + 8, minor >= 43 ? 3 * PAGE_BYTES - 16 + 2 : 3 * PAGE_BYTES + 2);
  write.u64(THREAD_BLOCK, THREAD_BLOCK);
  write.u64(THREAD_BLOCK + 16, THREAD_BLOCK);
  write.u32(THREAD_BLOCK + 0x2d0, TID);
  write.u64(THREAD_BLOCK - TLS_ARENA, ARENA);
  if (cache !== undefined) write.u64(THREAD_BLOCK - TLS_CACHE, HEAP + 16);

  const resident = new PageSet();
  for (const { start, end } of mappings) resident.addRange(start, end);
  const thread = { tid: TID, name: "main", stackPointer: undefined, instructionPointer: undefined, threadPointer: undefined };
  return { image, mappings, resident, threads: [thread], heapStart: HEAP + cacheBytes };
}

function pick<T extends { readonly versions: VersionRange }>(layouts: readonly T[], minor: number): T {
  const layout = layouts.find(({ versions }) => covers(versions, minor));
  if (layout === undefined) throw new Error(`no layout for 2.${minor}`);
  return layout;
}

function covers(versions: VersionRange, minor: number): boolean {
  return versions.first <= minor && minor <= versions.last;
}

function mapping(start: number, bytes: number, path: string): Mapping {
  return { start, end: start + bytes, permissions: "rw-p", offset: 0, device: "00:00", inode: 0, path };
}

interface Writer {
  u16(address: number, value: number): void;
  u32(address: number, value: number): void;
  u64(address: number, value: number): void;
}

function writer(image: MemoryImage): Writer {
  const u32 = (address: number, value: number) => image.memory.store(image.wordOf(address), value | 0);
  return {
    u32,
    u64: (address, value) => {
      u32(address, value % 2 ** 32);
      u32(address + 4, Math.floor(value / 2 ** 32));
    },
    u16: (address, value) => {
      const aligned = address - (address % 4);
      const shift = (address % 4) * 8;
      u32(aligned, (image.u32(aligned) & ~(0xffff << shift)) | (value << shift));
    },
  };
}

/** Free chunks by list. Singly linked ones are linked as they come, the last freed first. */
class Lists {
  readonly free: number[] = [];
  readonly fast = new Map<number, number[]>();
  readonly cached = new Map<number, number[]>();

  constructor(
    private readonly write: Writer,
    private readonly safeLinking: boolean,
  ) {}

  add(lists: Map<number, number[]>, bin: number, chunk: number): void {
    const list = lists.get(bin) ?? [];
    const next = list[0] === undefined ? 0 : lists === this.cached ? list[0] + 16 : list[0];
    lists.set(bin, [chunk, ...list]);
    const position = chunk + 16;
    this.write.u64(position, this.safeLinking ? Number(BigInt(Math.floor(position / 4096)) ^ BigInt(next)) : next);
  }
}

function writeArena(write: Writer, layout: ArenaLayout, top: number, systemBytes: number, lists: Lists): void {
  write.u64(ARENA + layout.top, top);
  for (let pair = 0; pair < BIN_PAIRS; pair++) {
    const bin = ARENA + layout.bins + pair * 16 - 16;
    // Every free chunk into one bin: which one it would be is no matter of the reader's.
    const ring = pair === 0 ? [bin, ...lists.free, bin] : [bin, bin];
    for (let index = 0; index + 1 < ring.length; index++) {
      write.u64(ring[index] + 16, ring[index + 1]);
      write.u64(ring[index + 1] + 24, ring[index]);
    }
  }
  if (layout.fastBins !== undefined) {
    for (const [bin, [first]] of lists.fast) write.u64(ARENA + layout.fastBins + bin * 8, first);
  }
  write.u64(ARENA + layout.next, ARENA);
  if (layout.attachedThreads !== undefined) write.u64(ARENA + layout.attachedThreads, 1);
  write.u64(ARENA + layout.systemBytes, systemBytes);
  write.u64(ARENA + layout.maxSystemBytes, systemBytes);
}

function writeParameters(write: Writer, layout: ParametersLayout, cache: CacheLayout | undefined): void {
  write.u64(PARAMETERS + layout.trimThreshold, 131072);
  write.u64(PARAMETERS + layout.topPad, 131072);
  write.u64(PARAMETERS + layout.mmapThreshold, 131072);
  write.u64(PARAMETERS + layout.arenaTest, 8);
  write.u32(PARAMETERS + layout.mappedCount, 1);
  write.u32(PARAMETERS + layout.mappedCountLimit, 65536);
  write.u32(PARAMETERS + layout.maxMappedCount, 4);
  write.u64(PARAMETERS + layout.mappedBytes, 3 * PAGE_BYTES);
  write.u64(PARAMETERS + layout.maxMappedBytes, 300 * PAGE_BYTES);
  write.u64(PARAMETERS + layout.firstBreak, HEAP);
  if (cache === undefined || layout.cacheBins === undefined || layout.cacheCount === undefined) return;
  write.u64(PARAMETERS + layout.cacheBins, cache.bins);
  write.u64(PARAMETERS + layout.cacheCount, CACHE_LIMIT);
}

function writeCache(write: Writer, layout: CacheLayout, address: number, lists: Lists): void {
  for (let bin = 0; bin < layout.bins; bin++) {
    const list = lists.cached.get(bin) ?? [];
    const count = layout.countsRemaining ? CACHE_LIMIT - list.length : list.length;
    if (layout.countBytes === 2) write.u16(address + bin * 2, count);
    else if (bin % 2 === 0) write.u16(address + bin, count + (lists.cached.get(bin + 1) ?? []).length * 256);
    write.u64(address + layout.entries + bin * 8, list.length > 0 ? list[0] + 16 : 0);
  }
}
