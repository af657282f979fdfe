/**
 * What nothing outside of the heap holds any more: the collector's work, what goes with it, and what it will never find.
 *
 * The collector frees a tracked object when all of its references come from tracked objects that go too (CPython Modules/gcmodule.c,
 * deduce_unreachable, 3.6–3.13). It cannot look into what it does not track: an object that such a one refers to is held, as
 * it sees things, although nothing can reach it.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import type { Graph } from "../graph/graph.ts";
import { reachableNodes } from "../graph/reachable.ts";
import { type Subgraph, subgraphOf } from "../graph/subgraph.ts";
import { descriptorGeneration, descriptorType, UNTRACKED_GENERATION } from "../snapshot/states.ts";
import { TypeFlags } from "../snapshot/tables.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";

export interface ObjectSum {
  readonly count: number;
  /** Owned bytes. */
  readonly bytes: number;
}

/** What an object out of reach is to the collector. */
export const GarbageKind = {
  /** The next full collection finds it. */
  collectable: 0,
  /** Not tracked, held by garbage only: goes with what holds it. */
  goesAlong: 1,
  /** Something that the collector does not look into refers to it, itself out of reach: no collection finds it. */
  beyondCollector: 2,
} as const;

export interface Garbage extends Subgraph {
  /** `GarbageKind` of each member. */
  readonly kinds: Uint8Array;
  /** By `GarbageKind`. */
  readonly sums: readonly ObjectSum[];
  /** Members with a finalizer of their own and what they reach: a finalizer may keep it. A bit for each member. */
  readonly mayResurrect: Uint32Array;
}

/** Everything out of reach. O(places + references). */
export function findGarbage(graph: ObjectGraph): Garbage {
  const { objects, graph: references, held, ownedBytes, tables } = graph;
  const reached = reachableNodes(references, held);
  const bits = newBits(objects.length);
  for (let place = 0; place < objects.length; place++) {
    if (!hasBit(reached, place) && isObject(objects, place)) setBit(bits, place);
  }
  const part = subgraphOf(references, bits);
  const { members } = part;
  const untracked = newBits(members.length);
  const finalized: number[] = [];
  for (let member = 0; member < members.length; member++) {
    const descriptor = objects.descriptor[members[member]];
    if (descriptorGeneration(descriptor) === UNTRACKED_GENERATION) setBit(untracked, member);
    if (tables.types.flags[descriptorType(descriptor)] & TypeFlags.finalizer) finalized.push(member);
  }
  const kinds = kindsOf(part.graph, untracked);
  const sums = Object.values(GarbageKind).map((kind) => sumOf(members, ownedBytes, (member) => kinds[member] === kind));
  return { ...part, kinds, sums, mayResurrect: reachableNodes(part.graph, Uint32Array.from(finalized)) };
}

/** Sums owned bytes over some members. */
export function sumOf(members: Uint32Array, ownedBytes: Float64Array, includes: (member: number) => boolean): ObjectSum {
  let count = 0;
  let bytes = 0;
  for (let member = 0; member < members.length; member++) {
    if (!includes(member)) continue;
    count++;
    bytes += ownedBytes[members[member]];
  }
  return { count, bytes };
}

function kindsOf(graph: Graph, untracked: Uint32Array): Uint8Array {
  const { nodes, offsets, edges } = graph;
  const starts: number[] = [];
  for (let node = 0; node < nodes; node++) {
    if (!hasBit(untracked, node)) continue;
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) starts.push(edges[edge]);
  }
  const kept = reachableNodes(graph, Uint32Array.from(starts));
  const kinds = new Uint8Array(nodes);
  for (let node = 0; node < nodes; node++) {
    if (hasBit(untracked, node)) kinds[node] = GarbageKind.goesAlong;
    else kinds[node] = hasBit(kept, node) ? GarbageKind.beyondCollector : GarbageKind.collectable;
  }
  return kinds;
}
