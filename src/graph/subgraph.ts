/** A part of a graph with the edges inside of it, numbered anew, so that what is done to it costs what it is, not what all is. */
import { hasBit } from "../base/bits.ts";
import type { Graph } from "./graph.ts";

export interface Subgraph {
  readonly graph: Graph;
  /** Node of the whole graph for each node of the part, ascending. */
  readonly members: Uint32Array;
}

/** The nodes of `bits` and every edge between two of them. O(nodes + edges of the part); 4 bytes a node of scratch. */
export function subgraphOf(graph: Graph, bits: Uint32Array): Subgraph {
  const { nodes, offsets, edges } = graph;
  const numbers = new Int32Array(nodes);
  let count = 0;
  let room = 0;
  for (let node = 0; node < nodes; node++) {
    if (!hasBit(bits, node)) continue;
    numbers[node] = count++;
    room += offsets[node + 1] - offsets[node];
  }
  const members = new Uint32Array(count);
  const partOffsets = new Uint32Array(count + 1);
  const partEdges = new Uint32Array(room);
  let length = 0;
  for (let node = 0, number = 0; number < count; node++) {
    if (!hasBit(bits, node)) continue;
    members[number++] = node;
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      if (hasBit(bits, edges[edge])) partEdges[length++] = numbers[edges[edge]];
    }
    partOffsets[number] = length;
  }
  return { graph: { nodes: count, offsets: partOffsets, edges: partEdges.subarray(0, length) }, members };
}
