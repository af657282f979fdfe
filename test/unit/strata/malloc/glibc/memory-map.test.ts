import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PAGE_BYTES } from "../../../../../src/base/units.ts";
import { anonymousRanges, dataRanges, subtractRanges } from "../../../../../src/strata/malloc/glibc/memory-map.ts";
import type { Mapping } from "../../../../../src/target/mapping.ts";

function mapping(startPage: number, endPage: number, path: string, permissions = "rw-p"): Mapping {
  const start = startPage * PAGE_BYTES;
  return { start, end: endPage * PAGE_BYTES, permissions, offset: 0, device: "00:00", inode: 0, path };
}

test("static data comes with its .bss, that of a libc first, deleted or not", () => {
  const mappings = [
    mapping(1, 2, "/usr/bin/python3.11"),
    mapping(2, 4, ""),
    mapping(10, 11, "/lib/libc.so.6 (deleted)", "r--p"),
    mapping(11, 12, "/lib/libc.so.6 (deleted)"),
    mapping(12, 13, ""),
    mapping(13, 14, ""),
    mapping(20, 21, "/dev/shm/shared", "rw-s"),
  ];
  const found = dataRanges(mappings).map(({ start, end }) => [start / PAGE_BYTES, end / PAGE_BYTES]);
  assert.deepEqual(found, [
    [11, 13],
    [1, 4],
  ]);
});

test("neighbouring anonymous mappings are one range; code, files and shared memory are none", () => {
  const mappings = [
    mapping(1, 2, "[heap]"),
    mapping(3, 4, ""),
    mapping(4, 6, "[anon:python]"),
    mapping(6, 7, "", "---p"),
    mapping(7, 8, "", "rw-s"),
    mapping(8, 9, "/anon_hugepage (deleted)"),
    mapping(9, 10, "/usr/lib/some.so"),
  ];
  const found = anonymousRanges(mappings).map(({ start, end }) => [start / PAGE_BYTES, end / PAGE_BYTES]);
  assert.deepEqual(found, [
    [1, 2],
    [3, 6],
    [8, 9],
  ]);
});

test("subtracting ranges leaves the pages that are in no taken range", () => {
  const ranges = fc
    .uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 12 })
    .map((bounds) => bounds.sort((left, right) => left - right))
    .map((bounds) => bounds.slice(0, bounds.length - (bounds.length % 2)))
    .map((bounds) => Array.from({ length: bounds.length / 2 }, (_, index) => [bounds[2 * index], bounds[2 * index + 1]]))
    .map((pairs) => pairs.map(([start, end]) => ({ start: start * PAGE_BYTES, end: end * PAGE_BYTES })));
  const pagesOf = (list: readonly { readonly start: number; readonly end: number }[]) =>
    list.flatMap(({ start, end }) =>
      Array.from({ length: (end - start) / PAGE_BYTES }, (_, page) => start / PAGE_BYTES + page),
    );
  fc.assert(
    fc.property(ranges, ranges, (all, taken) => {
      const gone = new Set(pagesOf(taken));
      assert.deepEqual(
        pagesOf(subtractRanges(all, taken)),
        pagesOf(all).filter((page) => !gone.has(page)),
      );
    }),
  );
});
