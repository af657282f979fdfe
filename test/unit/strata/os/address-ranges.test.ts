import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { disjoint, mergeRanges, type Range, subtractRanges } from "../../../../src/strata/os/address-ranges.ts";

const SPACE = 60;
const anyRanges = fc.array(
  fc.tuple(fc.nat(SPACE - 1), fc.integer({ min: 1, max: 12 })).map(([start, bytes]): Range => ({ start, end: start + bytes })),
  { maxLength: 12 },
);

/** The addresses that ranges cover, one by one. */
function covered(ranges: readonly Range[]): Set<number> {
  const addresses = new Set<number>();
  for (const { start, end } of ranges) for (let address = start; address < end; address++) addresses.add(address);
  return addresses;
}

function assertAscending(ranges: readonly Range[]): void {
  for (const [index, range] of ranges.entries()) {
    assert.ok(range.start < range.end, "no empty range");
    if (index > 0) assert.ok(ranges[index - 1].end <= range.start, "ascending and disjoint");
  }
}

test("merging keeps the covered addresses", () => {
  fc.assert(
    fc.property(anyRanges, (ranges) => {
      const merged = mergeRanges(ranges);
      assertAscending(merged);
      assert.deepEqual([...covered(merged)].sort(), [...covered(ranges)].sort());
    }),
  );
});

test("cutting overlaps keeps the covered addresses", () => {
  fc.assert(
    fc.property(anyRanges, (ranges) => {
      const cut = disjoint(ranges);
      assertAscending(cut);
      assert.deepEqual([...covered(cut)].sort(), [...covered(ranges)].sort());
    }),
  );
});

test("subtracting leaves exactly what was not taken", () => {
  fc.assert(
    fc.property(anyRanges, anyRanges, (ranges, taken) => {
      const left = subtractRanges(disjoint(ranges), mergeRanges(taken));
      assertAscending(left);
      const gone = covered(taken);
      assert.deepEqual([...covered(left)].sort(), [...covered(ranges)].filter((address) => !gone.has(address)).sort());
    }),
  );
});

test("pieces of a range keep its other fields", () => {
  const left = subtractRanges([{ start: 0, end: 10, label: "a" }], [{ start: 4, end: 6 }]);
  assert.deepEqual(left, [
    { start: 0, end: 4, label: "a" },
    { start: 6, end: 10, label: "a" },
  ]);
});
