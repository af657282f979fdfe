/**
 * Immediate dominators of a numbered search, by number.
 *
 * T. Lengauer and R. E. Tarjan, "A fast algorithm for finding dominators in a flowgraph", 1979: the simple version, with path
 * compression without balancing, O(edges · log nodes), which beats the sophisticated one in practice (L. Georgiadis et al.,
 * "Finding dominators in practice", 2006). Semi-NCA of that paper and the iteration of K. D. Cooper, T. J. Harvey and
 * K. Kennedy, "A simple, fast dominance algorithm", 2001, are shorter, but quadratic on a queue whose items an index holds
 * as well, which real heaps have. 28 bytes a number of scratch, of which 4 are the result.
 */
import type { Predecessors } from "./reduced-search.ts";
import type { Scratch } from "./scratch.ts";

const NONE = -1;

export interface NumberedDominators {
  /** Number of the immediate dominator of each number; 0, the virtual root, for itself. */
  readonly dominators: Int32Array;
  /** Links that path compression followed: the measure of the work, for tests of the complexity. */
  readonly steps: number;
}

/** @param parents number of the parent in the search tree, for `length` numbers; @param predecessors edges outside of the tree. */
export function lengauerTarjan(
  length: number,
  parents: Int32Array,
  predecessors: Predecessors,
  scratch: Scratch,
): NumberedDominators {
  const { offsets, edges } = predecessors;
  const dominators = scratch.take(length, 0);
  const mark = scratch.mark();
  const semidominators = scratch.take(length, 0);
  const labels = scratch.take(length, 0);
  const ancestors = scratch.take(length, NONE);
  const path = scratch.take(length, 0);
  // Numbers that wait, by semidominator, for its subtree to be linked: a chain for each.
  const firstWaiting = scratch.take(length, NONE);
  const nextWaiting = scratch.take(length, NONE);
  let steps = 0;
  for (let number = 0; number < length; number++) {
    semidominators[number] = number;
    labels[number] = number;
  }
  for (let number = length - 1; number > 0; number--) {
    const parent = parents[number];
    // The tree edge: the parent is not linked yet, so it counts as itself.
    let semidominator = parent;
    for (let edge = offsets[number], end = offsets[number + 1]; edge < end; edge++) {
      let candidate = edges[edge];
      if (candidate > number) {
        steps += compress(candidate, semidominators, labels, ancestors, path);
        candidate = semidominators[labels[candidate]];
      }
      if (candidate < semidominator) semidominator = candidate;
    }
    semidominators[number] = semidominator;
    nextWaiting[number] = firstWaiting[semidominator];
    firstWaiting[semidominator] = number;
    ancestors[number] = parent;
    for (let waiting = firstWaiting[parent]; waiting !== NONE; waiting = nextWaiting[waiting]) {
      steps += compress(waiting, semidominators, labels, ancestors, path);
      const best = labels[waiting];
      dominators[waiting] = semidominators[best] < parent ? best : parent;
    }
    firstWaiting[parent] = NONE;
  }
  for (let number = 1; number < length; number++) {
    // Until here some only name a number with the same dominator, which is smaller and therefore settled.
    if (dominators[number] !== semidominators[number]) dominators[number] = dominators[dominators[number]];
  }
  scratch.release(mark);
  return { dominators, steps };
}

/**
 * Makes `labels[start]` the number with the least semidominator on the way from `start` up to below the top of its linked tree,
 * and lets every number on the way point below that top. `start` is linked. Returns the links followed.
 */
function compress(
  start: number,
  semidominators: Int32Array,
  labels: Int32Array,
  ancestors: Int32Array,
  path: Int32Array,
): number {
  let depth = 0;
  let at = start;
  for (let above = ancestors[at]; ancestors[above] !== NONE; above = ancestors[at]) {
    path[depth++] = at;
    at = above;
  }
  const links = depth + 1;
  while (depth > 0) {
    const below = path[--depth];
    const above = ancestors[below];
    if (semidominators[labels[above]] < semidominators[labels[below]]) labels[below] = labels[above];
    ancestors[below] = ancestors[above];
  }
  return links;
}
