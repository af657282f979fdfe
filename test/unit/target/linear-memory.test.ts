import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GIB, KIB } from "../../../src/base/units.ts";
import { LinearMemory, MAX_LINEAR_BYTES, SEGMENT_WORDS } from "../../../src/target/linear-memory.ts";

/** Address space only: untouched pages of any of them cost nothing. */
const FORMS = {
  WebAssembly: () => LinearMemory.create(GIB, true),
  "one buffer": () => LinearMemory.create(GIB, false),
  "several buffers": () => LinearMemory.create(5 * GIB, true),
} as const;

test("memory of up to 4 GiB is one buffer, of WebAssembly where asked for; beyond, buffers of 2 GiB", () => {
  assert.equal(FORMS.WebAssembly().wasm?.buffer.byteLength, GIB);
  assert.equal(FORMS["one buffer"]().wasm, undefined);
  assert.equal(FORMS["one buffer"]().flat, true);
  const segmented = FORMS["several buffers"]();
  assert.equal(segmented.flat, false);
  assert.deepEqual(
    segmented.segments.map((segment) => segment.byteLength / GIB),
    [2, 2, 1],
  );
  assert.throws(() => LinearMemory.create(MAX_LINEAR_BYTES + 1, false), RangeError);
});

for (const [form, create] of Object.entries(FORMS)) {
  test(`tables of ${form} are aligned, disjoint and zero`, () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.constantFrom(2, 4, 32, 1024)), { maxLength: 30 });
    fc.assert(
      fc.property(sizes, (tables) => {
        const memory = create();
        if (!memory.flat) memory.allocate(SEGMENT_WORDS - 200);
        let end = memory.usedWords;
        for (const [words, align] of tables) {
          const word = memory.allocate(words, align);
          assert.equal(word % align, 0);
          assert.ok(word >= end);
          assert.ok(memory.flat || Math.floor(word / SEGMENT_WORDS) === Math.floor((word + words - 1) / SEGMENT_WORDS));
          assert.ok(memory.int32(word, words).every((value) => value === 0));
          memory.int32(word, words).fill(-1);
          end = word + words;
        }
        assert.equal(memory.freeWords, memory.words - end);
      }),
      { numRuns: 20 },
    );
  });

  test(`views and words of ${form} are the same bytes`, () => {
    const memory = create();
    const word = memory.allocate(4);
    memory.store(word, -2);
    memory.store(word + 1, 0x40590000);
    assert.equal(memory.load(word), -2);
    assert.equal(memory.uint32(word, 1)[0], 0xfffffffe);
    assert.deepEqual([...memory.bytes(word, 5)], [0xfe, 0xff, 0xff, 0xff, 0]);
    memory.store(word, 0);
    assert.equal(memory.float64(word, 1)[0], 100);
  });
}

test("full memory throws, and what is given back can be had again", () => {
  const memory = LinearMemory.create(64 * KIB, false);
  const first = memory.allocate(memory.words);
  assert.throws(() => memory.allocate(2), /full/);
  memory.rewind(first);
  assert.equal(memory.allocate(16), first);
  assert.throws(() => memory.rewind(17), /forwards/);
});

test("words above 2³¹ are where their segment has them", () => {
  const memory = LinearMemory.create(12 * GIB, false);
  for (let segment = 0; segment < 5; segment++) memory.allocate(SEGMENT_WORDS);
  const word = memory.allocate(2);
  assert.ok(word > 2 ** 31);
  memory.store(word, 7);
  // Kernels hold a word index as a signed number.
  assert.equal(memory.load(word | 0), 7);
  assert.equal(memory.segments[5][0], 7);
  assert.equal(memory.int32(word, 2)[0], 7);
});
