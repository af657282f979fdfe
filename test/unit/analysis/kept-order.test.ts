import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OrderKeeper } from "../../../src/analysis/kept-order.ts";
import { graphOf } from "../../support/arbitrary-graphs.ts";

const NODES = 12;
/** Node 0 is the container, the others are what it holds, each once. */
const contents = fc.uniqueArray(fc.integer({ min: 1, max: NODES - 1 }), { maxLength: NODES, size: "max" });

function kept(before: readonly number[], after: readonly number[], ordered: boolean): number[] {
  const graph = (targets: readonly number[]) =>
    graphOf(
      NODES,
      targets.map((target) => [0, target] as const),
    );
  const same = Int32Array.from({ length: NODES }, (_, node) => node);
  const taken: number[] = [];
  new OrderKeeper(NODES).keptTargets(graph(before), 0, graph(after), same, ordered, (target) => taken.push(target));
  return taken;
}

/** Length of the longest sequence that both have in order, by trying all (dynamic programming). */
function longestCommon(a: readonly number[], b: readonly number[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const item of a) {
    const next = [0];
    for (const [at, other] of b.entries()) next.push(item === other ? row[at] + 1 : Math.max(row[at + 1], next[at]));
    row = next;
  }
  return row[b.length];
}

test("of an ordered container a longest sequence that kept its order is taken", () => {
  fc.assert(
    fc.property(contents, contents, (before, after) => {
      const taken = new Set(kept(before, after, true));
      const inOrder = (items: readonly number[]) => items.filter((item) => taken.has(item));
      assert.deepEqual(inOrder(before), inOrder(after));
      assert.equal(taken.size, longestCommon(before, after));
    }),
  );
});

test("of a set everything that is in both is taken", () => {
  fc.assert(
    fc.property(contents, contents, (before, after) => {
      assert.deepEqual(new Set(kept(before, after, false)), new Set(before.filter((item) => after.includes(item))));
    }),
  );
});
