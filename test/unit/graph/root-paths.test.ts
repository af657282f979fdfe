import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit, newBits, setBit } from "../../../src/base/bits.ts";
import { breadthFirst } from "../../../src/graph/breadth-first.ts";
import { type Graph, reverseGraph } from "../../../src/graph/graph.ts";
import { newPathScratch, pathsFromRoots, type RootPaths } from "../../../src/graph/root-paths.ts";
import { graphOf, heldGraphs } from "../../support/arbitrary-graphs.ts";
import { nodesOf, pairsOf, targetsOf } from "../../support/graph-oracles.ts";

function bitsOf(graph: Graph, nodes: Iterable<number>): Uint32Array {
  const bits = newBits(graph.nodes);
  for (const node of nodes) setBit(bits, node);
  return bits;
}

function listOf(paths: RootPaths): number[][] {
  return Array.from({ length: paths.count }, (_, path) => [
    ...paths.nodes.subarray(paths.offsets[path], paths.offsets[path + 1]),
  ]);
}

/** Shortest distance from `root` to `target` on ways that meet no other root before the target; undefined if there is none. */
function distanceFrom(graph: Graph, roots: Uint32Array, root: number, target: number): number | undefined {
  if (root === target) return 0;
  const free = pairsOf(graph).filter(([, to]) => to === target || !hasBit(roots, to));
  const level = breadthFirst(graphOf(graph.nodes, free), Uint32Array.of(root)).levels[target];
  return level < 0 ? undefined : level;
}

test("each root that holds a node has one shortest path to it, nearest root first", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(23), ({ graph, held }, at) => {
      const target = at % graph.nodes;
      const roots = bitsOf(graph, held);
      const found = pathsFromRoots(reverseGraph(graph), roots, target, graph.nodes + 1);
      const paths = listOf(found);
      assert.ok(found.complete);
      const expected = [...new Set(held)].filter((root) => distanceFrom(graph, roots, root, target) !== undefined);
      assert.deepEqual(new Set(paths.map(([root]) => root)), new Set(expected));
      assert.equal(paths.length, expected.length);
      for (const path of paths) {
        assert.equal(path.length - 1, distanceFrom(graph, roots, path[0], target));
        assert.equal(path.at(-1), target);
        path.slice(1).forEach((step, index) => {
          assert.ok(targetsOf(graph, path[index]).includes(step));
        });
      }
      const lengths = paths.map((path) => path.length);
      assert.deepEqual(
        lengths,
        lengths.toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 500 },
  );
});

test("at most as many paths as asked for, the same first ones, and it is said that there may be more", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(3), ({ graph, held }, most) => {
      const roots = bitsOf(graph, held);
      const referrers = reverseGraph(graph);
      const all = listOf(pathsFromRoots(referrers, roots, 0, graph.nodes + 1));
      const some = pathsFromRoots(referrers, roots, 0, most);
      assert.deepEqual(listOf(some), all.slice(0, most));
      if (all.length > most) assert.equal(some.complete, false);
    }),
  );
});

test("one scratch serves search after search", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const roots = bitsOf(graph, held);
      const referrers = reverseGraph(graph);
      const scratch = newPathScratch(graph.nodes);
      for (const target of nodesOf(graph)) {
        assert.deepEqual(pathsFromRoots(referrers, roots, target, 2, scratch), pathsFromRoots(referrers, roots, target, 2));
      }
    }),
  );
});
