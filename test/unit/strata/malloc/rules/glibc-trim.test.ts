import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PAGE_BYTES } from "../../../../../src/base/units.ts";
import { ChunkState, type ChunkTable, type MallocSettings } from "../../../../../src/strata/malloc/allocator.ts";
import {
  forEachTrimmed,
  insidePages,
  mayBeCached,
  releasedFromEnd,
  shrinksOnFree,
  unmapsEmptyHeap,
} from "../../../../../src/strata/malloc/rules/glibc-trim.ts";

const START = 0x10000;

function chunksOf(list: readonly (readonly [state: number, bytes: number, arena?: number])[]): ChunkTable {
  let at = START;
  const address = list.map(([, bytes]) => {
    at += bytes;
    return at - bytes;
  });
  return {
    length: list.length,
    address: Float64Array.from(address),
    bytes: Float64Array.from(list, ([, bytes]) => bytes),
    state: Uint8Array.from(list, ([state]) => state),
    arena: Uint16Array.from(list, ([, , arena]) => arena ?? 0),
  };
}

function trimmed(chunks: ChunkTable, breakEnd?: number, stepBytes = PAGE_BYTES): (readonly [number, number, number])[] {
  const ranges: [number, number, number][] = [];
  forEachTrimmed({ chunks, mainArena: 0, breakEnd, stepBytes }, (arena, start, end) => ranges.push([arena, start, end]));
  return ranges;
}

const { inUse, free, fast, cached, top } = ChunkState;

test("a free chunk keeps its links and what is no whole page", () => {
  assert.deepEqual(
    trimmed(
      chunksOf([
        [inUse, 64],
        [free, 3 * PAGE_BYTES],
        [inUse, 64],
      ]),
    ),
    [[0, START + PAGE_BYTES, START + 3 * PAGE_BYTES]],
  );
  // A chunk that begins 48 bytes before a page leaves just this page alone.
  assert.deepEqual(insidePages(PAGE_BYTES - 48, 3 * PAGE_BYTES - 1), { start: PAGE_BYTES, end: 2 * PAGE_BYTES });
  assert.deepEqual(insidePages(PAGE_BYTES - 47, 2 * PAGE_BYTES), { start: 2 * PAGE_BYTES, end: 2 * PAGE_BYTES });
});

test("chunks of fastbins join their neighbours, cached ones part them", () => {
  const half = PAGE_BYTES / 2;
  assert.equal(
    trimmed(
      chunksOf([
        [free, half],
        [fast, half],
        [free, half + PAGE_BYTES],
        [inUse, 64],
      ]),
    ).length,
    1,
  );
  assert.equal(
    trimmed(
      chunksOf([
        [free, half],
        [cached, half],
        [free, half + 64],
        [inUse, 64],
      ]),
    ).length,
    0,
  );
  assert.equal(
    trimmed(
      chunksOf([
        [free, half, 0],
        [free, half + 2048, 1],
        [inUse, 64, 1],
      ]),
    ).length,
    0,
  );
});

test("the top goes back only from the main arena, and only where the brk heap ends", () => {
  const chunks = chunksOf([
    [inUse, 64],
    [fast, 64],
    [top, 4 * PAGE_BYTES - 128],
  ]);
  const end = START + 4 * PAGE_BYTES;
  assert.deepEqual(trimmed(chunks, end), [[0, START + PAGE_BYTES, end]]);
  assert.deepEqual(trimmed(chunks, end + PAGE_BYTES), []);
  assert.deepEqual(trimmed(chunks), []);
  assert.deepEqual(trimmed({ ...chunks, arena: Uint16Array.of(1, 1, 1) }, end), []);
  assert.deepEqual(trimmed(chunks, end, 512 * PAGE_BYTES), [], "not a huge page");
});

test("a heap keeps its pad and 33 bytes", () => {
  assert.equal(releasedFromEnd(PAGE_BYTES + 32, 0), 0);
  assert.equal(releasedFromEnd(PAGE_BYTES + 33, 0), PAGE_BYTES);
  assert.equal(releasedFromEnd(3 * PAGE_BYTES + 33, PAGE_BYTES + 1), PAGE_BYTES);
  assert.equal(releasedFromEnd(10, 20), 0);
});

const SETTINGS: MallocSettings = {
  mmapThreshold: 131072,
  mmapMax: 65536,
  trimThreshold: 131072,
  topPad: 131072,
  dynamicThreshold: true,
  arenaMax: 0,
};

test("free() shrinks a heap from both thresholds on", () => {
  assert.equal(shrinksOnFree(SETTINGS, 65536, 131072), true);
  assert.equal(shrinksOnFree(SETTINGS, 65535, 1e6), false);
  assert.equal(shrinksOnFree(SETTINGS, 65536, 131071), false);
});

test("an empty heap goes unless the one before it is full", () => {
  const whole = 64 * 2 ** 20;
  assert.equal(unmapsEmptyHeap(SETTINGS, 0, whole), false);
  assert.equal(unmapsEmptyHeap(SETTINGS, 131072 + 32 + PAGE_BYTES, whole), true);
  assert.equal(unmapsEmptyHeap(SETTINGS, 0, whole / 2), true);
});

test("what a thread's cache takes is at most 1,040 bytes", () => {
  assert.deepEqual([1040, 1056].map(mayBeCached), [true, false]);
});

test("whatever the chunks, ranges are whole pages of free ones, ascending", () => {
  const states = fc.constantFrom(...Object.values(ChunkState));
  const list = fc.array(
    fc.tuple(
      states,
      fc.integer({ min: 2, max: 1500 }).map((units) => units * 16),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(list, (drawn) => {
      const chunks = chunksOf(drawn);
      const end = START + drawn.reduce((sum, [, bytes]) => sum + bytes, 0);
      let before = 0;
      // brk heaps end at a page.
      for (const [, from, to] of trimmed(chunks, end % PAGE_BYTES === 0 ? end : undefined)) {
        assert.ok(from % PAGE_BYTES === 0 && from >= before && to > from);
        before = to;
        for (let chunk = 0; chunk < chunks.length; chunk++) {
          const isIn = chunks.address[chunk] < to && chunks.address[chunk] + chunks.bytes[chunk] > from;
          if (isIn) assert.ok([free, fast, top].some((state) => state === chunks.state[chunk]));
        }
      }
    }),
  );
});
