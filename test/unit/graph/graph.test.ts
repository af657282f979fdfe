import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newBits, setBit } from "../../../src/base/bits.ts";
import { graphFromEdges, inDegrees, reverseGraph, withoutEdges } from "../../../src/graph/graph.ts";
import { heldGraphs } from "../../support/arbitrary-graphs.ts";
import { nodesOf, pairsOf, targetsOf } from "../../support/graph-oracles.ts";

const EDGES = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 60 });

test("edges in any order become rows that keep each source's order", () => {
  fc.assert(
    fc.property(EDGES, (edges) => {
      const sources = Uint32Array.from(edges, ([source]) => source);
      const targets = Uint32Array.from(edges, ([, target]) => target);
      const graph = graphFromEdges(10, sources, targets);
      for (const node of nodesOf(graph)) {
        assert.deepEqual(
          targetsOf(graph, node),
          edges.filter(([source]) => source === node).map(([, target]) => target),
        );
      }
    }),
  );
});

test("a reversed graph has every edge turned round, referrers ascending", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const reversed = reverseGraph(graph);
      const turned = pairsOf(graph).map(([from, to]): [number, number] => [to, from]);
      assert.deepEqual(
        pairsOf(reversed),
        turned.sort(([a, b], [c, d]) => a - c || b - d),
      );
      for (const node of nodesOf(graph)) {
        const referrers = targetsOf(reversed, node);
        assert.deepEqual(
          referrers,
          referrers.toSorted((a, b) => a - b),
        );
        assert.equal(inDegrees(graph)[node], referrers.length);
      }
    }),
  );
});

test("room behind the edges is not part of the graph", () => {
  const graph = { nodes: 2, offsets: Uint32Array.of(0, 1, 1), edges: Uint32Array.of(1, 0, 0, 0) };
  assert.deepEqual([...inDegrees(graph)], [0, 1]);
  assert.deepEqual(pairsOf(reverseGraph(graph)), [[1, 0]]);
});

test("dropped edges are left out, the others keep their order", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.func(fc.boolean()), ({ graph }, isDropped) => {
      const dropped = newBits(graph.offsets[graph.nodes]);
      for (let edge = 0; edge < graph.offsets[graph.nodes]; edge++) if (isDropped(edge)) setBit(dropped, edge);
      const left = withoutEdges(graph, dropped);
      for (const node of nodesOf(graph)) {
        const kept = targetsOf(graph, node).filter((_, index) => !isDropped(graph.offsets[node] + index));
        assert.deepEqual(targetsOf(left, node), kept);
      }
    }),
  );
});
