import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PageSet } from "../../../src/base/page-set.ts";
import { GIB, MIB, PAGE_BYTES, USER_SPACE_END } from "../../../src/base/units.ts";

/** Where ranges fall: close enough to meet, and on both sides of the borders between slots and between regions. */
const ORIGINS = [0, 3 * MIB, 4 * GIB - 2 * MIB, 0x7f12_3450_0000, USER_SPACE_END - 4 * MIB] as const;
const PAGES_AROUND_ORIGIN = 800;

interface Step {
  readonly add: boolean;
  readonly start: number;
  readonly end: number;
}

const range = fc
  .record({ origin: fc.constantFrom(...ORIGINS), page: fc.nat(PAGES_AROUND_ORIGIN), pages: fc.nat(200) })
  .map(({ origin, page, pages }) => ({ start: origin + page * PAGE_BYTES, end: origin + (page + pages) * PAGE_BYTES }));
const steps = fc.array(fc.record({ add: fc.integer({ max: 2, min: 0 }).map((n) => n > 0), range }), { maxLength: 30 });
/** Any bytes, aligned or not, and windows that span several slots or regions. */
const bounds = fc
  .record({
    origin: fc.constantFrom(...ORIGINS),
    offset: fc.nat(4 * MIB),
    bytes: fc.oneof(fc.nat(3 * PAGE_BYTES), fc.nat(3 * MIB)),
  })
  .map(({ origin, offset, bytes }) => ({ start: origin + offset, end: Math.min(USER_SPACE_END, origin + offset + bytes) }));

/** The oracle: the numbers of the pages. */
class NaivePageSet {
  readonly pages = new Set<number>();

  apply({ add, start, end }: Step): void {
    for (let page = start / PAGE_BYTES; page < end / PAGE_BYTES; page++) {
      if (add) this.pages.add(page);
      else this.pages.delete(page);
    }
  }

  bytesWithin(start: number, end: number): number {
    let bytes = 0;
    for (let at = start; at < end; ) {
      const next = Math.min(end, (Math.floor(at / PAGE_BYTES) + 1) * PAGE_BYTES);
      if (this.pages.has(Math.floor(at / PAGE_BYTES))) bytes += next - at;
      at = next;
    }
    return bytes;
  }
}

test("ranges that are added and removed leave the pages that a plain set has", () => {
  fc.assert(
    fc.property(steps, fc.array(bounds, { maxLength: 10 }), (changes, windows) => {
      const set = new PageSet();
      const naive = new NaivePageSet();
      for (const { add, range } of changes) {
        if (add) set.addRange(range.start, range.end);
        else set.removeRange(range.start, range.end);
        naive.apply({ add, ...range });
        assert.equal(set.pages, naive.pages.size);
      }
      for (const { start, end } of windows) {
        assert.equal(set.bytesWithin(start, end), naive.bytesWithin(start, end));
        assert.equal(set.has(start), naive.pages.has(Math.floor(start / PAGE_BYTES)));
      }
    }),
    { numRuns: 200 },
  );
});

test("whole slots are counted as their pages are", () => {
  const set = new PageSet();
  set.addRange(4 * GIB - 8 * MIB, 4 * GIB + 8 * MIB);
  assert.equal(set.pages, (16 * MIB) / PAGE_BYTES);
  assert.equal(set.bytesWithin(0, USER_SPACE_END), 16 * MIB);
  assert.equal(set.bytesWithin(4 * GIB - MIB - 1, 4 * GIB + MIB + 1), 2 * MIB + 2);
  set.removeRange(4 * GIB, 4 * GIB + PAGE_BYTES);
  assert.equal(set.bytesWithin(4 * GIB - 10, 4 * GIB + PAGE_BYTES + 10), 20);
});

test("addresses outside the user half are in no set", () => {
  const set = new PageSet();
  set.addRange(USER_SPACE_END - PAGE_BYTES, USER_SPACE_END);
  assert.equal(set.has(USER_SPACE_END - 1), true);
  assert.equal(set.has(USER_SPACE_END), false);
  assert.equal(set.has(0xffff_ffff_ff60_0000), false);
  assert.equal(set.has(-1), false);
  assert.equal(set.bytesWithin(USER_SPACE_END - 5, USER_SPACE_END + 5), 5);
});
