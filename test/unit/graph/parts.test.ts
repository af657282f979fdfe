import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newBits, setBit } from "../../../src/base/bits.ts";
import { DisjointSets } from "../../../src/graph/disjoint-sets.ts";
import { shortestRing } from "../../../src/graph/ring.ts";
import { stronglyConnectedComponents } from "../../../src/graph/strongly-connected.ts";
import { subgraphOf } from "../../../src/graph/subgraph.ts";
import { heldGraphs } from "../../support/arbitrary-graphs.ts";
import { distances, nodesOf, pairsOf, targetsOf } from "../../support/graph-oracles.ts";

test("a part has its nodes and the edges between them", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.array(fc.nat(23)), ({ graph }, choice) => {
      const chosen = new Set(choice.filter((node) => node < graph.nodes));
      const bits = newBits(graph.nodes);
      for (const node of chosen) setBit(bits, node);
      const { graph: part, members } = subgraphOf(graph, bits);
      assert.deepEqual(
        [...members],
        [...chosen].sort((a, b) => a - b),
      );
      assert.deepEqual(
        pairsOf(part).map(([from, to]) => [members[from], members[to]]),
        pairsOf(graph).filter(([from, to]) => chosen.has(from) && chosen.has(to)),
      );
    }),
  );
});

test("items are in one set when a chain of joins leads from one to the other", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const sets = new DisjointSets(graph.nodes);
      const labels = nodesOf(graph);
      for (const [from, to] of pairsOf(graph)) {
        sets.join(from, to);
        const [kept, replaced] = [labels[from], labels[to]].sort((a, b) => a - b);
        for (const node of labels.keys()) if (labels[node] === replaced) labels[node] = kept;
      }
      const { count, setOf } = sets.numbered();
      const firsts = [...new Set(labels)].sort((a, b) => a - b);
      assert.equal(count, firsts.length);
      assert.deepEqual(
        [...setOf],
        labels.map((label) => firsts.indexOf(label)),
      );
    }),
  );
});

test("a ring is a shortest way back to its start", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const { componentOf } = stronglyConnectedComponents(graph);
      for (const start of nodesOf(graph)) {
        const ring = shortestRing(graph, componentOf, start);
        const back = Math.min(...targetsOf(graph, start).map((target) => distances(graph, [target])[start]));
        assert.equal(ring.length, back === Number.POSITIVE_INFINITY ? 0 : back + 1);
        for (const [at, node] of ring.entries()) assert.ok(targetsOf(graph, node).includes(ring[(at + 1) % ring.length]));
      }
    }),
  );
});
