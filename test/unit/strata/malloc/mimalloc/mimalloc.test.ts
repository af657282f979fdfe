import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemReport } from "../../../../../src/base/problems.ts";
import { ChunkState, type MallocHeap } from "../../../../../src/strata/malloc/allocator.ts";
import { MIMALLOC_LAYOUTS, SEGMENT_BYTES, SLICE_BYTES } from "../../../../../src/strata/malloc/mimalloc/layouts.ts";
import { decodeMimalloc } from "../../../../../src/strata/malloc/mimalloc/mimalloc.ts";
import { mapsLine, SyntheticMemory } from "../synthetic-memory.ts";

const [LAYOUT] = MIMALLOC_LAYOUTS;
const SEGMENT = 0x10_0000_0000;
const DATA = 0x7f00_0000_0000;
const MAIN_HEAP = DATA + 0x100;
const THREAD = 0x7f10_0000_1000;
const COOKIE = 0x1234_5678;
const ENTRIES = SEGMENT_BYTES / SLICE_BYTES;
const BLOCK_BYTES = 2048;
/** Blocks of the page: of its 32 places 8 were ever handed out; 1 and 3 are free, 5 is freed by another thread, 7 waits in the heap. */
const [CAPACITY, RESERVED] = [8, 32];
const MAPS = mapsLine(SEGMENT, SEGMENT_BYTES, "") + mapsLine(DATA, 0x2000, "/usr/lib/libmimalloc.so.2.0");

function pageEntry(slice: number): number {
  return SEGMENT + LAYOUT.segment.pages + slice * LAYOUT.page.bytes;
}

function blockAt(index: number): number {
  return SEGMENT + SLICE_BYTES + index * BLOCK_BYTES;
}

/** One segment of one thread: its header, a page of 2 KiB blocks, and the rest free. */
function oneSegment(): SyntheticMemory {
  const memory = new SyntheticMemory();
  const { segment, page, heap } = LAYOUT;
  // The address of the segment is 2^36: xor adds where no bits meet.
  memory.u64(SEGMENT + segment.cookie, SEGMENT + COOKIE);
  memory.u64(SEGMENT + segment.used, 1);
  memory.u64(SEGMENT + segment.slices, ENTRIES);
  memory.u64(SEGMENT + segment.infoSlices, 1);
  memory.u64(SEGMENT + segment.sliceEntries, ENTRIES);
  memory.u64(SEGMENT + segment.threadId, THREAD);
  memory.u64(MAIN_HEAP + heap.cookie, COOKIE);
  memory.u64(MAIN_HEAP + heap.threadId, THREAD);
  memory.bits(pageEntry(0) + page.sliceCount, 4, 1);
  memory.bits(pageEntry(1) + page.sliceCount, 4, 1);
  memory.bits(pageEntry(1) + page.capacity, 2, CAPACITY);
  memory.bits(pageEntry(1) + page.reserved, 2, RESERVED);
  memory.bits(pageEntry(1) + page.used, 4, CAPACITY - 2);
  memory.bits(pageEntry(1) + page.blockSize, 4, BLOCK_BYTES);
  memory.u64(pageEntry(1) + page.heap, MAIN_HEAP);
  memory.u64(pageEntry(1) + page.free, memory.list([blockAt(3)]));
  memory.u64(pageEntry(1) + page.localFree, memory.list([blockAt(1)]));
  // With the flag that other threads may free without asking.
  memory.u64(pageEntry(1) + page.threadFree, memory.list([blockAt(5)]) + 2);
  memory.u64(MAIN_HEAP + heap.delayedFree, memory.list([blockAt(7)]));
  memory.bits(pageEntry(2) + page.sliceCount, 4, ENTRIES - 2);
  return memory;
}

function decode(memory: SyntheticMemory, maps = MAPS): { heap: MallocHeap | undefined; kinds: string[] } {
  const problems = new ProblemReport();
  const heap = decodeMimalloc(memory.image(maps), problems);
  return { heap, kinds: problems.list().map(({ kind }) => kind) };
}

test("a segment is read to the last block", () => {
  const { heap, kinds } = decode(oneSegment());
  assert.deepEqual(kinds, []);
  assert.ok(heap !== undefined);
  assert.deepEqual(heap.problems, []);
  assert.equal(heap.busy, false);
  const { inUse, free, cached, top, overhead } = ChunkState;
  const states = [overhead, inUse, free, inUse, free, inUse, cached, inUse, cached, free, top];
  assert.deepEqual([...heap.chunks.state], states);
  assert.equal(heap.chunks.address[1], blockAt(0));
  assert.equal(heap.chunks.bytes[1], BLOCK_BYTES);
  assert.deepEqual(
    heap.sizeClasses?.map(({ bytes, live, cached, free }) => ({ bytes, live, cached, free })),
    [{ bytes: BLOCK_BYTES, live: 4, cached: 2, free: 2 + RESERVED - CAPACITY }],
  );
  assert.equal(heap.freePages[0].bytes, (ENTRIES - 2) * SLICE_BYTES);
  assert.equal(heap.arenas.length, 1);
  assert.equal(heap.arenas[0].address, MAIN_HEAP);
  assert.equal(heap.arenas[0].systemBytes, SEGMENT_BYTES);
});

