/**
 * Breadth-first search: the shortest way from any of several starts to every node.
 *
 * O(nodes + edges); results take 12 bytes a node, there is no other memory: the queue is the result `order`.
 */
import type { Graph } from "./graph.ts";

export interface ShortestPaths {
  /** The nodes that were reached, nearest first: starts, then their targets, and so on; later starts and theirs behind them. */
  readonly order: Int32Array;
  /** Edges on the shortest way from a start, 0 for a start, -1 for a node that was not reached. */
  readonly levels: Int32Array;
  /** The node before on the shortest way, -1 for starts and for nodes that were not reached. */
  readonly parents: Int32Array;
}

/**
 * Shortest paths from `starts`; of several shortest ways the one found first, by the order of starts and edges.
 *
 * @param laterStarts each serves only nodes that those before it do not reach.
 */
export function breadthFirst(graph: Graph, starts: Uint32Array, ...laterStarts: readonly Uint32Array[]): ShortestPaths {
  const { nodes, offsets, edges } = graph;
  const queue = new Int32Array(nodes);
  const levels = new Int32Array(nodes).fill(-1);
  const parents = new Int32Array(nodes).fill(-1);
  let head = 0;
  let tail = 0;
  for (const wave of [starts, ...laterStarts]) {
    for (let index = 0; index < wave.length; index++) {
      const start = wave[index];
      if (levels[start] >= 0) continue;
      levels[start] = 0;
      queue[tail++] = start;
    }
    for (; head < tail; head++) {
      const node = queue[head];
      const level = levels[node] + 1;
      const end = offsets[node + 1];
      for (let edge = offsets[node]; edge < end; edge++) {
        const target = edges[edge];
        if (levels[target] >= 0) continue;
        levels[target] = level;
        parents[target] = node;
        queue[tail++] = target;
      }
    }
  }
  return { order: queue.subarray(0, tail), levels, parents };
}

/** The nodes from the start to `node`, both included; empty when it was not reached. */
export function pathTo(paths: ShortestPaths, node: number): Int32Array {
  const path = new Int32Array(paths.levels[node] + 1);
  for (let step = path.length - 1, at = node; step >= 0; step--, at = paths.parents[at]) path[step] = at;
  return path;
}
