/** Graphs with the shape of heaps that bring simpler algorithms down, and one of no shape at all. */
import { type Graph, graphFromEdges } from "../../src/graph/graph.ts";

/** Edges that are added one by one. */
class Edges {
  private readonly sources: Uint32Array;
  private readonly targets: Uint32Array;
  private length = 0;

  constructor(most: number) {
    this.sources = new Uint32Array(most);
    this.targets = new Uint32Array(most);
  }

  add(source: number, target: number): void {
    this.sources[this.length] = source;
    this.targets[this.length++] = target;
  }

  graph(nodes: number): Graph {
    return graphFromEdges(nodes, this.sources.subarray(0, this.length), this.targets.subarray(0, this.length));
  }
}

/**
 * A linked list of half of the nodes, and items that both its second and its last node refer to: a queue whose items an index
 * holds as well. Every item makes Semi-NCA and iterative dominators walk the whole list. Node 0 is the head.
 */
export function queuePlusIndex(nodes: number): Graph {
  const links = nodes >> 1;
  const edges = new Edges(links + 2 * (nodes - links));
  for (let node = 0; node < links - 1; node++) edges.add(node, node + 1);
  for (let item = links; item < nodes; item++) {
    edges.add(1, item);
    edges.add(links - 1, item);
  }
  return edges.graph(nodes);
}

/** A doubly linked list, as `collections.OrderedDict` and LRU caches keep, with an index into every seventh link: node 0. */
export function doublyLinkedPlusIndex(nodes: number): Graph {
  const edges = new Edges(3 * nodes);
  edges.add(0, 1);
  for (let node = 2; node < nodes; node += 7) edges.add(0, node);
  for (let node = 1; node < nodes; node++) {
    if (node < nodes - 1) edges.add(node, node + 1);
    if (node > 1) edges.add(node, node - 1);
  }
  return edges.graph(nodes);
}

/** Two rails whose rungs cross and whose rails lead back: no node but the first dominates far. Nodes 0 and 1 are its feet. */
export function ladder(nodes: number): Graph {
  const edges = new Edges(3 * nodes);
  for (let node = 0; node < nodes; node++) {
    if (node + 2 < nodes) edges.add(node, node + 2);
    if ((node ^ 1) + 2 < nodes) edges.add(node, (node ^ 1) + 2);
    if (node > 3) edges.add(node, node - 2);
  }
  return edges.graph(nodes);
}

/** Dictionary-like containers of containers of leaves, with references back to the parent and into a shared pool of leaves. */
export function containersOfLeaves(nodes: number): Graph {
  const edges = new Edges(4 * nodes);
  const shared = Math.min(nodes, 64);
  for (let node = shared; node < nodes; node++) {
    const parent = shared + Math.floor((node - shared - 1) / 8);
    if (parent >= shared) edges.add(parent, node);
    const isContainer = shared + 8 * (node - shared) + 1 < nodes;
    if (isContainer && parent >= shared) edges.add(node, parent);
    if (node % 3 === 0) edges.add(node, node % shared);
  }
  return edges.graph(nodes);
}

/** A chain through all nodes and `degree - 1` edges from each node to anywhere: what no cache helps with. */
export function randomGraph(nodes: number, degree: number): Graph {
  const edges = new Edges(degree * nodes);
  let state = 12_345;
  for (let node = 0; node < nodes; node++) {
    if (node + 1 < nodes) edges.add(node, node + 1);
    for (let edge = 1; edge < degree; edge++) {
      // Marsaglia's xorshift: the same graph in every run.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      edges.add(node, (state >>> 0) % nodes);
    }
  }
  return edges.graph(nodes);
}
