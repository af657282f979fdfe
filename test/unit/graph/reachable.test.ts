import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit, newBits, setBit } from "../../../src/base/bits.ts";
import { reachableNodes } from "../../../src/graph/reachable.ts";
import { heldGraphs } from "../../support/arbitrary-graphs.ts";
import { nodesOf, reachable } from "../../support/graph-oracles.ts";

test("reached is what some way leads to from a start", () => {
  fc.assert(
    fc.property(heldGraphs(), ({ graph, held }) => {
      const reached = reachableNodes(graph, held);
      assert.deepEqual(
        nodesOf(graph).filter((node) => hasBit(reached, node)),
        [...reachable(graph, held)].sort((a, b) => a - b),
      );
    }),
  );
});

test("no way leads through a barred node", () => {
  fc.assert(
    fc.property(heldGraphs(), fc.nat(), ({ graph, held }, choice) => {
      const node = choice % graph.nodes;
      const barred = newBits(graph.nodes);
      setBit(barred, node);
      const reached = reachableNodes(graph, held, barred);
      assert.deepEqual(
        nodesOf(graph).filter((other) => hasBit(reached, other)),
        [...reachable(graph, held, node)].sort((a, b) => a - b),
      );
    }),
  );
});
