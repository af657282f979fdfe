import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit } from "../../../src/base/bits.ts";
import { breadthFirst } from "../../../src/graph/breadth-first.ts";
import { graphFromEdges } from "../../../src/graph/graph.ts";
import { Scratch } from "../../../src/graph/scratch.ts";
import {
  componentSizes,
  componentWeights,
  cyclicComponents,
  stronglyConnectedComponents,
  unreachedSources,
} from "../../../src/graph/strongly-connected.ts";
import { heldGraphs } from "../../support/arbitrary-graphs.ts";
import { componentOf, nodesOf, pairsOf, reachable, targetsOf } from "../../support/graph-oracles.ts";

test("two nodes share a component exactly when each reaches the other", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const components = stronglyConnectedComponents(graph);
      const oracle = nodesOf(graph).map((node) => componentOf(graph, node));
      for (const node of nodesOf(graph)) {
        const mates = nodesOf(graph).filter((other) => components.componentOf[other] === components.componentOf[node]);
        assert.deepEqual(new Set(mates), oracle[node]);
        assert.equal(componentSizes(components)[components.componentOf[node]], mates.length);
      }
      const numbers = new Set(components.componentOf);
      assert.deepEqual(
        [...numbers].sort((a, b) => a - b),
        Array.from({ length: components.count }, (_, n) => n),
      );
    }),
    { numRuns: 300 },
  );
});

test("no edge leads to a component of a higher number", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const { componentOf: of } = stronglyConnectedComponents(graph);
      for (const [from, to] of pairsOf(graph)) assert.ok(of[to] <= of[from]);
    }),
  );
});

test("a component is cyclic when one of its nodes can come back to itself", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const components = stronglyConnectedComponents(graph);
      const cyclic = cyclicComponents(graph, components);
      for (const node of nodesOf(graph)) {
        const comesBack = reachable(graph, targetsOf(graph, node)).has(node);
        assert.equal(hasBit(cyclic, components.componentOf[node]), comesBack);
      }
    }),
  );
});

test("weights of components add up", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph }) => {
      const components = stronglyConnectedComponents(graph);
      const weights = Float64Array.from(nodesOf(graph), (node) => 2 ** node);
      const sums = componentWeights(components, weights);
      for (const node of nodesOf(graph)) {
        const expected = [...componentOf(graph, node)].reduce((sum, mate) => sum + 2 ** mate, 0);
        assert.equal(sums[components.componentOf[node]], expected);
      }
    }),
  );
});

test("sources of what is unreached reach all of it, and none can be spared", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const { levels } = breadthFirst(graph, held);
      const sources = [...unreachedSources(graph, stronglyConnectedComponents(graph), levels)];
      assert.equal(reachable(graph, [...held, ...sources]).size, graph.nodes);
      for (const source of sources) {
        const others = [...held, ...sources.filter((other) => other !== source)];
        assert.ok(reachable(graph, others).size < graph.nodes);
      }
    }),
  );
});

test("a ring of 300,000 nodes is one component, and needs no recursion", () => {
  const nodes = 300_000;
  const sources = Uint32Array.from({ length: nodes }, (_, node) => node);
  const targets = sources.map((node) => (node + 1) % nodes);
  assert.equal(stronglyConnectedComponents(graphFromEdges(nodes, sources, targets)).count, 1);
});

test("used memory as scratch changes nothing, and is left free again", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(60), ({ graph }, words) => {
      const scratch = new Scratch(new Int32Array(words).fill(77));
      assert.deepEqual(stronglyConnectedComponents(graph, scratch), stronglyConnectedComponents(graph));
      assert.equal(scratch.mark(), 0);
    }),
  );
});
