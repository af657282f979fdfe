import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { breadthFirst, pathTo } from "../../../src/graph/breadth-first.ts";
import { type MergedPaths, mergePaths } from "../../../src/graph/merged-paths.ts";
import { graphOf, heldGraphs } from "../../support/arbitrary-graphs.ts";

const LABELS = fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 24, maxLength: 24 });
const TARGETS = fc.array(fc.nat(23), { maxLength: 12 });

/** Labels from the first step to `branch`. */
function labelsTo(merged: MergedPaths, branch: number): number[] {
  const labels: number[] = [];
  for (let at = branch; at >= 0; at = merged.parents[at]) labels.unshift(merged.labels[at]);
  return labels;
}

function withoutRuns(labels: readonly number[]): number[] {
  return labels.filter((label, index) => index === 0 || label !== labels[index - 1]);
}

for (const joinRuns of [false, true]) {
  test(`paths with the same labels${joinRuns ? ", runs joined," : ""} are one branch, which counts and weighs them`, () => {
    fc.assert(
      fc.property(heldGraphs(), LABELS, TARGETS, ({ graph, held }, labels, anyTargets) => {
        const paths = breadthFirst(graph, held);
        const targets = Uint32Array.from(anyTargets, (target) => target % graph.nodes);
        const weights = Float64Array.from({ length: graph.nodes }, (_, node) => node + 0.5);
        const merged = mergePaths(paths, targets, Int32Array.from(labels), weights, joinRuns);
        const signature = (node: number): number[] => {
          const steps = [...pathTo(paths, node)].map((step) => labels[step]);
          return joinRuns ? withoutRuns(steps) : steps;
        };
        const reached = [...targets].filter((target) => paths.levels[target] >= 0);
        const branches = Array.from({ length: merged.length }, (_, branch) => labelsTo(merged, branch));
        const prefixes = reached.flatMap((target) => signature(target).map((_, end, all) => all.slice(0, end + 1)));
        assert.deepEqual(
          branches.map((branch) => branch.join()).sort(),
          [...new Set(prefixes.map((prefix) => prefix.join()))].sort(),
        );
        branches.forEach((branch, index) => {
          assert.ok(merged.parents[index] < index);
          assert.deepEqual(signature(merged.examples[index]), branch);
          const ending = reached.filter((target) => signature(target).join() === branch.join());
          const through = reached.filter((target) => signature(target).slice(0, branch.length).join() === branch.join());
          assert.equal(merged.ends[index], ending.length);
          assert.equal(merged.targets[index], through.length);
          const weight = through.reduce((sum, target) => sum + weights[target], 0);
          assert.equal(merged.weights[index], weight);
        });
      }),
      { numRuns: 500 },
    );
  });
}

test("a linked list of any length is one branch when runs are joined", () => {
  const length = 1000;
  const list = graphOf(
    length,
    Array.from({ length: length - 1 }, (_, node) => [node, node + 1] as const),
  );
  const labels = new Int32Array(length).fill(7);
  labels[0] = 3;
  const targets = Uint32Array.from({ length: length - 1 }, (_, index) => index + 1);
  const weights = new Uint32Array(length).fill(16);
  const merged = mergePaths(breadthFirst(list, Uint32Array.of(0)), targets, labels, weights, true);
  assert.deepEqual([...merged.labels], [3, 7]);
  assert.deepEqual([...merged.targets], [length - 1, length - 1]);
  assert.deepEqual([...merged.weights], [16 * (length - 1), 16 * (length - 1)]);
});
