import type { TypeHistogram } from "../../analysis/types.ts";
import type { Snapshot, TypeTable } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** The histogram for programs (docs/schemas/types-1.json). */
export function typesJson(snapshot: Snapshot, histogram: TypeHistogram): JsonObject {
  return {
    ...envelope("types", snapshot),
    types: Array.from(histogram.rows, (index) => typeRowJson(snapshot.types, index)),
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
