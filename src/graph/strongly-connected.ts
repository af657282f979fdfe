/**
 * Strongly connected components: nodes that reach each other, which in a heap are reference cycles.
 *
 * R. E. Tarjan, "Depth-first search and linear graph algorithms", 1972, in the space-saving form of D. J. Pearce, "A
 * space-efficient algorithm for finding strongly connected components", 2016, without recursion. O(nodes + edges). The result
 * takes 4 bytes a node; 8 bytes and one bit a node of scratch.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import type { Graph, Weights } from "./graph.ts";
import { Scratch } from "./scratch.ts";

export interface Components {
  readonly count: number;
  /** Component of each node. Numbered against the edges: an edge never leads to a component of a higher number. */
  readonly componentOf: Int32Array;
}

export function stronglyConnectedComponents(graph: Graph, scratch: Scratch = new Scratch()): Components {
  const { nodes, offsets, edges } = graph;
  const mark = scratch.mark();
  // 0 for a node that was not met, then the lowest visit number that it reaches, in the end a component number, counted
  // down from `nodes`: an open visit number is never above a component's, so a closed node looks like a later one.
  const low = new Int32Array(nodes);
  const cursors = scratch.take(nodes, 0);
  // The path of the search grows from the left, finished nodes whose component is open wait from the right: no node is in both.
  const stacks = scratch.take(nodes, 0);
  const reachesEarlier = newBits(nodes);
  let component = nodes;
  let visits = 1;
  let waiting = nodes;
  for (let start = 0; start < nodes; start++) {
    if (low[start] !== 0) continue;
    let depth = 0;
    stacks[depth++] = start;
    cursors[start] = offsets[start];
    low[start] = visits++;
    while (depth > 0) {
      const node = stacks[depth - 1];
      const end = offsets[node + 1];
      let edge = cursors[node];
      let next = -1;
      for (; edge < end; edge++) {
        const target = edges[edge];
        if (low[target] === 0) {
          next = target;
          break;
        }
        if (low[target] < low[node]) {
          low[node] = low[target];
          setBit(reachesEarlier, node);
        }
      }
      // The edge to `next` is looked at again afterwards: by then `low` says what `next` reaches.
      cursors[node] = edge;
      if (next >= 0) {
        stacks[depth++] = next;
        cursors[next] = offsets[next];
        low[next] = visits++;
        continue;
      }
      depth--;
      if (hasBit(reachesEarlier, node)) {
        stacks[--waiting] = node;
        continue;
      }
      // Everything that was visited after the first node of a component is closed with it, and its numbers are free again.
      visits = low[node];
      while (waiting < nodes && low[stacks[waiting]] >= visits) low[stacks[waiting++]] = component;
      low[node] = component--;
    }
  }
  for (let node = 0; node < nodes; node++) low[node] = nodes - low[node];
  scratch.release(mark);
  return { count: nodes - component, componentOf: low };
}

/** Sum of the weights of each component's nodes. O(nodes), 8 bytes a component. */
export function componentWeights(components: Components, weights: Weights): Float64Array {
  const sums = new Float64Array(components.count);
  for (let node = 0; node < components.componentOf.length; node++) sums[components.componentOf[node]] += weights[node];
  return sums;
}

/** How many nodes each component has. O(nodes), 4 bytes a component. */
export function componentSizes(components: Components): Uint32Array {
  const sizes = new Uint32Array(components.count);
  for (let node = 0; node < components.componentOf.length; node++) sizes[components.componentOf[node]]++;
  return sizes;
}

/** A bit for each component that is a cycle: it has several nodes, or one that refers to itself. O(nodes + edges). */
export function cyclicComponents(graph: Graph, components: Components): Uint32Array {
  const { nodes, offsets, edges } = graph;
  const { componentOf } = components;
  const cyclic = newBits(components.count);
  for (let node = 0; node < nodes; node++) {
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      if (componentOf[edges[edge]] === componentOf[node]) setBit(cyclic, componentOf[node]);
    }
  }
  return cyclic;
}

/**
 * The fewest nodes from which all that a search did not reach can be reached: the first node of every component that no other
 * unreached one refers to. Added to the roots, they let garbage have dominators too.
 *
 * @param reached negative for a node that was not reached, as in `levels` and `immediateDominators`.
 * O(nodes + edges); one bit a component.
 */
export function unreachedSources(graph: Graph, components: Components, reached: Int32Array): Uint32Array {
  const { nodes, offsets, edges } = graph;
  const { componentOf } = components;
  const spokenFor = newBits(components.count);
  for (let node = 0; node < nodes; node++) {
    if (reached[node] >= 0) continue;
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      if (componentOf[edges[edge]] !== componentOf[node]) setBit(spokenFor, componentOf[edges[edge]]);
    }
  }
  const sources = new Uint32Array(nodes);
  let length = 0;
  for (let node = 0; node < nodes; node++) {
    if (reached[node] >= 0 || hasBit(spokenFor, componentOf[node])) continue;
    setBit(spokenFor, componentOf[node]);
    sources[length++] = node;
  }
  return sources.slice(0, length);
}
