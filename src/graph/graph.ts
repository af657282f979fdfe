/**
 * A directed graph in compressed sparse rows, and the few ways to make one.
 *
 * Targets of node `n` are `edges[offsets[n]]` up to, not including, `edges[offsets[n + 1]]`; parallel edges and loops are allowed
 * and keep their order. 4 bytes a node and 4 bytes an edge; below 2^31 of each, so that an index or -1 fits 32 bits.
 */
export interface Graph {
  readonly nodes: number;
  /** `nodes + 1` items that never fall, the first is 0. */
  readonly offsets: Uint32Array;
  /** At least `offsets[nodes]` items; what lies behind them is room. */
  readonly edges: Uint32Array;
}

/** A number for each node, such as bytes. */
export type Weights = Float64Array | Uint32Array;

/**
 * The graph of edges that come in any order: a counting sort by source that keeps the order of each source's edges.
 * O(nodes + edges).
 */
export function graphFromEdges(nodes: number, sources: Uint32Array, targets: Uint32Array): Graph {
  const cursors = new Uint32Array(nodes + 1);
  for (let edge = 0; edge < sources.length; edge++) cursors[sources[edge]]++;
  countsToStarts(cursors, nodes);
  const edges = new Uint32Array(sources.length);
  for (let edge = 0; edge < sources.length; edge++) edges[cursors[sources[edge]]++] = targets[edge];
  endsToStarts(cursors, nodes);
  return { nodes, offsets: cursors, edges };
}

/**
 * The graph with every edge turned round: who refers to a node. Referrers come in ascending order. O(nodes + edges).
 */
export function reverseGraph(graph: Graph): Graph {
  const { nodes, offsets, edges } = graph;
  const edgeCount = offsets[nodes];
  const cursors = new Uint32Array(nodes + 1);
  for (let edge = 0; edge < edgeCount; edge++) cursors[edges[edge]]++;
  countsToStarts(cursors, nodes);
  const referrers = new Uint32Array(edgeCount);
  for (let node = 0; node < nodes; node++) {
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) referrers[cursors[edges[edge]]++] = node;
  }
  endsToStarts(cursors, nodes);
  return { nodes, offsets: cursors, edges: referrers };
}

/**
 * The graph without some of its edges, such as weak references. `dropped` has a bit for each edge by its place in `edges`
 * (see base/bits.ts). O(nodes + edges).
 */
export function withoutEdges(graph: Graph, dropped: Uint32Array): Graph {
  const { nodes, offsets, edges } = graph;
  const kept = new Uint32Array(offsets[nodes]);
  const keptOffsets = new Uint32Array(nodes + 1);
  let length = 0;
  for (let node = 0; node < nodes; node++) {
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      if (((dropped[edge >>> 5] >>> (edge & 31)) & 1) === 0) kept[length++] = edges[edge];
    }
    keptOffsets[node + 1] = length;
  }
  return { nodes, offsets: keptOffsets, edges: kept.slice(0, length) };
}

/** How many edges lead to each node, parallel ones counted each. O(nodes + edges), 4 bytes a node. */
export function inDegrees(graph: Graph): Uint32Array {
  const degrees = new Uint32Array(graph.nodes);
  const edgeCount = graph.offsets[graph.nodes];
  for (let edge = 0; edge < edgeCount; edge++) degrees[graph.edges[edge]]++;
  return degrees;
}

/** Turns how many items each row has into where each row starts. */
function countsToStarts(rows: Uint32Array, length: number): void {
  let start = 0;
  for (let row = 0; row < length; row++) {
    const count = rows[row];
    rows[row] = start;
    start += count;
  }
  rows[length] = start;
}

/** After filling, each row's cursor stands where the next row starts: one step along, they are the starts again. */
function endsToStarts(rows: Uint32Array, length: number): void {
  rows.copyWithin(1, 0, length);
  rows[0] = 0;
}
