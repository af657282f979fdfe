import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChunkState } from "../../../../../src/strata/malloc/allocator.ts";
import { decodeGlibc } from "../../../../../src/strata/malloc/glibc/glibc.ts";
import { LinearMemory, SEGMENT_WORDS } from "../../../../../src/target/linear-memory.ts";
import { type PlannedChunk, synthesize, TID } from "./synthetic-glibc.ts";

/** Each version after which something changed, and what the structures alone tell of it. */
const VERSIONS: readonly { readonly minor: number; readonly variant: string }[] = [
  { minor: 17, variant: "2.22 or earlier" },
  { minor: 23, variant: "2.23" },
  { minor: 25, variant: "2.24–2.25" },
  { minor: 26, variant: "2.26" },
  { minor: 28, variant: "2.27–2.29" },
  { minor: 31, variant: "2.30–2.31" },
  { minor: 34, variant: "2.32–2.34" },
  { minor: 36, variant: "2.35–2.41" },
  { minor: 42, variant: "2.42" },
  { minor: 43, variant: "2.43 or later" },
];
const FIRST_CACHED_MINOR = 26;
const FIRST_WITHOUT_FAST_BINS = 43;
const CACHE_LIMIT = 7;

const { inUse, free, fast, cached } = ChunkState;

/** One chunk of each state whose lists tell versions apart. */
function samplePlan(minor: number): PlannedChunk[] {
  const plan = [
    { bytes: 48, state: inUse },
    { bytes: 4096, state: free },
    { bytes: 96, state: inUse },
    { bytes: 2 ** 21, state: inUse },
    { bytes: 1024, state: free },
    { bytes: 32, state: inUse },
  ];
  const small = minor < FIRST_CACHED_MINOR ? [fast, fast] : [cached, cached, cached];
  return [
    ...plan,
    ...small.flatMap((state) => [
      { bytes: 64, state },
      { bytes: 80, state: inUse },
    ]),
  ];
}

for (const { minor, variant } of VERSIONS) {
  test(`structures of glibc 2.${minor} are recognised as ${variant} and read`, () => {
    const plan = samplePlan(minor);
    const input = synthesize(minor, plan);
    const heap = decodeGlibc(input);
    assert.ok(heap !== undefined);
    assert.deepEqual(heap.problems, []);
    assert.equal(heap.variant, variant);
    assert.equal(heap.busy, false);
    assert.deepEqual(heap.arenas[0].threads, [TID]);
    assert.deepEqual(heap.mapped, { count: 1, bytes: 3 * 4096 });
    assert.equal(heap.settings?.mmapThreshold, 131072);
    assert.deepEqual(statesFrom(heap.chunks, input.heapStart, plan.length), plan);
    assert.equal(heap.chunks.state[heap.chunks.length - 1], ChunkState.mapped);
  });
}

test("any sequence of chunks is read back as it was laid out, in every version", () => {
  const chunk = fc.oneof(
    fc.record({ bytes: fc.integer({ min: 2, max: 400 }).map((units) => units * 16), state: fc.constant<number>(inUse) }),
    fc.record({
      bytes: fc.integer({ min: 2, max: 70000 }).map((units) => units * 16),
      state: fc.constantFrom<number>(inUse, free),
    }),
    fc.record({
      bytes: fc.integer({ min: 2, max: 8 }).map((units) => units * 16),
      state: fc.constantFrom<number>(fast, cached),
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...VERSIONS), fc.array(chunk, { maxLength: 120 }), ({ minor }, drawn) => {
      const plan = possibleIn(minor, drawn);
      const input = synthesize(minor, plan);
      const heap = decodeGlibc(input);
      assert.ok(heap !== undefined);
      assert.deepEqual(heap.problems, []);
      assert.deepEqual(statesFrom(heap.chunks, input.heapStart, plan.length), plan);
    }),
    { numRuns: 150 },
  );
});

test("an image that lies in two segments of a large linear memory is read like any other", () => {
  const plan = Array.from({ length: 400 }, (_, index) => ({
    bytes: 16 * (2 + (index % 2000)) * 3,
    state: index % 3 === 1 ? free : inUse,
  }));
  plan.push({ bytes: 2 ** 21, state: free }, { bytes: 48, state: inUse });
  let memory: LinearMemory | undefined;
  const input = synthesize(36, plan, () => {
    memory = LinearMemory.create(5 * 2 ** 30, false);
    memory.allocate(SEGMENT_WORDS - 3 * 2 ** 18); // 3 MiB are left in the first segment
    return memory;
  });
  assert.ok(input.image.firstSlot < SEGMENT_WORDS && (memory?.usedWords ?? 0) > SEGMENT_WORDS);
  const heap = decodeGlibc(input);
  assert.deepEqual(heap?.problems, []);
  assert.deepEqual(heap && statesFrom(heap.chunks, input.heapStart, plan.length), plan);
});

test("a held lock is seen", () => {
  const input = synthesize(36, samplePlan(36));
  const main = decodeGlibc(input)?.arenas[0].address as number;
  input.image.memory.store(input.image.wordOf(main), 1);
  assert.equal(decodeGlibc(input)?.busy, true);
});

test("a process without glibc's malloc is not taken for one", () => {
  const input = synthesize(36, []);
  const { start, end } = input.mappings[1];
  input.image.memory.int32(input.image.wordOf(start), (end - start) / 4).fill(0);
  assert.equal(decodeGlibc(input), undefined);
});

/** What glibc can leave behind: no caches before 2.26, no fastbins from 2.43 on, no cache beyond its limit. */
function possibleIn(minor: number, drawn: readonly PlannedChunk[]): PlannedChunk[] {
  const cachedOfSize = new Map<number, number>();
  // A free chunk before the top would be part of it.
  return [...drawn, { bytes: 48, state: inUse }].map(({ bytes, state }) => {
    if (state === fast && minor >= FIRST_WITHOUT_FAST_BINS) return { bytes, state: inUse };
    if (state !== cached) return { bytes, state };
    const count = cachedOfSize.get(bytes) ?? 0;
    if (minor < FIRST_CACHED_MINOR || count === CACHE_LIMIT) return { bytes, state: inUse };
    cachedOfSize.set(bytes, count + 1);
    return { bytes, state };
  });
}

function statesFrom(
  chunks: { readonly address: Float64Array; readonly bytes: Float64Array; readonly state: Uint8Array },
  start: number,
  count: number,
): PlannedChunk[] {
  const first = chunks.address.indexOf(start);
  return Array.from({ length: count }, (_, index) => ({
    bytes: chunks.bytes[first + index],
    state: chunks.state[first + index],
  }));
}
