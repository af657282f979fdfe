import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bar, type Fill, fillBar, levelMark, shadeMark, staircase } from "../../../../src/cli/format/bars.ts";
import { chooseStyle } from "../../../../src/cli/format/style.ts";

const { glyphs } = chooseStyle({ colour: false, verbose: false, terminalColumns: undefined, environment: {} });
const parts = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 12 });

test("the bars of a staircase together fill the width once", () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 10, max: 150 }), (bytes, width) => {
      fc.pre(bytes.some((part) => part > 0));
      const steps = staircase(
        bytes,
        bytes.map((): Fill => "inUse"),
        width,
        glyphs,
      );
      const covered = new Uint8Array(width);
      for (const { indent, bar: cells } of steps) {
        if (cells !== glyphs.sliver) for (let cell = 0; cell < cells.length; cell++) covered[indent + cell]++;
      }
      assert.ok(covered.every((count) => count === 1));
    }),
  );
});

test("each bar begins where the one above ended, and what is too small shows as a sliver in its place", () => {
  assert.deepEqual(staircase([50, 0.1, 0, 49.9], ["inUse", "overhead", "free", "unexplained"], 10, glyphs), [
    { indent: 0, bar: "█████" },
    { indent: 5, bar: "▏" },
    { indent: 0, bar: "" },
    { indent: 5, bar: "╳╳╳╳╳" },
  ]);
});

test("the unexplained is always seen as what it is, within the width", () => {
  assert.deepEqual(staircase([100_000, 1], ["inUse", "unexplained"], 10, glyphs)[1], { indent: 9, bar: "╳" });
});

test("bars and marks have the ends that they should", () => {
  assert.equal(bar(0, 10, 8, glyphs), "");
  assert.equal(bar(0.001, 10, 8, glyphs), "▏");
  assert.equal(bar(10, 10, 8, glyphs), "████████");
  assert.equal(fillBar(1, 4, 8, glyphs), "██░░░░░░");
  assert.deepEqual(
    [0, 0.01, 0.5, 1].map((fill) => levelMark(fill, glyphs)),
    ["▁", "▁", "▄", "█"],
  );
  assert.deepEqual(
    [0, 0.5, 1].map((use) => shadeMark(use, glyphs)),
    ["·", "▒", "█"],
  );
});
