import {
  type GraphTables,
  type ReferenceTables,
  TypeFlags,
  TypeForm,
  type TypeGraphTable,
  type ValueTable,
} from "../snapshot/graph-tables.ts";
import type { ObjectTables } from "../snapshot/tables.ts";
import type { DecodedGraph, DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";
import type { LibraryData } from "../strata/cpython/objects/native-memory.ts";
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
  const { codes } = facts.names;
  const { length, place: object, size, hashLow, hashHigh } = graph.takeContents();
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
    codes: { length: codes.places.length, object: codes.places, firstLine: codes.firstLines },
    values: facts.values && valueTable(facts.values),
  };
}

/** Types that were found after the image was given up have a row and no facts. */
function typeGraphTable(facts: DecodedTypeGraph, { types }: DecodedObjects): TypeGraphTable {
  const { length } = types;
  return {
    object: Int32Array.from({ length }, (_, row) => facts.object[row] ?? -1),
    base: Int32Array.from({ length }, (_, row) => facts.base[row] ?? -1),
    form: Uint8Array.from({ length }, (_, row) => TypeForm[facts.form[row] ?? "other"]),
    flags: Uint8Array.from(
      { length },
      (_, row) =>
        (facts.gc[row] === 1 ? TypeFlags.gc : 0) |
        (facts.finalizer[row] === 1 ? TypeFlags.finalizer : 0) |
        (facts.pythonClass[row] === 1 ? TypeFlags.pythonClass : 0) |
        (facts.heapType[row] === 1 ? TypeFlags.heapType : 0),
    ),
    inPlaceExtraBytes: types.inPlaceExtraBytes,
    fields: fieldTable(facts.fields),
  };
}

function fieldTable(ofTypes: DecodedTypeGraph["fields"]): TypeGraphTable["fields"] {
  const length = ofTypes.reduce((sum, fields) => sum + fields.length, 0);
  const type = new Uint32Array(length);
  const position = new Uint32Array(length);
  const names: string[] = [];
  for (const [row, fields] of ofTypes.entries()) {
    for (const field of fields) {
      type[names.length] = row;
      position[names.length] = field.position;
      names.push(field.name);
    }
  }
  return { length, type, position, name: names };
}

function valueTable({ place, repr, cut }: DecodedValues): ValueTable {
  return { length: place.length, object: Uint32Array.from(place), repr, cut: Uint8Array.from(cut, Number) };
}
