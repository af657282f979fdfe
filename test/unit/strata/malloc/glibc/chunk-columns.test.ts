import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MIB } from "../../../../../src/base/units.ts";
import { ChunkColumns } from "../../../../../src/strata/malloc/glibc/chunk-columns.ts";
import { LinearMemory } from "../../../../../src/target/linear-memory.ts";
import { MemoryImage } from "../../../../../src/target/memory-image.ts";

const LOW = 0x5555_0000_0000;
const HIGH = 0x7f00_0000_0000;
const RANGES = [
  { start: LOW, end: LOW + 2 * MIB },
  { start: HIGH, end: HIGH + MIB },
];
const image = MemoryImage.layOut(LinearMemory.create(MemoryImage.bytesNeeded(RANGES), false), RANGES);
const GRANULES = (3 * MIB) / 16;

/** Address of the n-th granule of 16 bytes of both ranges. */
function addressOf(granule: number): number {
  const offset = granule * 16;
  return offset < 2 * MIB ? LOW + offset : HIGH + offset - 2 * MIB;
}

test("a chunk is found by its address, and nothing else is", () => {
  // Dense around some places, so that pages with one chunk, many chunks and none occur.
  const granules = fc
    .array(fc.tuple(fc.integer({ min: 0, max: GRANULES - 300 }), fc.array(fc.integer({ min: 0, max: 299 }), { maxLength: 60 })))
    .map((places) => [...new Set(places.flatMap(([base, steps]) => steps.map((step) => base + step)))].sort((a, b) => a - b));
  fc.assert(
    fc.property(granules, fc.array(fc.integer({ min: 0, max: GRANULES - 1 })), (starts, others) => {
      const columns = new ChunkColumns(image, 0);
      for (const start of starts) columns.push(addressOf(start), 32, 0, 0);
      for (const [index, start] of starts.entries()) {
        assert.equal(columns.indexOf(addressOf(start)), index);
        assert.equal(columns.indexOf(addressOf(start) + 8), -1);
      }
      for (const other of others) assert.equal(columns.indexOf(addressOf(other)), starts.indexOf(other));
    }),
    { numRuns: 60 },
  );
});

test("an address outside the image, or none at all, is no chunk", () => {
  const columns = new ChunkColumns(image, 4);
  columns.push(LOW, 32, 0, 0);
  for (const address of [0, 16, LOW - 16, LOW + 2 * MIB, HIGH + MIB, 2 ** 47, 2 ** 60, -16, Number.NaN, Infinity]) {
    assert.equal(columns.indexOf(address), -1);
  }
});
