/**
 * Many paths as one tree: paths whose steps look alike, by a label that the caller gives, become one branch with how many
 * nodes it leads to and how much they weigh.
 *
 * O(targets + reached nodes). Up to 28 bytes for each node on a path of scratch; 32 bytes a branch and 4 bytes a node of result.
 */
import type { ShortestPaths } from "./breadth-first.ts";
import type { Weights } from "./graph.ts";

/** Branches, each behind its parent. */
export interface MergedPaths {
  readonly length: number;
  /** The branch before, -1 for the first step of a path. */
  readonly parents: Int32Array;
  readonly labels: Int32Array;
  /** Targets that this branch ends at. */
  readonly ends: Uint32Array;
  /** Targets that this branch or one behind it ends at, and what they weigh. */
  readonly targets: Uint32Array;
  readonly weights: Float64Array;
  /** A node whose path is this branch: the first that was met. */
  readonly examples: Int32Array;
  /** Of each node on a path to a target the branch that it is part of, -1 for the others. */
  readonly branchOf: Int32Array;
}

/**
 * Merges the shortest paths to `targets`; a target that no path reaches is left out, one that is named twice counts twice.
 *
 * @param labels for each node what leads to it from its parent on the shortest path (of a start: what it is).
 * @param joinRuns a step with the label of the step before it adds nothing: `next`, `next`, `next` of a linked list is one
 *   branch, whatever its length.
 */
export function mergePaths(
  paths: ShortestPaths,
  targets: Uint32Array,
  labels: Int32Array,
  weights: Weights,
  joinRuns: boolean,
): MergedPaths {
  const branchOf = new Int32Array(paths.parents.length).fill(-1);
  const onPath = nodesOnPaths(paths, targets, branchOf);
  const branches = new Branches(onPath);
  // Nearest first: a node's parent has its branch before it.
  for (let index = 0; index < paths.order.length; index++) {
    const node = paths.order[index];
    if (branchOf[node] !== MARKED) continue;
    const parent = paths.parents[node] < 0 ? -1 : branchOf[paths.parents[node]];
    const isRun = joinRuns && parent >= 0 && branches.labels[parent] === labels[node];
    branchOf[node] = isRun ? parent : branches.findOrAdd(parent, labels[node], node);
  }
  return branches.summed(targets, branchOf, weights);
}

const MARKED = -2;

/** Marks the nodes on the paths to the targets and counts them. Stops at what is marked, so each is met once. */
function nodesOnPaths(paths: ShortestPaths, targets: Uint32Array, branchOf: Int32Array): number {
  let count = 0;
  for (let index = 0; index < targets.length; index++) {
    if (paths.levels[targets[index]] < 0) continue;
    for (let node = targets[index]; node >= 0 && branchOf[node] !== MARKED; node = paths.parents[node]) {
      branchOf[node] = MARKED;
      count++;
    }
  }
  return count;
}

/** A table of branches by parent and label with open addressing. */
class Branches {
  readonly labels: Int32Array;
  private length = 0;
  private readonly parents: Int32Array;
  private readonly examples: Int32Array;
  private readonly slots: Int32Array;

  constructor(most: number) {
    this.labels = new Int32Array(most);
    this.parents = new Int32Array(most);
    this.examples = new Int32Array(most);
    // A power of two, at most half full.
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(most + 1) + 1)).fill(-1);
  }

  findOrAdd(parent: number, label: number, example: number): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(parent, label) & mask;
    for (let branch = this.slots[slot]; branch >= 0; branch = this.slots[slot]) {
      if (this.parents[branch] === parent && this.labels[branch] === label) return branch;
      slot = (slot + 1) & mask;
    }
    const branch = this.length++;
    this.slots[slot] = branch;
    this.parents[branch] = parent;
    this.labels[branch] = label;
    this.examples[branch] = example;
    return branch;
  }

  summed(targets: Uint32Array, branchOf: Int32Array, weightOf: Weights): MergedPaths {
    const { length } = this;
    const parents = this.parents.slice(0, length);
    const ends = new Uint32Array(length);
    const weights = new Float64Array(length);
    for (let index = 0; index < targets.length; index++) {
      const branch = branchOf[targets[index]];
      if (branch < 0) continue;
      ends[branch]++;
      weights[branch] += weightOf[targets[index]];
    }
    const through = ends.slice();
    for (let branch = length - 1; branch >= 0; branch--) {
      if (parents[branch] < 0) continue;
      through[parents[branch]] += through[branch];
      weights[parents[branch]] += weights[branch];
    }
    const labels = this.labels.slice(0, length);
    return { length, parents, labels, ends, targets: through, weights, examples: this.examples.slice(0, length), branchOf };
  }
}

/** Multiplies by the odd numbers of MurmurHash3's finalizer, so that neighbouring labels do not cluster. */
function hashOf(parent: number, label: number): number {
  let hash = Math.imul(parent, 0x85ebca6b) ^ Math.imul(label, 0xc2b2ae35);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x85ebca6b) ^ (hash >>> 13);
}
