/**
 * Retained sizes: what would go if a node went, cycles included. The sum over the node's part of the dominator tree.
 * O(nodes); a size takes 4 or 8 bytes a node, a count 4, there is no scratch.
 */
import type { DominatorTree } from "./dominators.ts";
import type { Graph, Weights } from "./graph.ts";

/** Above it 32 bits are not enough. */
const MOST_WORD = 0xffff_ffff;

/**
 * Retained size of each node in the unit of `sizes`, exact below 2^53; item `nodes` is the total of all that is reached. A node
 * that nothing reaches retains itself. In 32 bits if `sizes` are, and all of them together still fit.
 */
export function retainedSizes(tree: DominatorTree, sizes: Weights): Weights {
  const weights = sizes.subarray(0, tree.nodes);
  const retained = fitsWord(weights) ? new Uint32Array(tree.nodes + 1) : new Float64Array(tree.nodes + 1);
  retained.set(weights);
  sumUpwards(tree, retained);
  return retained;
}

/** True for whole numbers whose sum, and so that of any of them, has 32 bits. */
function fitsWord(weights: Weights): boolean {
  if (!(weights instanceof Uint32Array)) return false;
  let sum = 0;
  for (let node = 0; node < weights.length; node++) sum += weights[node];
  return sum <= MOST_WORD;
}

/** How many nodes each node retains, itself included; item `nodes` is how many are reached. */
export function retainedCounts(tree: DominatorTree): Uint32Array {
  const retained = new Uint32Array(tree.nodes + 1).fill(1, 0, tree.nodes);
  sumUpwards(tree, retained);
  return retained;
}

/** Adds each node's sum to its dominator's; folded nodes first, since they have no place in the order. */
function sumUpwards(tree: DominatorTree, sums: Weights): void {
  const { immediateDominators, order, folded } = tree;
  for (let word = 0; word < folded.length; word++) {
    for (let bits = folded[word]; bits !== 0; bits &= bits - 1) {
      const node = (word << 5) + 31 - Math.clz32(bits & -bits);
      const dominator = immediateDominators[node];
      if (dominator >= 0) sums[dominator] += sums[node];
    }
  }
  for (let index = order.length - 1; index > 0; index--) {
    const node = order[index];
    sums[immediateDominators[node]] += sums[node];
  }
}

/**
 * The dominator tree to walk down: an edge from each node to those that it immediately dominates, in ascending order. It has
 * one node more than the graph, the virtual root, which is the last. O(nodes), 8 bytes a node.
 */
export function dominatedNodes(tree: DominatorTree): Graph {
  const { nodes, immediateDominators } = tree;
  const offsets = new Uint32Array(nodes + 2);
  // Kept one place ahead: first a row's length, then its end, and after filling from the end its start.
  for (let node = 0; node < nodes; node++) if (immediateDominators[node] >= 0) offsets[immediateDominators[node] + 1]++;
  for (let node = 0; node <= nodes; node++) offsets[node + 1] += offsets[node];
  const edges = new Uint32Array(offsets[nodes + 1]);
  for (let node = nodes - 1; node >= 0; node--) {
    const dominator = immediateDominators[node];
    if (dominator >= 0) edges[--offsets[dominator + 1]] = node;
  }
  offsets.copyWithin(0, 1);
  offsets[nodes + 1] = edges.length;
  return { nodes: nodes + 1, offsets, edges };
}
