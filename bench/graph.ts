/**
 * `node --import tsx bench/graph.ts [NODES]`: processor time of each graph kernel, in milliseconds, on shapes of a heap that bring simpler
 * algorithms down and on a random graph, which no cache helps with. 1,000,000 nodes unless told. The best of RUNS (3).
 */
import { breadthFirst } from "../src/graph/breadth-first.ts";
import { dominatorTree } from "../src/graph/dominators.ts";
import { freedAtOnceSizes } from "../src/graph/freed-at-once.ts";
import { type Graph, reverseGraph } from "../src/graph/graph.ts";
import { mergePaths } from "../src/graph/merged-paths.ts";
import { retainedSizes } from "../src/graph/retained.ts";
import { stronglyConnectedComponents } from "../src/graph/strongly-connected.ts";
import {
  containersOfLeaves,
  doublyLinkedPlusIndex,
  ladder,
  queuePlusIndex,
  randomGraph,
} from "../test/support/shaped-graphs.ts";

const NODES = Number(process.argv[2] ?? 1_000_000);
const RUNS = Number(process.env.RUNS ?? 3);
const BRANCH_KINDS = 50;

const SHAPES: readonly (readonly [string, () => Graph, readonly number[]])[] = [
  ["queue and index", () => queuePlusIndex(NODES), [0]],
  ["doubly linked list and index", () => doublyLinkedPlusIndex(NODES), [0]],
  ["ladder", () => ladder(NODES), [0, 1]],
  ["containers of leaves", () => containersOfLeaves(NODES), [...Array(65).keys()]],
  ["random, 3 edges a node", () => randomGraph(NODES, 3), [0]],
];

console.log("| graph | nodes | edges | reverse | search | components | dominators | retained | freed at once | merged paths |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const [name, make, held] of SHAPES) {
  const graph = make();
  const times = Array.from({ length: RUNS }, () => timesOf(graph, Uint32Array.from(held)));
  const best = times[0].map((_, kernel) => Math.min(...times.map((run) => run[kernel])));
  const counts = [graph.nodes, graph.offsets[graph.nodes]].map((count) => count.toLocaleString("en"));
  console.log(`| ${[name, ...counts, ...best.map((time) => time.toFixed(0))].join(" | ")} |`);
}

/** Milliseconds of each kernel, in the order of the table. */
function timesOf(graph: Graph, held: Uint32Array): number[] {
  const times: number[] = [];
  const timed = <T>(kernel: () => T): T => {
    const before = process.cpuUsage();
    const result = kernel();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
    return result;
  };
  const sizes = new Uint32Array(graph.nodes).fill(64);
  const labels = Int32Array.from(sizes, (_, node) => node % BRANCH_KINDS);
  const targets = Uint32Array.from({ length: graph.nodes / 10 }, (_, index) => index * 10);
  const referrers = timed(() => reverseGraph(graph));
  const paths = timed(() => breadthFirst(graph, held));
  timed(() => stronglyConnectedComponents(graph));
  const tree = timed(() => dominatorTree(graph, held));
  timed(() => retainedSizes(tree, sizes));
  timed(() => freedAtOnceSizes(tree, referrers, sizes));
  timed(() => mergePaths(paths, targets, labels, sizes, true));
  return times;
}
