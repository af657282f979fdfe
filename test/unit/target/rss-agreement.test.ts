import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { SmapsEntry } from "../../../src/target/proc/smaps.ts";
import { type PageRuns, PageState } from "../../../src/target/process-image.ts";
import { bytesInState, PageRunsBuilder } from "../../../src/target/residency.ts";
import { agreeWithSmaps } from "../../../src/target/rss-agreement.ts";

const { present, counted, swapped, exclusive, zero, huge } = PageState;
const page = (number: number) => number * PAGE_BYTES;

function entry(first: number, last: number, residentPages: number, more: Partial<SmapsEntry> = {}): SmapsEntry {
  const residentBytes = page(residentPages);
  return {
    start: page(first),
    end: page(last),
    residentBytes,
    swappedBytes: 0,
    hugetlbBytes: 0,
    anonymousHugeBytes: 0,
    flags: [],
    ...more,
  };
}

function runs(...items: readonly (readonly [first: number, last: number, state: number])[]): PageRuns {
  const builder = new PageRunsBuilder();
  for (const [first, last, state] of items) builder.add(page(first), page(last), state, 0);
  return builder.finish();
}

const countedPagesOf = (pages: PageRuns) => bytesInState(pages, counted) / PAGE_BYTES;

test("a mapping that smaps counts nothing of holds zero pages only; no page is looked at for it", () => {
  const never = () => assert.fail("looked at a page");
  const { pages, problems } = agreeWithSmaps(runs([0, 8, present | counted]), [entry(0, 10, 0)], 0, never);
  assert.equal(countedPagesOf(pages), 0);
  assert.equal(bytesInState(pages, zero), page(8));
  assert.deepEqual(problems, []);
});

test("as many zero pages as smaps leaves out are told by their content; exclusive pages are nobody's zero page", () => {
  const looked: number[] = [];
  const isZero = (address: number) => {
    looked.push(address / PAGE_BYTES);
    return [1, 3, 6].includes(address / PAGE_BYTES);
  };
  const before = runs([0, 5, present | counted], [5, 7, present | counted | exclusive]);
  const { pages, problems } = agreeWithSmaps(before, [entry(0, 10, 5)], page(5), isZero);
  assert.equal(countedPagesOf(pages), 5);
  assert.equal(bytesInState(pages, zero), page(2));
  assert.ok(!looked.includes(6));
  assert.deepEqual(problems, []);
});

test("hugetlb and driver mappings are not counted, and no zero pages", () => {
  const before = runs([0, 2, present | counted | huge], [10, 12, present | counted], [20, 21, present | counted]);
  const entries = [entry(0, 2, 0, { hugetlbBytes: page(2) }), entry(10, 12, 0, { flags: ["rd", "pf"] }), entry(20, 21, 1)];
  const { pages, problems } = agreeWithSmaps(before, entries, page(1), () => false);
  assert.equal(countedPagesOf(pages), 1);
  assert.equal(bytesInState(pages, zero), 0);
  assert.deepEqual(problems, []);
});

test("pages in migration look swapped but are counted", () => {
  const { pages, problems } = agreeWithSmaps(
    runs([0, 2, present | counted], [2, 6, swapped]),
    [entry(0, 6, 3)],
    page(3),
    () => false,
  );
  assert.equal(countedPagesOf(pages), 3);
  assert.equal(bytesInState(pages, swapped | counted), page(1));
  assert.deepEqual(problems, []);
});

test("a difference that nothing explains is said with its size", () => {
  const { problems } = agreeWithSmaps(runs([0, 4, present | counted | exclusive]), [entry(0, 4, 3)], page(3), () => false);
  assert.equal(problems.length, 1);
  assert.match(problems[0].sentence, /4096 bytes more/);
});
