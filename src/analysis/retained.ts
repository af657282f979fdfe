/** Who keeps how much alive: the dominator tree from its top or below any object, and what the instances of a type retain. */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import type { DominatorTree } from "../graph/dominators.ts";
import type { Graph } from "../graph/graph.ts";
import { reachableNodes } from "../graph/reachable.ts";
import { descriptorType, IMMORTAL_REFERENCES } from "../snapshot/states.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import { freedAtOnce } from "./freed-at-once.ts";
import { largest } from "./largest.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";
import { placeBytes } from "./places.ts";

/** One object with all its sizes in bytes; see "four sizes" of the documentation. */
export interface RetainedRow {
  readonly object: number;
  readonly type: number;
  readonly shallowBytes: number;
  readonly ownedBytes: number;
  readonly retainedBytes: number;
  /** Objects, itself included. */
  readonly retainedCount: number;
  readonly freedAtOnceBytes: number;
  /** Its reference count; undefined when immortal. */
  readonly references: number | undefined;
  /** Objects that it dominates immediately: the rows below it. */
  readonly dominated: number;
  /** Where what it retains spreads out: itself, or what lies at the end of a chain of objects that retain little but the next. */
  readonly accumulator: number;
}

export interface DominatorList {
  /** Largest retained bytes first. */
  readonly rows: readonly RetainedRow[];
  /** Objects at this level beyond the limit. */
  readonly other: RetainedSum;
  /** The whole that rows and other make up; below an object, what it retains less itself. */
  readonly all: RetainedSum;
  readonly lowerBound: boolean;
}

export interface RetainedSum {
  /** Objects at this level. */
  readonly objects: number;
  readonly retainedBytes: number;
  readonly retainedCount: number;
}

export interface DominatorQuery {
  readonly limit: number;
  /** Object whose immediately dominated objects are wanted; if not given those that nothing but the outside dominates. */
  readonly under?: number | undefined;
}

/** A chain goes on as long as one dominated object retains this share of what is left. */
const CHAIN_SHARE = 0.9;
const LONGEST_CHAIN = 1000;

/** The objects that retain most at one level of the dominator tree. They share nothing, so they add up. O(level · log limit). */
export function topDominators(graph: ObjectGraph, { limit, under }: DominatorQuery): DominatorList {
  const { dominated, retainedBytes, retainedCounts, objects } = graph;
  const level = under ?? objects.length;
  const below = dominated.edges.subarray(dominated.offsets[level], dominated.offsets[level + 1]);
  const all = { objects: below.length, retainedBytes: 0, retainedCount: 0 };
  for (let index = 0; index < below.length; index++) {
    all.retainedBytes += retainedBytes[below[index]];
    all.retainedCount += retainedCounts[below[index]];
  }
  const rows = largest(below, (object) => retainedBytes[object], limit).map((object) => retainedRow(graph, object));
  return { rows, other: rest(all, rows), all, lowerBound: graph.lowerBound };
}

function rest(all: RetainedSum, rows: readonly RetainedRow[]): RetainedSum {
  return rows.reduce(
    (left, row) => ({
      objects: left.objects - 1,
      retainedBytes: left.retainedBytes - row.retainedBytes,
      retainedCount: left.retainedCount - row.retainedCount,
    }),
    all,
  );
}

/** All sizes of one object. Garbage retains itself: nothing would keep the rest, were it not garbage. */
export function retainedRow(graph: ObjectGraph, object: number): RetainedRow {
  const { objects, dominated } = graph;
  const references = objects.link[object];
  return {
    object,
    type: descriptorType(objects.descriptor[object]),
    shallowBytes: placeBytes(objects, object),
    ownedBytes: graph.ownedBytes[object],
    retainedBytes: graph.retainedBytes[object],
    retainedCount: graph.retainedCounts[object],
    freedAtOnceBytes: freedAtOnce(graph, object),
    references: references === IMMORTAL_REFERENCES ? undefined : references,
    dominated: dominated.offsets[object + 1] - dominated.offsets[object],
    accumulator: accumulatorOf(graph, object),
  };
}

