import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dominatorTree } from "../../../src/graph/dominators.ts";
import { freedAtOnceSizes } from "../../../src/graph/freed-at-once.ts";
import { reverseGraph } from "../../../src/graph/graph.ts";
import { dominatedNodes, retainedCounts, retainedSizes } from "../../../src/graph/retained.ts";
import { Scratch } from "../../../src/graph/scratch.ts";
import { graphOf, heldGraphs } from "../../support/arbitrary-graphs.ts";
import { freedWith, immediateDominator, nodesOf, reachable, retainedBy, targetsOf } from "../../support/graph-oracles.ts";

/** One bit for each node, so that a sum says which nodes are in it. */
function bitOf(node: number): number {
  return 2 ** node;
}

function sumOf(nodes: Iterable<number>): number {
  return [...nodes].reduce((sum, node) => sum + bitOf(node), 0);
}

test("retained is what can no longer be reached once the node is gone", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const tree = dominatorTree(graph, held);
      const retained = retainedSizes(tree, Float64Array.from(nodesOf(graph), bitOf));
      const counts = retainedCounts(tree);
      for (const node of nodesOf(graph)) {
        const expected = retainedBy(graph, held, node);
        assert.equal(retained[node], sumOf(expected));
        assert.equal(counts[node], expected.size);
      }
      const all = reachable(graph, held);
      assert.equal(retained[graph.nodes], sumOf(all));
      assert.equal(counts[graph.nodes], all.size);
    }),
    { numRuns: 1000 },
  );
});

test("sums beyond 32 bits stay exact", () => {
  const chain = graphOf(3, [
    [0, 1],
    [1, 2],
  ]);
  const sizes = Uint32Array.of(2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1);
  const retained = retainedSizes(dominatorTree(chain, Uint32Array.of(0)), sizes);
  assert.deepEqual(
    [...retained],
    [3, 2, 1, 3].map((times) => times * (2 ** 32 - 1)),
  );
});

test("sums of 32 bits are kept in 32, up to the largest", () => {
  const chain = graphOf(2, [[0, 1]]);
  const tree = dominatorTree(chain, Uint32Array.of(0));
  const fits = retainedSizes(tree, Uint32Array.of(2 ** 32 - 2, 1));
  assert.deepEqual(fits, Uint32Array.of(2 ** 32 - 1, 1, 2 ** 32 - 1));
  assert.deepEqual(retainedSizes(tree, Uint32Array.of(2 ** 32 - 1, 1)), Float64Array.of(2 ** 32, 1, 2 ** 32));
});

test("the tree to walk has an edge from each dominator to what it dominates", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const tree = dominatedNodes(dominatorTree(graph, held));
      assert.equal(tree.nodes, graph.nodes + 1);
      for (const dominator of nodesOf(tree)) {
        const dominated = nodesOf(graph).filter((node) => immediateDominator(graph, held, node) === dominator);
        assert.deepEqual(targetsOf(tree, dominator), dominated);
      }
    }),
  );
});

test("freed at once is what loses its last reference, step by step", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const tree = dominatorTree(graph, held);
      const freed = freedAtOnceSizes(tree, reverseGraph(graph), Float64Array.from(nodesOf(graph), bitOf));
      for (const node of reachable(graph, held)) assert.equal(freed[node], sumOf(freedWith(graph, held, node)));
    }),
    { numRuns: 2000 },
  );
});

test("in used memory the same is freed", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(120), ({ graph, held }, words) => {
      const tree = dominatorTree(graph, held);
      const sizes = new Float64Array(graph.nodes).fill(1);
      const scratch = new Scratch(new Int32Array(words).fill(77));
      const freed = freedAtOnceSizes(tree, reverseGraph(graph), sizes, scratch);
      assert.deepEqual(freed, freedAtOnceSizes(tree, reverseGraph(graph), sizes));
      assert.equal(scratch.mark(), 0);
    }),
  );
});

test("a cycle is retained by its holder and not freed with it", () => {
  const graph = graphOf(4, [
    [0, 1],
    [1, 2],
    [2, 1],
    [0, 3],
  ]);
  const tree = dominatorTree(graph, Uint32Array.of(0));
  const sizes = Uint32Array.of(1, 10, 100, 1000);
  assert.equal(retainedSizes(tree, sizes)[0], 1111);
  assert.equal(freedAtOnceSizes(tree, reverseGraph(graph), sizes)[0], 1001);
  // Without node 1 its only referrer's target goes, and node 2 with it.
  assert.equal(freedAtOnceSizes(tree, reverseGraph(graph), sizes)[1], 110);
});

test("many siblings that keep each other in a chain go one after another", () => {
  const nodes = 50_000;
  const spokes = Array.from({ length: nodes - 1 }, (_, index) => [0, index + 1] as const);
  const chain = Array.from({ length: nodes - 2 }, (_, index) => [index + 1, index + 2] as const);
  const graph = graphOf(nodes, [...spokes, ...chain]);
  const sizes = new Float64Array(nodes).fill(1);
  const freed = freedAtOnceSizes(dominatorTree(graph, Uint32Array.of(0)), reverseGraph(graph), sizes);
  assert.equal(freed[0], nodes);
  assert.equal(freed[1], 1);
});
