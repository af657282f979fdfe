import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemReport } from "../../../../../src/base/problems.ts";
import { ChunkState, type MallocHeap } from "../../../../../src/strata/malloc/allocator.ts";
import {
  CENTRAL_LIST,
  CLASS_TABLE,
  METADATA_CHUNK_BYTES,
  PAGE_MAP,
  SPAN,
  SPAN_PAGE_BYTES,
  SpanLocation,
  THREAD_CACHE,
} from "../../../../../src/strata/malloc/tcmalloc/layouts.ts";
import { decodeTcmalloc } from "../../../../../src/strata/malloc/tcmalloc/tcmalloc.ts";
import { mapsLine, SyntheticMemory } from "../synthetic-memory.ts";

/** 8, 16, then in steps of 16, and 256 KiB at last: 34 classes. */
const CLASSES = [0, 8, ...Array.from({ length: 32 }, (_, index) => (index + 1) * 16), CLASS_TABLE.last];
const DATA = 0x7f00_0000_0000;
const TABLE = DATA + 0x100;
const CACHES_HEAD = DATA + 0x800;
const METADATA_LEFT = DATA + 0x900;
const CENTRAL = DATA + 0x2000;
const CENTRAL_STRIDE = 1216;
const ROOT = DATA + 0x20000;
const DATA_BYTES = 0x20000 + PAGE_MAP.rootEntries * 8;
const HEAP = 0x5555_0000_0000;
const METADATA = 0x7f10_0000_0000;
const LEAF = METADATA;
const SPANS = METADATA + 0x40_0000;
const CACHE = METADATA + 0x50_0000;
const FIRST_PAGE = HEAP / SPAN_PAGE_BYTES;
const MAPS = [
  mapsLine(HEAP, 0x100000, "[heap]"),
  mapsLine(DATA, DATA_BYTES, "/usr/lib/libtcmalloc_minimal.so.4"),
  mapsLine(METADATA, METADATA_CHUNK_BYTES, ""),
].join("");
/** Sixteen blocks to a page. */
const CLASS = CLASSES.indexOf(512);
const BLOCKS = SPAN_PAGE_BYTES / 512;

interface PlannedSpan {
  readonly pages: number;
  readonly sizeClass?: number;
  readonly location?: number;
  readonly free?: readonly number[];
  readonly handedOut?: number;
}

function layOut(plan: readonly PlannedSpan[]): SyntheticMemory {
  const memory = new SyntheticMemory();
  for (const [sizeClass, bytes] of CLASSES.entries()) memory.bits(TABLE + sizeClass * CLASS_TABLE.entryBytes, 4, bytes);
  memory.u64(ROOT + Math.floor(FIRST_PAGE / PAGE_MAP.leafEntries) * 8, LEAF);
  let page = FIRST_PAGE;
  for (const [index, { pages, sizeClass = 0, location = SpanLocation.inUse, free = [], handedOut = 0 }] of plan.entries()) {
    const span = SPANS + index * SPAN.bytes;
    memory.u64(LEAF + (page % PAGE_MAP.leafEntries) * 8, span);
    memory.u64(span + SPAN.firstPage, page);
    memory.u64(span + SPAN.pages, pages);
    memory.u64(span + SPAN.objects, memory.list(free.map((block) => page * SPAN_PAGE_BYTES + block * 512)));
    memory.u64(span + SPAN.bits, handedOut + sizeClass * 2 ** 16 + location * 2 ** 24);
    page += pages;
  }
  for (const [sizeClass, bytes] of CLASSES.entries()) {
    memory.bits(CACHE + sizeClass * THREAD_CACHE.listBytes + THREAD_CACHE.size, 4, bytes);
    memory.u64(CENTRAL + sizeClass * CENTRAL_STRIDE, sizeClass);
  }
  memory.u64(CACHES_HEAD, CACHE);
  memory.u64(METADATA_LEFT, METADATA + METADATA_CHUNK_BYTES - 0x1000);
  memory.u64(METADATA_LEFT + 8, 0x1000);
  return memory;
}

/** One span of blocks, one allocation, free pages, pages given back; block 6 is cached, block 9 on its way between threads. */
function oneOfEach(): SyntheticMemory {
  const memory = layOut([
    { pages: 1, sizeClass: CLASS, free: [3, 1], handedOut: BLOCKS - 2 },
    { pages: 4 },
    { pages: 2, location: SpanLocation.normal },
    { pages: 8, location: SpanLocation.returned },
  ]);
  memory.u64(CACHE + CLASS * THREAD_CACHE.listBytes + THREAD_CACHE.list, memory.list([HEAP + 6 * 512]));
  memory.bits(CACHE + CLASS * THREAD_CACHE.listBytes + THREAD_CACHE.length, 4, 1);
  memory.u64(CENTRAL + CLASS * CENTRAL_STRIDE + CENTRAL_LIST.slots, memory.list([HEAP + 9 * 512]));
  memory.bits(CENTRAL + CLASS * CENTRAL_STRIDE + CENTRAL_LIST.usedSlots, 4, 1);
  return memory;
}

