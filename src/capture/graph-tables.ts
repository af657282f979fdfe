import {
  type GraphTables,
  type ReferenceTables,
  TypeFlags,
  TypeForm,
  type TypeGraphTable,
  type ValueTable,
} from "../snapshot/graph-tables.ts";
import type { ObjectTables } from "../snapshot/tables.ts";
import type { DecodedGraph, DecodedObjects, LibraryData } from "../strata/cpython/objects/decode-objects.ts";
import type { HeapFacts } from "../strata/cpython/runtime/heap-facts.ts";
import type { DecodedTypeGraph } from "../strata/cpython/runtime/type-graph.ts";
import type { DecodedValues } from "../strata/cpython/runtime/values.ts";
import { splitContents } from "./name-tables.ts";
import { buildRootTable } from "./root-table.ts";

/** What the graph of a snapshot is made from. */
export interface GraphInput {
  readonly decoded: DecodedObjects;
  readonly graph: DecodedGraph;
  readonly objects: ObjectTables;
  readonly references: ReferenceTables;
  /** Read while the image was whole. */
  readonly facts: HeapFacts;
  /** Row in the snapshot's threads of each Python thread, −1 for none. */
  readonly threadRows: readonly number[];
  readonly libraryData: readonly LibraryData[];
}

/** Roots, types, names and contents beside the references that the kernels wrote down. Takes the contents' columns over. */
export function buildGraphTables({
  decoded,
  graph,
  objects,
  references,
  facts,
  threadRows,
  libraryData,
}: GraphInput): GraphTables {
  const types = typeGraphTable(facts.types, decoded);
  const { length, place: object, size, hashLow, hashHigh } = graph.contents;
  const dictionaries = types.form.map((form) => Number(form === TypeForm.dict));
  return {
    references,
    roots: buildRootTable({ ...facts, threadRows, objects: decoded, nativePointers: graph.nativePointers, libraryData }),
    types,
    ...splitContents({ length, object, size, hashLow, hashHigh }, facts.names, {
      objects,
      references,
      dictionaries,
      interned: facts.interned,
    }),
    values: facts.values && valueTable(facts.values),
  };
}

/** Types that were found after the image was given up have a row and no facts. */
function typeGraphTable(facts: DecodedTypeGraph, { types }: DecodedObjects): TypeGraphTable {
  const { length } = types;
  const { fields } = facts;
  return {
    object: Int32Array.from({ length }, (_, row) => facts.object[row] ?? -1),
    base: Int32Array.from({ length }, (_, row) => facts.base[row] ?? -1),
    form: Uint8Array.from({ length }, (_, row) => TypeForm[facts.form[row] ?? "other"]),
    flags: Uint8Array.from(
      { length },
      (_, row) =>
        (facts.gc[row] ? TypeFlags.gc : 0) |
        (facts.finalizer[row] ? TypeFlags.finalizer : 0) |
        (facts.pythonClass[row] ? TypeFlags.pythonClass : 0) |
        (facts.heapType[row] ? TypeFlags.heapType : 0),
    ),
    inPlaceExtraBytes: types.inPlaceExtraBytes,
    fields: {
      length: fields.length,
      type: Uint32Array.from(fields, ({ row }) => row),
      position: Uint32Array.from(fields, ({ position }) => position),
      name: fields.map(({ name }) => name),
    },
  };
}

function valueTable({ place, repr, cut }: DecodedValues): ValueTable {
  return { length: place.length, object: Uint32Array.from(place), repr, cut: Uint8Array.from(cut, Number) };
}
