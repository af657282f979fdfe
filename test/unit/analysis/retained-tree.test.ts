import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RetainedLevel, retainedTree } from "../../../src/analysis/retained-tree.ts";
import { heaps, openedGraph } from "../../support/arbitrary-heaps.ts";

/** Levels that are shown, the first included. */
function levelsOf(level: RetainedLevel): number {
  return 1 + Math.max(0, ...level.rows.map(({ below }) => (below ? levelsOf(below) : 0)));
}

/** Calls `check` for each level, from the top. */
function forEachLevel(level: RetainedLevel, check: (level: RetainedLevel) => void): void {
  check(level);
  for (const { below } of level.rows) if (below) forEachLevel(below, check);
}

test("what is heavy is opened as far as something tells, and every level still adds up", () => {
  let opened = 0;
  fc.assert(
    fc.property(heaps(), fc.integer({ min: 1, max: 6 }), (spec, limit) => {
      const { graph } = openedGraph(spec);
      const tree = retainedTree(graph, undefined, limit, 1);
      const whole = tree.all.retainedBytes;
      assert.ok(levelsOf(tree) <= 4);
      forEachLevel(tree, ({ rows, other, all }) => {
        assert.ok(rows.length <= limit);
        const sum = rows.reduce((bytes, { row }) => bytes + row.retainedBytes, other.retainedBytes);
        assert.equal(sum, all.retainedBytes);
        for (const { row, below } of rows) {
          if (!below) continue;
          opened++;
          assert.ok(row.retainedBytes >= 0.2 * whole, "only what is heavy");
          assert.ok(below.rows.length > 0 && below.rows.every((each) => each.row.retainedBytes >= 0.05 * whole), "what tells");
        }
      });
    }),
    { numRuns: 200 },
  );
  assert.ok(opened > 50, `only ${opened} were opened`);
});

test("levels that are asked for are complete", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const { rows } = retainedTree(graph, undefined, Number.POSITIVE_INFINITY, 2);
      for (const { row, below } of rows) assert.equal(below?.rows.length ?? 0, row.dominated);
    }),
    { numRuns: 100 },
  );
});
