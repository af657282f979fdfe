import type { Partition } from "../../analysis/partitions.ts";
import type { RetainedByType } from "../../analysis/retained.ts";
import type { TypeHistogram } from "../../analysis/types.ts";
import type { Snapshot, TypeTable } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** What references add to the histogram. */
export interface TypesOfGraph {
  readonly lowerBound: boolean;
  readonly retained: RetainedByType | undefined;
  readonly partition: Partition | undefined;
}

/** The histogram for programs (docs/schemas/types-1.json). */
export function typesJson(snapshot: Snapshot, histogram: TypeHistogram, ofGraph?: TypesOfGraph): JsonObject {
  const retained = ofGraph?.retained;
  return {
    ...envelope("types", snapshot),
    lowerBound: ofGraph?.lowerBound,
    types: Array.from(histogram.rows, (index) => ({
      ...typeRowJson(snapshot.types, index),
      retainedBytes: retained?.retainedBytes[index],
      retainedCount: retained?.retainedCounts[index],
    })),
    by: ofGraph?.partition?.by,
    parts: ofGraph?.partition?.rows.map((row) => ({ ...row })),
    other: { ...histogram.other },
    shown: { ...histogram.shown },
    all: { ...histogram.all },
  };
}

/** One type with its sums. */
export function typeRowJson(types: TypeTable, index: number): JsonObject {
  return {
    name: types.name[index],
    module: types.module[index],
    address: addressJson(types.address[index]),
    count: types.count[index],
    shallowBytes: types.shallowBytes[index],
    ownedBytes: types.ownedBytes[index],
    residentBytes: types.residentBytes[index],
  };
}
