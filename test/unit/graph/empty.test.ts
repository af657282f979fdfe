import assert from "node:assert/strict";
import { test } from "node:test";
import { newBits } from "../../../src/base/bits.ts";
import { breadthFirst, pathTo } from "../../../src/graph/breadth-first.ts";
import { dominatorTree } from "../../../src/graph/dominators.ts";
import { freedAtOnceSizes } from "../../../src/graph/freed-at-once.ts";
import { graphFromEdges, reverseGraph } from "../../../src/graph/graph.ts";
import { mergePaths } from "../../../src/graph/merged-paths.ts";
import { dominatedNodes, retainedSizes } from "../../../src/graph/retained.ts";
import { pathsFromRoots } from "../../../src/graph/root-paths.ts";
import { stronglyConnectedComponents, unreachedSources } from "../../../src/graph/strongly-connected.ts";

const NOTHING = new Uint32Array(0);

test("a graph without nodes has answers without items", () => {
  const graph = graphFromEdges(0, NOTHING, NOTHING);
  const tree = dominatorTree(graph, NOTHING);
  const paths = breadthFirst(graph, NOTHING);
  const components = stronglyConnectedComponents(graph);
  assert.deepEqual([...reverseGraph(graph).offsets], [0]);
  assert.deepEqual([...tree.order], [0], "the virtual root alone");
  assert.deepEqual([...retainedSizes(tree, NOTHING)], [0]);
  assert.equal(freedAtOnceSizes(tree, graph, NOTHING).length, 0);
  assert.deepEqual([...dominatedNodes(tree).offsets], [0, 0]);
  assert.equal(components.count, 0);
  assert.equal(unreachedSources(graph, components, paths.levels).length, 0);
  assert.equal(mergePaths(paths, NOTHING, new Int32Array(0), NOTHING, true).length, 0);
});

test("where nothing is held, nothing is reached, and every node keeps to itself", () => {
  const graph = graphFromEdges(3, Uint32Array.of(0, 1), Uint32Array.of(1, 0));
  const tree = dominatorTree(graph, NOTHING);
  const sizes = Uint32Array.of(1, 2, 4);
  const paths = breadthFirst(graph, NOTHING);
  assert.deepEqual([...tree.immediateDominators], [-1, -1, -1]);
  assert.deepEqual([...retainedSizes(tree, sizes)], [1, 2, 4, 0]);
  assert.deepEqual([...freedAtOnceSizes(tree, reverseGraph(graph), sizes)], [1, 2, 4]);
  assert.deepEqual([...unreachedSources(graph, stronglyConnectedComponents(graph), paths.levels)], [0, 2]);
  assert.equal(pathTo(paths, 0).length, 0);
  assert.equal(pathsFromRoots(reverseGraph(graph), newBits(3), 0, 5).count, 0);
  assert.equal(mergePaths(paths, Uint32Array.of(0, 1), Int32Array.of(1, 1, 1), sizes, false).length, 0);
});