/** Follows the heaviest dominated object as long as it is nearly all that its dominator retains. */
function accumulatorOf({ dominated, retainedBytes }: ObjectGraph, object: number): number {
  let at = object;
  for (let steps = 0; steps < LONGEST_CHAIN; steps++) {
    let heaviest = -1;
    for (let child = dominated.offsets[at]; child < dominated.offsets[at + 1]; child++) {
      const node = dominated.edges[child];
      if (heaviest < 0 || retainedBytes[node] > retainedBytes[heaviest]) heaviest = node;
    }
    if (heaviest < 0 || retainedBytes[heaviest] < CHAIN_SHARE * retainedBytes[at]) return at;
    at = heaviest;
  }
  return at;
}

export interface RetainedByType {
  /** By type index. */
  readonly retainedBytes: Float64Array;
  readonly retainedCounts: Float64Array;
}

/**
 * What single instances of each type retain: the union over its instances, so that an instance that another one retains does not
 * count twice. What several instances share and only all of them together keep alive is not in it; `retainedTogether` has it.
 * O(places), 8 bytes an object that dominates of scratch.
 */
export function retainedByType(graph: ObjectGraph): RetainedByType {
  const { dominated, dominators, retainedBytes, retainedCounts, objects, snapshot } = graph;
  const types = snapshot.types.length;
  const bytes = new Float64Array(types);
  const counts = new Float64Array(types);
  const count = (node: number): void => {
    const type = descriptorType(objects.descriptor[node]);
    bytes[type] += retainedBytes[node];
    counts[type] += retainedCounts[node];
  };
  forEachOutermost(dominators, dominated, objects.descriptor, types, count);
  for (let place = 0; place < objects.length; place++) {
    if (dominators.immediateDominators[place] < 0 && isObject(objects, place)) count(place);
  }
  return { retainedBytes: bytes, retainedCounts: counts };
}

/**
 * Visits each reached node that no node of its type dominates: a walk down the tree that knows the types of the way.
 *
 * @param descriptor of each node its type in the lower 24 bits, below `types`; any other partition does as well
 */
export function forEachOutermost(
  tree: DominatorTree,
  dominated: Graph,
  descriptor: Uint32Array,
  types: number,
  visit: (node: number) => void,
): void {
  const { offsets, edges } = dominated;
  const open = new Uint32Array(types);
  const path = new Int32Array(tree.order.length);
  const cursors = new Int32Array(tree.order.length);
  path[0] = tree.nodes;
  cursors[0] = offsets[tree.nodes];
  let depth = 0;
  while (depth >= 0) {
    if (cursors[depth] === offsets[path[depth] + 1]) {
      if (depth > 0) open[descriptorType(descriptor[path[depth]])]--;
      depth--;
      continue;
    }
    const node = edges[cursors[depth]++];
    const type = descriptorType(descriptor[node]);
    if (open[type] === 0) visit(node);
    if (offsets[node] === offsets[node + 1]) continue;
    open[type]++;
    path[++depth] = node;
    cursors[depth] = offsets[node];
  }
}

/**
 * What would go if all of these objects went at once: what is no longer reached without them. O(places + references).
 *
 * @param set a bit for each object of the set
 */
export function retainedTogether(graph: ObjectGraph, set: Uint32Array): { readonly bytes: number; readonly count: number } {
  const { ownedBytes, objects, held, dominators } = graph;
  const left = reachableNodes(graph.graph, held, set);
  let bytes = 0;
  let count = 0;
  for (let place = 0; place < objects.length; place++) {
    if (hasBit(left, place) || !isObject(objects, place)) continue;
    if (dominators.immediateDominators[place] < 0 && !hasBit(set, place)) continue;
    bytes += ownedBytes[place];
    count++;
  }
  return { bytes, count };
}

/** A bit for each instance of any of the types, by index. O(places). */
export function instancesOf({ objects }: Snapshot, types: readonly number[]): Uint32Array {
  const instances = newBits(objects?.length ?? 0);
  if (!objects) return instances;
  const wanted = new Set(types);
  for (let place = 0; place < objects.length; place++) {
    if (wanted.has(descriptorType(objects.descriptor[place])) && isObject(objects, place)) setBit(instances, place);
  }
  return instances;
}
