/** The shortest way round a cycle. */
import type { Graph } from "./graph.ts";

/** Nodes that a search may look at before it gives up. */
const MOST_NODES = 100_000;

/**
 * The nodes of a shortest cycle through `start`, which is the first; the last refers to it. Empty when none is found among the
 * nodes of `start`'s component within `MOST_NODES` steps.
 *
 * @param componentOf strongly connected component of each node
 */
export function shortestRing(graph: Graph, componentOf: Int32Array, start: number): number[] {
  const { offsets, edges } = graph;
  const parents = new Map<number, number>([[start, -1]]);
  const queue = [start];
  for (let head = 0; head < queue.length && queue.length < MOST_NODES; head++) {
    const node = queue[head];
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      const target = edges[edge];
      if (target === start) return wayTo(parents, node);
      if (componentOf[target] !== componentOf[start] || parents.has(target)) continue;
      parents.set(target, node);
      queue.push(target);
    }
  }
  return [];
}

function wayTo(parents: ReadonlyMap<number, number>, last: number): number[] {
  const ring: number[] = [];
  for (let node: number | undefined = last; node !== undefined && node >= 0; node = parents.get(node)) ring.push(node);
  return ring.reverse();
}
