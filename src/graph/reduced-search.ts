/**
 * The part of a heap that needs a dominator algorithm at all, numbered in the order of a depth-first search.
 *
 * Two reductions that lose nothing and pay on real heaps, where they leave a third to two thirds of the nodes and half of the
 * edges:
 * - A held node has nobody but the virtual root as dominator, so edges into it say nothing and are dropped: any way through
 *   such an edge can be replaced by the shorter one that starts at the held node.
 * - A node without edges that only one edge leads to is dominated by that edge's source; it is folded into it.
 *
 * O(nodes + edges); 4 bytes and two bits a node, 16 bytes a numbered node, 4 bytes an edge that is neither dropped nor part
 * of the search tree.
 */
import { newBits } from "../base/bits.ts";
import type { Graph } from "./graph.ts";
import type { Scratch } from "./scratch.ts";

/** In place of a number: not reached. */
export const UNREACHED = -1;
/** Held, not numbered yet. */
const HELD = -2;
/** Folded, not reached yet. */
const FOLDED = -3;
/** A folded node whose dominator is known has `FIRST_DOMINATED` less the dominator in place of a number. */
export const FIRST_DOMINATED = -4;

export interface ReducedSearch {
  /** Numbered nodes and one more, the virtual root, which has number 0. */
  readonly length: number;
  /** Number of each node from 1 on, or one of the values above, below 0. */
  readonly numbers: Int32Array;
  /** Node of each number; the first is `nodes`, which stands for the virtual root. */
  readonly order: Int32Array;
  /** Number of the parent in the search tree of each number; 0 exactly for held nodes and for the virtual root itself. */
  readonly parents: Int32Array;
  /** Of each number how many edges lead to it that `predecessorsOf` keeps. */
  readonly predecessorCounts: Int32Array;
  /** A bit for each node that is folded; it may still be unreached. */
  readonly folded: Uint32Array;
}

/** Searches from the virtual root, whose targets are the held nodes, in ascending order of nodes. */
export function searchReduced(graph: Graph, held: Uint32Array, scratch: Scratch): ReducedSearch {
  const { nodes, offsets, edges } = graph;
  const { folded, numbers, candidates } = foldLeaves(graph, held);
  const order = new Int32Array(candidates);
  const parents = scratch.take(candidates, 0);
  // One more: the predecessors turn counts into starts in place.
  const predecessorCounts = scratch.take(candidates + 1, 0);
  const mark = scratch.mark();
  const cursors = scratch.take(candidates, 0);
  order[0] = nodes;
  let length = 1;
  for (let root = 0; root < nodes; root++) {
    if (numbers[root] !== HELD) continue;
    numbers[root] = length;
    order[length] = root;
    cursors[length] = offsets[root];
    let current = length++;
    // The path back to the root is the search tree itself: no stack.
    while (current !== 0) {
      const node = order[current];
      const end = offsets[node + 1];
      let edge = cursors[current];
      let next = -1;
      // Each edge is met once, so all that predecessors and folded leaves need of it is noted here.
      while (edge < end && next < 0) {
        const target = edges[edge++];
        const number = numbers[target];
        if (number > 0) {
          if (isPredecessor(parents, number, current)) predecessorCounts[number]++;
        } else if (number === UNREACHED) next = target;
        else if (number === FOLDED) numbers[target] = FIRST_DOMINATED - node;
      }
      cursors[current] = edge;
      if (next < 0) {
        current = parents[current];
        continue;
      }
      numbers[next] = length;
      order[length] = next;
      parents[length] = current;
      cursors[length] = offsets[next];
      current = length++;
    }
  }
  scratch.release(mark);
  return { length, numbers, order: order.subarray(0, length), parents, predecessorCounts, folded };
}

/** False for edges into held nodes, for the edge of the search tree and for those parallel to it. */
function isPredecessor(parents: Int32Array, target: number, source: number): boolean {
  return parents[target] !== 0 && parents[target] !== source;
}

interface FoldedLeaves {
  readonly folded: Uint32Array;
  /** What a search starts from: nobody has a number. */
  readonly numbers: Int32Array;
  /** Nodes that may get one, and the virtual root. */
  readonly candidates: number;
}

/** Folds each node without edges that is held or that at most one edge leads to. */
function foldLeaves(graph: Graph, held: Uint32Array): FoldedLeaves {
  const { nodes, offsets, edges } = graph;
  const edgeCount = offsets[nodes];
  // Two bits a node stay in the cache where a count would not.
  const referred = newBits(nodes);
  const shared = newBits(nodes);
  for (let edge = 0; edge < edgeCount; edge++) {
    const target = edges[edge];
    const word = target >>> 5;
    const bit = 1 << (target & 31);
    const before = referred[word];
    if ((before & bit) === 0) referred[word] = before | bit;
    else shared[word] |= bit;
  }
  const numbers = new Int32Array(nodes).fill(UNREACHED);
  const folded = referred;
  let candidates = 1;
  for (let first = 0; first < nodes; first += 32) {
    const word = first >>> 5;
    const heldWord = held[word];
    const foldableWord = heldWord | ~shared[word];
    const end = Math.min(first + 32, nodes);
    let foldedWord = 0;
    for (let node = first, bit = 1; node < end; node++, bit <<= 1) {
      const isHeld = (heldWord & bit) !== 0;
      if ((foldableWord & bit) !== 0 && offsets[node] === offsets[node + 1]) {
        numbers[node] = isHeld ? FIRST_DOMINATED - nodes : FOLDED;
        foldedWord |= bit;
        continue;
      }
      if (isHeld) numbers[node] = HELD;
      candidates++;
    }
    folded[word] = foldedWord;
  }
  return { folded, numbers, candidates };
}

/** Edges of a reduced search turned round, by number, without tree edges (and edges parallel to them) and edges into held nodes. */
export interface Predecessors {
  readonly offsets: Int32Array;
  readonly edges: Int32Array;
}

/** Takes the place of the search's `predecessorCounts`. */
export function predecessorsOf(graph: Graph, search: ReducedSearch, scratch: Scratch): Predecessors {
  const { offsets, edges } = graph;
  const { length, numbers, order, parents, predecessorCounts: starts } = search;
  let sum = 0;
  for (let number = 0; number < length; number++) {
    sum += starts[number];
    starts[number] = sum;
  }
  starts[length] = sum;
  const sources = scratch.take(sum, 0);
  // Each row is filled from its end, so that its cursor stops at its start.
  for (let number = length - 1; number > 0; number--) {
    const node = order[number];
    for (let edge = offsets[node], end = offsets[node + 1]; edge < end; edge++) {
      const target = numbers[edges[edge]];
      if (target > 0 && isPredecessor(parents, target, number)) sources[--starts[target]] = number;
    }
  }
  return { offsets: starts, edges: sources };
}
