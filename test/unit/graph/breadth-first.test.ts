import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { breadthFirst, pathTo } from "../../../src/graph/breadth-first.ts";
import { heldGraphs } from "../../support/arbitrary-graphs.ts";
import { distances, nodesOf, reachable, targetsOf } from "../../support/graph-oracles.ts";

test("levels are shortest distances, and parents lead back along them", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const paths = breadthFirst(graph, held);
      const far = distances(graph, held);
      for (const node of nodesOf(graph)) {
        assert.equal(paths.levels[node], Number.isFinite(far[node]) ? far[node] : -1);
        const parent = paths.parents[node];
        if (paths.levels[node] <= 0) assert.equal(parent, -1);
        else {
          assert.equal(paths.levels[parent], paths.levels[node] - 1);
          assert.ok(targetsOf(graph, parent).includes(node));
        }
      }
    }),
  );
});

test("the order is every reached node once, nearest first", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const { order, levels } = breadthFirst(graph, held);
      assert.deepEqual(new Set(order), reachable(graph, held));
      assert.equal(new Set(order).size, order.length);
      for (let index = 1; index < order.length; index++) assert.ok(levels[order[index]] >= levels[order[index - 1]]);
    }),
  );
});

test("a path begins at a start, follows edges and ends at its node; there is none to what is not reached", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const paths = breadthFirst(graph, held);
      for (const node of nodesOf(graph)) {
        const path = [...pathTo(paths, node)];
        assert.equal(path.length, paths.levels[node] + 1);
        if (path.length === 0) continue;
        assert.ok(held.includes(path[0]));
        assert.equal(path.at(-1), node);
        path.slice(1).forEach((step, index) => {
          assert.ok(targetsOf(graph, path[index]).includes(step));
        });
      }
    }),
  );
});
