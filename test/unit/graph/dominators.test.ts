import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dominatorTree } from "../../../src/graph/dominators.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { Scratch } from "../../../src/graph/scratch.ts";
import { graphOf, heldGraphs } from "../../support/arbitrary-graphs.ts";
import { immediateDominator, nodesOf } from "../../support/graph-oracles.ts";
import { doublyLinkedPlusIndex, ladder, queuePlusIndex, randomGraph } from "../../support/shaped-graphs.ts";

test("immediate dominators are those that taking nodes away shows", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const { immediateDominators } = dominatorTree(graph, held);
      const expected = nodesOf(graph).map((node) => immediateDominator(graph, held, node));
      assert.deepEqual([...immediateDominators], expected);
    }),
    { numRuns: 1000 },
  );
});

test("in the order every dominator comes before what it dominates, and folded nodes dominate nothing", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const tree = dominatorTree(graph, held);
      const place = new Map([...tree.order].map((node, index) => [node, index]));
      assert.equal(place.get(graph.nodes), 0);
      for (const node of nodesOf(graph)) {
        const dominator = tree.immediateDominators[node];
        if (dominator < 0) assert.ok(!place.has(node));
        else assert.ok((place.get(dominator) ?? Number.NaN) < (place.get(node) ?? Number.POSITIVE_INFINITY));
      }
    }),
  );
});

test("used memory as scratch changes nothing, and is left free again", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(400), ({ graph, held }, words) => {
      const scratch = new Scratch(new Int32Array(words).fill(77));
      assert.deepEqual(dominatorTree(graph, held, scratch), dominatorTree(graph, held));
      assert.equal(scratch.mark(), 0);
    }),
  );
});

test("Lengauer and Tarjan's own example", () => {
  // Figure 1 of the paper; R, A to L are 0 to 12.
  const [r, a, b, c, d, e, f, g, h, i, j, k, l] = Array.from({ length: 13 }, (_, node) => node);
  const graph = graphOf(13, [
    ...[a, b, c].map((to) => [r, to] as const),
    [a, d],
    ...[a, d, e].map((to) => [b, to] as const),
    ...[f, g].map((to) => [c, to] as const),
    [d, l],
    [e, h],
    [f, i],
    ...[i, j].map((to) => [g, to] as const),
    ...[e, k].map((to) => [h, to] as const),
    [i, k],
    [j, i],
    ...[r, i].map((to) => [k, to] as const),
    [l, h],
  ]);
  const { immediateDominators } = dominatorTree(graph, Uint32Array.of(r));
  assert.deepEqual([...immediateDominators], [13, r, r, r, r, r, c, c, r, r, g, r, d]);
});

test("items of a queue that an index holds as well belong to where both ways part", () => {
  const nodes = 1000;
  const { immediateDominators } = dominatorTree(queuePlusIndex(nodes), Uint32Array.of(0));
  for (let item = nodes / 2; item < nodes; item++) assert.equal(immediateDominators[item], 1);
});

/** Work of the kernel for each node and edge. */
function stepsPerItem(graph: Graph): number {
  return dominatorTree(graph, Uint32Array.of(0, 1)).steps / (graph.nodes + graph.offsets[graph.nodes]);
}

const SHAPES: readonly (readonly [string, (nodes: number) => Graph])[] = [
  ["a queue plus an index", queuePlusIndex],
  ["a doubly linked list plus an index", doublyLinkedPlusIndex],
  ["a ladder", ladder],
  ["a random graph", (nodes) => randomGraph(nodes, 3)],
];

for (const [name, make] of SHAPES) {
  test(`the work for ${name} grows like its size`, () => {
    // What is quadratic does 64 times as much for each item of a graph 64 times as large; the logarithm of the bound allows 1.6.
    const small = stepsPerItem(make(2_000));
    const large = stepsPerItem(make(128_000));
    assert.ok(small > 0, "the shape makes the kernel work at all");
    assert.ok(large <= small * 2 + 1, `${large.toFixed(2)} steps an item, ${small.toFixed(2)} in a small one`);
  });
}
