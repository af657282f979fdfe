/** Lists of objects: of a type, of a generation, of at least some size, the largest first. */
import { descriptorGeneration, descriptorType, IMMORTAL_REFERENCES } from "../snapshot/states.ts";
import { largest } from "./largest.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";
import { placeBytes } from "./places.ts";

export const OBJECT_SORT_KEYS = ["shallow", "owned", "retained"] as const;
export type ObjectSortKey = (typeof OBJECT_SORT_KEYS)[number];

export interface ObjectQuery {
  readonly sort: ObjectSortKey;
  readonly limit: number;
  /** Indexes of the types wanted; undefined for all. */
  readonly types?: readonly number[] | undefined;
  /** 0 to 2, or 3 for what the collector does not track. */
  readonly generation?: number | undefined;
  /** Least bytes of the size that `sort` means. */
  readonly leastBytes?: number | undefined;
}

export interface ObjectRow {
  readonly object: number;
  readonly type: number;
  readonly shallowBytes: number;
  readonly ownedBytes: number;
  /** Undefined unless sorted by it: it needs the dominators of the whole heap. */
  readonly retainedBytes: number | undefined;
  /** Undefined when immortal. */
  readonly references: number | undefined;
  readonly generation: number;
}

export interface ObjectListSum {
  readonly count: number;
  readonly shallowBytes: number;
  readonly ownedBytes: number;
}

export interface ObjectList {
  readonly rows: readonly ObjectRow[];
  /** Matching objects beyond the limit; rows + other = matching. */
  readonly other: ObjectListSum;
  readonly matching: ObjectListSum;
  readonly lowerBound: boolean;
}

/** The objects that match, largest first, the lower address first among equals. O(places · log limit). */
export function listObjects(graph: ObjectGraph, query: ObjectQuery): ObjectList {
  const { objects, ownedBytes } = graph;
  const sizeOf = sizeBy(graph, query.sort);
  const wanted = typeFilter(graph.snapshot.types.length, query.types);
  const { generation, leastBytes = 0 } = query;
  const matching = { count: 0, shallowBytes: 0, ownedBytes: 0 };
  const matches = (place: number): boolean => {
    const descriptor = objects.descriptor[place];
    if (!isObject(objects, place) || wanted[descriptorType(descriptor)] === 0) return false;
    if (generation !== undefined && descriptorGeneration(descriptor) !== generation) return false;
    if (leastBytes > 0 && sizeOf(place) < leastBytes) return false;
    matching.count++;
    matching.shallowBytes += placeBytes(objects, place);
    matching.ownedBytes += ownedBytes[place];
    return true;
  };
  const rows = largest(objects.descriptor.keys(), sizeOf, query.limit, matches).map((object): ObjectRow => {
    const references = objects.link[object];
    return {
      object,
      type: descriptorType(objects.descriptor[object]),
      shallowBytes: placeBytes(objects, object),
      ownedBytes: ownedBytes[object],
      retainedBytes: query.sort === "retained" ? graph.retainedBytes[object] : undefined,
      references: references === IMMORTAL_REFERENCES ? undefined : references,
      generation: descriptorGeneration(objects.descriptor[object]),
    };
  });
  const other = rows.reduce(
    (left, row) => ({
      count: left.count - 1,
      shallowBytes: left.shallowBytes - row.shallowBytes,
      ownedBytes: left.ownedBytes - row.ownedBytes,
    }),
    matching,
  );
  return { rows, other, matching, lowerBound: graph.lowerBound };
}

function sizeBy(graph: ObjectGraph, sort: ObjectSortKey): (object: number) => number {
  switch (sort) {
    case "shallow":
      return (object) => placeBytes(graph.objects, object);
    case "owned":
      return (object) => graph.ownedBytes[object];
    case "retained": {
      const { retainedBytes } = graph;
      return (object) => retainedBytes[object];
    }
  }
}

/** 1 for each type that is wanted. */
function typeFilter(types: number, wanted: readonly number[] | undefined): Uint8Array {
  const filter = new Uint8Array(types).fill(wanted === undefined ? 1 : 0);
  for (const type of wanted ?? []) filter[type] = 1;
  return filter;
}
