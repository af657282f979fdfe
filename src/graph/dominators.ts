/**
 * The dominator tree of a graph with held nodes: who, if it went, would take a node along.
 *
 * A virtual root refers to every held node. Node d dominates node n when every way from the virtual root to n leads through d;
 * the last of them before n is its immediate dominator. Reduction, numbering, Lengauer–Tarjan: see the files of these names.
 *
 * O(nodes + edges · log nodes). The result takes 8 bytes and one bit a node; up to 40 bytes a numbered node and 4 bytes an
 * edge of scratch.
 */
import { newBits, setBit } from "../base/bits.ts";
import type { Graph } from "./graph.ts";
import { lengauerTarjan } from "./lengauer-tarjan.ts";
import { FIRST_DOMINATED, predecessorsOf, searchReduced, UNREACHED } from "./reduced-search.ts";
import { Scratch } from "./scratch.ts";

export interface DominatorTree {
  readonly nodes: number;
  /** Of each node the immediate dominator; `nodes` stands for the virtual root, -1 for a node that no held one reaches. */
  readonly immediateDominators: Int32Array;
  /** Nodes that may dominate others, each behind its dominator; the first is `nodes`, the virtual root. */
  readonly order: Int32Array;
  /** A bit for each node that was folded: it dominates nothing and is not in `order`. */
  readonly folded: Uint32Array;
  /** Links followed by path compression; see `lengauerTarjan`. */
  readonly steps: number;
}

/** @param held nodes that something outside of the graph refers to; more than once is as good as once. */
export function dominatorTree(graph: Graph, held: Uint32Array, scratch: Scratch = new Scratch()): DominatorTree {
  const mark = scratch.mark();
  const heldBits = newBits(graph.nodes);
  for (let index = 0; index < held.length; index++) setBit(heldBits, held[index]);
  const search = searchReduced(graph, heldBits, scratch);
  const predecessors = predecessorsOf(graph, search, scratch);
  const { dominators, steps } = lengauerTarjan(search.length, search.parents, predecessors, scratch);
  const { order, folded, numbers } = search;
  nameDominators(order, dominators, numbers);
  scratch.release(mark);
  return { nodes: graph.nodes, immediateDominators: numbers, order, folded, steps };
}

/** Turns each node's number, or what is in its place, into the node that dominates it. */
function nameDominators(order: Int32Array, dominators: Int32Array, numbers: Int32Array): void {
  for (let node = 0; node < numbers.length; node++) {
    const number = numbers[node];
    if (number > 0) numbers[node] = order[dominators[number]];
    // What is folded still is referred to by nothing that was reached.
    else numbers[node] = number <= FIRST_DOMINATED ? FIRST_DOMINATED - number : UNREACHED;
  }
}
