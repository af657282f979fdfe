import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shareOut, sumOf } from "../../../../src/cli/format/rounding.ts";

const parts = fc.array(fc.nat(1_000_000_000), { minLength: 1, maxLength: 40 });
const unit = fc.integer({ min: 1, max: 10_000_000 });

test("displayed parts add up to the displayed whole", () => {
  fc.assert(
    fc.property(parts, unit, (exact, step) => {
      const whole = Math.round(sumOf(exact) / step);
      assert.equal(sumOf(shareOut(whole, exact, step)), whole);
    }),
  );
});

test("no part moves by a whole unit, and nothing stays nothing", () => {
  fc.assert(
    fc.property(parts, unit, (exact, step) => {
      const shares = shareOut(Math.round(sumOf(exact) / step), exact, step);
      for (const [index, part] of exact.entries()) {
        assert.ok(Math.abs(shares[index] - part / step) < 1);
        if (part === 0) assert.equal(shares[index], 0);
      }
    }),
  );
});

test("a part of the displayed whole can be shared again, level by level", () => {
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1, maxLength: 8 }), unit, (groups, step) => {
      const sums = groups.map(sumOf);
      const shares = shareOut(Math.round(sumOf(sums) / step), sums, step);
      for (const [index, group] of groups.entries()) assert.equal(sumOf(shareOut(shares[index], group, step)), shares[index]);
    }),
  );
});

test("a whole that is itself a sum of rounded figures is shared in proportion", () => {
  assert.deepEqual(shareOut(12, [50, 30, 20], 10), [6, 4, 2]);
  assert.deepEqual(shareOut(5, [0, 0], 10), [0, 0]);
  fc.assert(
    fc.property(parts, unit, fc.nat(100_000), (exact, step, whole) => {
      fc.pre(sumOf(exact) > 0);
      assert.equal(sumOf(shareOut(whole, exact, step)), whole);
    }),
  );
});
