/**
 * All objects parted by a question: what type, what class, whose module, held by what, how large, how old. Every object is in
 * exactly one part, so parts add up to the whole. The questions are those of Heapy (S. Nilsson, "Heapy: A memory profiler and
 * debugger for Python", 2006), whose users know them.
 */
import { hasBit } from "../base/bits.ts";
import { descriptorGeneration, descriptorType } from "../snapshot/states.ts";
import type { TypeTable } from "../snapshot/tables.ts";
import { namespaceOwners } from "./namespaces.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";
import { placeBytes } from "./places.ts";
import { ReferrerSets } from "./referrer-sets.ts";
import { qualifiedTypeName } from "./types.ts";

export const PARTITION_KEYS = ["type", "class", "module", "package", "referrer", "size", "generation"] as const;
export type PartitionKey = (typeof PARTITION_KEYS)[number];

export interface PartitionRow {
  /** What the part is called; names in it are hostile text. */
  readonly key: string;
  readonly count: number;
  readonly shallowBytes: number;
  readonly ownedBytes: number;
  /** Bytes of the ledger's Objects leaf, where the ledger tells the parts apart: by type, module and package. */
  readonly residentBytes: number | undefined;
}

export interface Partition {
  readonly by: PartitionKey;
  /** Largest owned bytes first; sizes and generations in their own order. */
  readonly rows: readonly PartitionRow[];
  /** What the rows add up to. */
  readonly all: Omit<PartitionRow, "key">;
  readonly lowerBound: boolean;
}

/** A number for each object's part, and the parts' names. */
interface Parts {
  readonly names: readonly string[];
  readonly partOf: (object: number) => number;
  /** Part of each type, when that is all that counts. */
  readonly partOfType?: Int32Array;
}

const GENERATION_NAMES = ["generation 0", "generation 1", "generation 2", "not tracked"] as const;
/** Powers of two that a size may have: up to 2^47. */
const SIZE_CLASSES = 48;

/** Parts all objects. O(places), for `class` and `referrer` O(places + references). */
export function partitionObjects(graph: ObjectGraph, by: PartitionKey): Partition {
  const { objects, ownedBytes, snapshot } = graph;
  const { names, partOf, partOfType } = partsBy(graph, by);
  // Names may come while objects are parted, so sums grow with them.
  const counts: number[] = [];
  const shallow: number[] = [];
  const owned: number[] = [];
  for (let place = 0; place < objects.length; place++) {
    if (!isObject(objects, place)) continue;
    const part = partOf(place);
    while (counts.length <= part) for (const sums of [counts, shallow, owned]) sums.push(0);
    counts[part]++;
    shallow[part] += placeBytes(objects, place);
    owned[part] += ownedBytes[place];
  }
  const resident = partOfType && residentOfParts(snapshot.types, partOfType, names.length);
  const rows = counts
    .map((count, part): PartitionRow => {
      const residentBytes = resident?.[part];
      return { key: names[part], count, shallowBytes: shallow[part], ownedBytes: owned[part], residentBytes };
    })
    .filter(({ count }) => count > 0);
  if (by !== "size" && by !== "generation") {
    rows.sort((a, b) => b.ownedBytes - a.ownedBytes || b.count - a.count || (a.key < b.key ? -1 : 1));
  }
  return { by, rows, all: sumOfRows(rows), lowerBound: graph.lowerBound };
}

function sumOfRows(rows: readonly PartitionRow[]): Omit<PartitionRow, "key"> {
  const sum = { count: 0, shallowBytes: 0, ownedBytes: 0 };
  let residentBytes: number | undefined = 0;
  for (const row of rows) {
    sum.count += row.count;
    sum.shallowBytes += row.shallowBytes;
    sum.ownedBytes += row.ownedBytes;
    residentBytes =
      row.residentBytes === undefined || residentBytes === undefined ? undefined : residentBytes + row.residentBytes;
  }
  return { ...sum, residentBytes };
}

function residentOfParts(types: TypeTable, partOfType: Int32Array, parts: number): Float64Array {
  const resident = new Float64Array(parts);
  for (let type = 0; type < types.length; type++) resident[partOfType[type]] += types.residentBytes[type];
  return resident;
}

function partsBy(graph: ObjectGraph, by: PartitionKey): Parts {
  const { objects, snapshot } = graph;
  const { types } = snapshot;
  switch (by) {
    case "type":
      return partsByTypeName(graph, (type) => qualifiedTypeName(types, type));
    case "module":
      return partsByTypeName(graph, (type) => types.module[type] || "builtins");
    case "package":
      return partsByTypeName(graph, (type) => (types.module[type] || "builtins").split(".")[0]);
    case "class": {
      const owners = namespaceOwners(graph);
      const parts = partsByTypeName(graph, (type) => qualifiedTypeName(types, type));
      return { names: parts.names, partOf: (object) => parts.partOf(owners[object] < 0 ? object : owners[object]) };
    }
    case "referrer":
      return partsByReferrer(graph);
    case "size":
      return {
        names: Array.from({ length: SIZE_CLASSES }, (_, power) => sizeName(power)),
        partOf: (object) => Math.min(SIZE_CLASSES - 1, powerOfTwo(placeBytes(objects, object))),
      };
    case "generation":
      return { names: GENERATION_NAMES, partOf: (object) => descriptorGeneration(objects.descriptor[object]) };
  }
}

/** Types of one name, such as a class that was made twice, are one part. */
function partsByTypeName({ objects, snapshot }: ObjectGraph, nameOf: (type: number) => string): Parts {
  const numbers = new Map<string, number>();
  const partOfType = Int32Array.from({ length: snapshot.types.length }, (_, type) => {
    const name = nameOf(type);
    const part = numbers.get(name) ?? numbers.size;
    numbers.set(name, part);
    return part;
  });
  return { names: [...numbers.keys()], partOf: (object) => partOfType[descriptorType(objects.descriptor[object])], partOfType };
}

/** By the kinds of what refers to an object: "dict of Session", "list and tuple". */
function partsByReferrer(graph: ObjectGraph): Parts {
  const { snapshot, referrers, heldBits } = graph;
  const owners = namespaceOwners(graph);
  const types = partsByTypeName(graph, (type) => qualifiedTypeName(snapshot.types, type));
  const names = types.names.length;
  // A dictionary that is somebody's namespace is of a kind of its own.
  const kindOf = (place: number) => (owners[place] < 0 ? types.partOf(place) : names + types.partOf(owners[place]));
  const nameOfKind = (kind: number) => (kind < names ? types.names[kind] : `dict of ${types.names[kind - names]}`);
  const sets = new ReferrerSets(2 * names, nameOfKind);
  const heldOnly = sets.add("held from outside only");
  const nobody = sets.add("nobody");
  return {
    names: sets.names,
    partOf: (object) => {
      const start = referrers.offsets[object];
      const end = referrers.offsets[object + 1];
      if (start === end) return hasBit(heldBits, object) ? heldOnly : nobody;
      sets.begin();
      for (let edge = start; edge < end; edge++) sets.include(kindOf(referrers.edges[edge]));
      return sets.end();
    },
  };
}

/** The power of two that is not above `bytes`; 0 for 0. */
function powerOfTwo(bytes: number): number {
  return bytes < 1 ? 0 : bytes < 2 ** 31 ? 31 - Math.clz32(bytes) : 31 + powerOfTwo(Math.floor(bytes / 2 ** 31));
}

function sizeName(power: number): string {
  return power === 0
    ? "below 2 bytes"
    : `${(2 ** power).toLocaleString("en")} to ${(2 ** (power + 1) - 1).toLocaleString("en")} bytes`;
}