function decode(memory: SyntheticMemory): { heap: MallocHeap | undefined; kinds: string[] } {
  const problems = new ProblemReport();
  const heap = decodeTcmalloc(memory.image(MAPS), problems);
  return { heap, kinds: problems.list().map(({ kind }) => kind) };
}

test("spans, caches and tcmalloc's own memory are read to the last block", () => {
  const { heap, kinds } = decode(oneOfEach());
  assert.deepEqual(kinds, []);
  assert.ok(heap !== undefined);
  assert.deepEqual(heap.problems, []);
  assert.equal(heap.busy, false);
  const { inUse, free, cached, top, overhead } = ChunkState;
  const blocks = Array.from({ length: BLOCKS }, (_, block) =>
    block === 1 || block === 3 ? free : block === 6 || block === 9 ? cached : inUse,
  );
  assert.deepEqual([...heap.chunks.state], [...blocks, inUse, top, top, overhead]);
  assert.deepEqual(
    heap.sizeClasses?.map(({ bytes, live, cached, free }) => ({ bytes, live, cached, free })),
    [
      { bytes: 512, live: BLOCKS - 4, cached: 2, free: 2 },
      { bytes: 4 * SPAN_PAGE_BYTES, live: 1, cached: 0, free: 0 },
    ],
  );
  assert.deepEqual(
    heap.freePages.map(({ state, bytes }) => [state, bytes / SPAN_PAGE_BYTES]),
    [
      ["normal", 2],
      ["returned", 8],
    ],
  );
  // The piece of metadata that is being cut is known to its end.
  assert.deepEqual(heap.arenas[0].ranges, [
    { start: HEAP, end: HEAP + 15 * SPAN_PAGE_BYTES },
    { start: METADATA, end: METADATA + METADATA_CHUNK_BYTES },
  ]);
});

test("a span that counts other blocks than its list leaves was caught half changed", () => {
  const { heap, kinds } = decode(
    layOut([{ pages: 1, sizeClass: CLASS, free: [3, 1], handedOut: BLOCKS }, { pages: 4 }, { pages: 2 }]),
  );
  assert.deepEqual(kinds, []);
  assert.equal(heap?.busy, true);
  assert.deepEqual(
    heap?.problems.map(({ kind, address }) => [kind, address]),
    [["tcmalloc-span", HEAP]],
  );
});

test("a cache's list that is longer than its count was caught half changed", () => {
  const memory = oneOfEach();
  memory.bits(CACHE + CLASS * THREAD_CACHE.listBytes + THREAD_CACHE.length, 4, 0);
  const { heap } = decode(memory);
  assert.equal(heap?.busy, true);
});

test("a lock that is held means that the stop fell inside", () => {
  const memory = oneOfEach();
  memory.u64(CENTRAL + CLASS * CENTRAL_STRIDE + CENTRAL_LIST.lock, 1);
  const { heap } = decode(memory);
  assert.equal(heap?.busy, true);
});

test("lists that loop end", () => {
  const memory = oneOfEach();
  memory.u64(HEAP + 6 * 512, HEAP + 6 * 512);
  memory.u64(HEAP + 1 * 512, HEAP + 3 * 512);
  const { heap } = decode(memory);
  assert.equal(heap?.busy, true);
  const kinds = heap?.problems.map(({ kind }) => kind);
  assert.deepEqual(kinds, ["tcmalloc-span", "tcmalloc-cache"]);
});

test("spans that none of the structures bear out are left to the mappings, which is said", () => {
  const { heap, kinds } = decode(
    layOut([
      { pages: 1, sizeClass: 200, handedOut: 3 },
      { pages: 2, location: 3 },
    ]),
  );
  assert.equal(heap, undefined);
  assert.deepEqual(kinds, ["tcmalloc-unrecognised"]);
});

test("without thread caches everything that they might hold counts as in use, and a note says so", () => {
  const memory = oneOfEach();
  memory.u64(CACHES_HEAD, 0);
  const { heap } = decode(memory);
  assert.deepEqual(
    heap?.problems.map(({ kind }) => kind),
    ["tcmalloc-caches"],
  );
  assert.equal(heap?.sizeClasses?.[0].cached, 1);
});

test("a process without tcmalloc is no reason for a note", () => {
  const memory = new SyntheticMemory();
  memory.u64(DATA, 8);
  assert.deepEqual(decode(memory), { heap: undefined, kinds: [] });
});
