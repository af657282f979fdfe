/**
 * Why one node is alive: the shortest path to it from each root that holds it, nearest root first.
 *
 * A breadth-first search against the edges. O(nodes + edges) at worst, mostly far less, since a path ends at the first root and
 * the search at the wanted number of paths. 8 bytes a node of scratch that is reused from search to search.
 */
import { hasBit } from "../base/bits.ts";
import type { Graph } from "./graph.ts";

/** The paths one after another: nodes of path `p` are `nodes[offsets[p]]` up to `nodes[offsets[p + 1]]`, root first. */
export interface RootPaths {
  readonly count: number;
  readonly offsets: Uint32Array;
  readonly nodes: Uint32Array;
  /** False when the search stopped at `mostPaths`, so that there may be more. */
  readonly complete: boolean;
}

/** Memory of a search; one serves any number of searches in graphs of as many nodes, one after another. */
export interface PathScratch {
  /** Node that a node was found from, which is the next on the way to the target; -1 for nodes that were not found. */
  readonly nextNodes: Int32Array;
  readonly queue: Int32Array;
}

export function newPathScratch(nodes: number): PathScratch {
  return { nextNodes: new Int32Array(nodes).fill(-1), queue: new Int32Array(nodes) };
}

/**
 * Shortest paths to `target`, at most `mostPaths`, one for each root. A path never leads through another root (of `ends`), except
 * that a target that is itself a root has that as its first path and is searched all the same.
 *
 * @param referrers the graph turned round.
 * @param roots a bit for each root.
 * @param ends a bit for each root that no path leads through; all of them if not given.
 */
export function pathsFromRoots(
  referrers: Graph,
  roots: Uint32Array,
  target: number,
  mostPaths: number,
  scratch: PathScratch = newPathScratch(referrers.nodes),
  ends: Uint32Array = roots,
): RootPaths {
  const { offsets, edges } = referrers;
  const { nextNodes, queue } = scratch;
  const found: number[] = [];
  let tail = 0;
  queue[tail++] = target;
  nextNodes[target] = target;
  let head = 0;
  while (head < tail && found.length < mostPaths) {
    const node = queue[head++];
    if (hasBit(roots, node)) {
      found.push(node);
      if (node !== target && hasBit(ends, node)) continue;
    }
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      const referrer = edges[edge];
      if (nextNodes[referrer] >= 0) continue;
      nextNodes[referrer] = node;
      queue[tail++] = referrer;
    }
  }
  const paths = layOut(found, target, nextNodes, head === tail);
  // Only what was touched is cleared, so that many small searches stay small.
  for (let index = 0; index < tail; index++) nextNodes[queue[index]] = -1;
  return paths;
}

function layOut(found: readonly number[], target: number, nextNodes: Int32Array, complete: boolean): RootPaths {
  const offsets = new Uint32Array(found.length + 1);
  for (let path = 0; path < found.length; path++) {
    let length = 1;
    for (let node = found[path]; node !== target; node = nextNodes[node]) length++;
    offsets[path + 1] = offsets[path] + length;
  }
  const nodes = new Uint32Array(offsets[found.length]);
  for (let path = 0; path < found.length; path++) {
    let node = found[path];
    for (let index = offsets[path]; index < offsets[path + 1]; index++) {
      nodes[index] = node;
      node = nextNodes[node];
    }
  }
  return { count: found.length, offsets, nodes, complete };
}
