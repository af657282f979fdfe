/** Cycles that look alike as one row: how many, what they weigh, of which types, and who closes them. */
import { hasBit } from "../base/bits.ts";
import type { Graph } from "../graph/graph.ts";
import { shortestRing } from "../graph/ring.ts";
import { cyclicComponents, stronglyConnectedComponents } from "../graph/strongly-connected.ts";
import { TypeFlags } from "../snapshot/graph-tables.ts";
import { descriptorType } from "../snapshot/states.ts";
import type { ObjectGraph } from "./object-graph.ts";

export interface CycleTypeSum {
  readonly type: number;
  readonly count: number;
  readonly bytes: number;
}

export interface CycleRow {
  /** Separate groups of objects that this row sums up; they have cycles of the same types. */
  readonly groups: number;
  /** Objects of all groups, with what only they hold. */
  readonly count: number;
  /** Owned bytes of these objects. */
  readonly bytes: number;
  /** Largest bytes first. */
  readonly types: readonly CycleTypeSum[];
  /** False for garbage. */
  readonly reachable: boolean;
  /** An example: each object refers to the next, the last to the first; the first of a longer ring. Empty when there is no cycle. */
  readonly ring: readonly number[];
  readonly ringLength: number;
  /** Some of its types have finalizers: a collection runs them, and they may keep it. */
  readonly finalizers: boolean;
}

/** Groups of nodes of a part of the heap: the nodes in order of their groups, those of group g from `starts[g]` to `starts[g + 1]`. */
export interface Groups {
  readonly count: number;
  readonly starts: Uint32Array;
  readonly nodes: Uint32Array;
}

const LONGEST_RING = 8;
/** Objects of a group from which a ring is looked for: the shortest one is shown. */
const RING_TRIES = 16;
/** Types that tell one row from another. */
const MOST_TYPES_OF_SHAPE = 12;

/** Rows by descending bytes. O(nodes + edges of the part, and a little for each group). */
export function cycleRows(
  graph: ObjectGraph,
  part: Graph,
  members: Uint32Array,
  groups: Groups,
  reachable: boolean,
): readonly CycleRow[] {
  const { objects, ownedBytes, tables } = graph;
  const typeOf = (node: number) => descriptorType(objects.descriptor[members[node]]);
  const components = stronglyConnectedComponents(part);
  const cyclic = cyclicComponents(part, components);
  const inCycle = (node: number) => hasBit(cyclic, components.componentOf[node]);
  const shapes = new Map<string, Shape>();
  for (let group = 0; group < groups.count; group++) {
    const nodes = groups.nodes.subarray(groups.starts[group], groups.starts[group + 1]);
    const key = shapeOf(nodes, typeOf, inCycle);
    let shape = shapes.get(key);
    if (!shape) {
      shape = { groups: 0, count: 0, bytes: 0, types: new Map(), example: nodes };
      shapes.set(key, shape);
    }
    shape.groups++;
    for (const node of nodes) addTo(shape, typeOf(node), ownedBytes[members[node]]);
  }
  const rows = [...shapes.values()].map((shape): CycleRow => {
    const starts = shape.example.filter(inCycle);
    const isPythonClass = (node: number) => (tables.types.flags[typeOf(node)] & TypeFlags.pythonClass) !== 0;
    const ring = shortestOf(part, components.componentOf, starts, isPythonClass).map((node) => members[node]);
    const types = [...shape.types]
      .map(([type, sum]) => ({ type, ...sum }))
      .sort((a, b) => b.bytes - a.bytes || a.type - b.type);
    return {
      groups: shape.groups,
      count: shape.count,
      bytes: shape.bytes,
      types,
      reachable,
      ring: ring.slice(0, LONGEST_RING),
      ringLength: ring.length,
      finalizers: types.some(({ type }) => (tables.types.flags[type] & TypeFlags.finalizer) !== 0),
    };
  });
  return rows.sort((a, b) => b.bytes - a.bytes || b.count - a.count);
}

interface Shape {
  groups: number;
  count: number;
  bytes: number;
  readonly types: Map<number, { count: number; bytes: number }>;
  /** Nodes of the first group of this shape. */
  readonly example: Uint32Array;
}

function addTo(shape: Shape, type: number, bytes: number): void {
  shape.count++;
  shape.bytes += bytes;
  const sum = shape.types.get(type);
  if (sum) {
    sum.count++;
    sum.bytes += bytes;
  } else shape.types.set(type, { count: 1, bytes });
}

/** The types of a group's cycles, or of all of it when it has none. */
function shapeOf(nodes: Uint32Array, typeOf: (node: number) => number, inCycle: (node: number) => boolean): string {
  const types = new Set<number>();
  for (const node of nodes) if (inCycle(node)) types.add(typeOf(node));
  if (types.size === 0) for (const node of nodes) types.add(typeOf(node));
  return [...types]
    .sort((a, b) => a - b)
    .slice(0, MOST_TYPES_OF_SHAPE)
    .join();
}

/** A short ring through one of `starts`, through one that is preferred if there is any: people know their own classes. */
function shortestOf(
  part: Graph,
  componentOf: Int32Array,
  starts: Uint32Array,
  isPreferred: (node: number) => boolean,
): readonly number[] {
  const preferred = starts.filter(isPreferred);
  let shortest: readonly number[] = [];
  for (const start of (preferred.length > 0 ? preferred : starts).subarray(0, RING_TRIES)) {
    const ring = shortestRing(part, componentOf, start);
    if (ring.length > 0 && (shortest.length === 0 || ring.length < shortest.length)) shortest = ring;
  }
  return shortest;
}
