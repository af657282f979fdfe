import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { firstBytes, rangesToCopy, rangesWithout, totalBytes } from "../../../src/target/copy-ranges.ts";
import type { Mapping } from "../../../src/target/mapping.ts";
import type { AddressRange } from "../../../src/target/memory-image.ts";
import { PageState } from "../../../src/target/process-image.ts";
import { bytesInState, countedPages, PageRunsBuilder } from "../../../src/target/residency.ts";

const { present, counted, swapped, fileOrShared, zero, guard } = PageState;
const page = (number: number) => number * PAGE_BYTES;

function mapping(first: number, last: number, permissions: string, path = ""): Mapping {
  return { start: page(first), end: page(last), permissions, offset: 0, device: "00:00", inode: 0, path };
}

function runs(...items: readonly (readonly [first: number, last: number, state: number])[]) {
  const builder = new PageRunsBuilder();
  for (const [first, last, state] of items) builder.add(page(first), page(last), state, 0);
  return builder.finish();
}

const copied = (mappings: readonly Mapping[], pages: ReturnType<typeof runs>, which: "present" | "swapped" = "present") =>
  rangesToCopy(mappings, pages, which).map(({ start, end }) => [start / PAGE_BYTES, end / PAGE_BYTES]);

test("only present pages of private data are copied", () => {
  const data = present | counted;
  const mappings = [
    mapping(0, 10, "rw-p"),
    mapping(10, 20, "rw-s"),
    mapping(20, 30, "r-xp", "/bin/x"),
    mapping(30, 40, "r--p", "/bin/x"),
    mapping(40, 50, "rw-p", "/dev/mem"),
    mapping(50, 60, "r--p", "[vvar]"),
    mapping(60, 70, "---p"),
  ];
  const pages = runs(
    [1, 3, data],
    [3, 4, data | fileOrShared],
    [4, 5, swapped],
    [5, 6, present | zero],
    [6, 7, guard],
    [10, 20, data | fileOrShared],
    [20, 30, data | fileOrShared],
    [30, 32, data],
    [33, 34, data | fileOrShared],
    [40, 50, data],
    [50, 60, present],
    [60, 70, data],
  );
  // 30–34: relocated read-only data, its file pages included, because it has pages of its own.
  assert.deepEqual(copied(mappings, pages), [
    [1, 4],
    [30, 32],
    [33, 34],
  ]);
  assert.deepEqual(copied(mappings, pages, "swapped"), [[4, 5]]);
});

test("runs of one state become one, and counting agrees with the set", () => {
  const pages = runs([1, 2, present | counted], [2, 3, present | counted], [3, 4, present], [5, 6, present | counted]);
  assert.equal(pages.length, 3);
  assert.equal(bytesInState(pages, PageState.counted), 3 * PAGE_BYTES);
  assert.equal(countedPages(pages).pages, 3);
  assert.ok(countedPages(pages).has(page(2)) && !countedPages(pages).has(page(3)));
});

const disjoint = fc
  .uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 20 })
  .map((borders) => borders.sort((a, b) => a - b))
  .map((borders) =>
    Array.from({ length: borders.length >> 1 }, (_, i): AddressRange => ({ start: borders[i * 2], end: borders[i * 2 + 1] })),
  );
const members = (ranges: readonly AddressRange[]) =>
  Array.from({ length: 61 }, (_, at) => at).filter((at) => ranges.some(({ start, end }) => at >= start && at < end));

test("rangesWithout is set difference", () => {
  fc.assert(
    fc.property(disjoint, disjoint, (left, right) => {
      const inRight = new Set(members(right));
      const difference = rangesWithout(left, right);
      assert.deepEqual(
        members(difference),
        members(left).filter((at) => !inRight.has(at)),
      );
      assert.equal(totalBytes(difference), members(difference).length);
    }),
  );
});

test("firstBytes takes from the front", () => {
  fc.assert(
    fc.property(disjoint, fc.integer({ min: 0, max: 70 }), (ranges, bytes) => {
      assert.deepEqual(members(firstBytes(ranges, bytes)), members(ranges).slice(0, bytes));
    }),
  );
});