test("a segment that is kept without a page in use is free, whatever its slices say", () => {
  const memory = oneSegment();
  const second = SEGMENT + 2 * SEGMENT_BYTES;
  memory.u64(second + LAYOUT.segment.cookie, second + COOKIE);
  memory.u64(second + LAYOUT.segment.slices, ENTRIES);
  memory.u64(second + LAYOUT.segment.infoSlices, 1);
  memory.u64(second + LAYOUT.segment.sliceEntries, ENTRIES);
  memory.bits(second + LAYOUT.segment.pages + LAYOUT.page.sliceCount, 4, 1);
  const left = second + LAYOUT.segment.pages + LAYOUT.page.bytes;
  memory.bits(left + LAYOUT.page.sliceCount, 4, ENTRIES - 1);
  memory.bits(left + LAYOUT.page.blockSize, 4, 1);
  const maps = mapsLine(SEGMENT, 3 * SEGMENT_BYTES, "") + mapsLine(DATA, 0x2000, "/usr/lib/libmimalloc.so.2.0");
  const { heap } = decode(memory, maps);
  assert.equal(heap?.busy, false);
  assert.deepEqual(
    heap?.arenas.map(({ address, topBytes }) => [address, topBytes / SLICE_BYTES]),
    [
      [MAIN_HEAP, ENTRIES - 2],
      [second, ENTRIES - 1],
    ],
  );
});

test("where half of the pages count other blocks than their lists leave, it is another version", () => {
  const memory = oneSegment();
  memory.bits(pageEntry(1) + LAYOUT.page.used, 4, CAPACITY - 1);
  assert.deepEqual(decode(memory), { heap: undefined, kinds: ["mimalloc-unrecognised"] });
});

test("one page of many that counts other blocks was caught half changed", () => {
  const memory = oneSegment();
  memory.bits(pageEntry(1) + LAYOUT.page.used, 4, CAPACITY - 1);
  memory.bits(pageEntry(2) + LAYOUT.page.sliceCount, 4, 1);
  memory.bits(pageEntry(3) + LAYOUT.page.sliceCount, 4, ENTRIES - 3);
  const { heap, kinds } = decode(memory);
  assert.deepEqual(kinds, []);
  assert.equal(heap?.busy, true);
  assert.deepEqual(
    heap?.problems.map(({ kind, address }) => [kind, address]),
    [["mimalloc-page", SEGMENT + SLICE_BYTES]],
  );
});

test("a list that loops ends", () => {
  const memory = oneSegment();
  memory.u64(blockAt(7), blockAt(7));
  const { heap } = decode(memory);
  assert.equal(heap?.busy, true);
  assert.deepEqual(
    heap?.problems.map(({ kind }) => kind),
    ["mimalloc-delayed"],
  );
});

test("memory like mimalloc's without its cookie in any static data is left to the mappings, which is said", () => {
  const memory = oneSegment();
  memory.u64(MAIN_HEAP + LAYOUT.heap.cookie, COOKIE + 1);
  assert.deepEqual(decode(memory), { heap: undefined, kinds: ["mimalloc-unrecognised"] });
});

test("a process without mimalloc is no reason for a note", () => {
  const memory = new SyntheticMemory();
  memory.u64(SEGMENT, 1);
  memory.u64(DATA, COOKIE);
  assert.deepEqual(decode(memory), { heap: undefined, kinds: [] });
});

test("a second segment with the cookie but without a chain of slices is damaged", () => {
  const memory = oneSegment();
  const second = SEGMENT + 2 * SEGMENT_BYTES;
  memory.u64(second + LAYOUT.segment.cookie, second + COOKIE);
  const maps = mapsLine(SEGMENT, 3 * SEGMENT_BYTES, "") + mapsLine(DATA, 0x2000, "/usr/lib/libmimalloc.so.2.0");
  const { heap } = decode(memory, maps);
  assert.equal(heap?.busy, true);
  assert.deepEqual(
    heap?.problems.map(({ kind, address }) => [kind, address]),
    [["mimalloc-segment", second]],
  );
});
