import { TypeFieldReader } from "./type-fields.ts";
import { readTypeForms, type TypeFormName } from "./type-forms.ts";
import type { WholeHeap } from "./whole-heap.ts";

/** tp_flags (Include/object.h, 3.6–3.13). */
const HEAP_TYPE_FLAG = 1 << 9;
const GC_FLAG = 1 << 14;

/** More about each type, row by row. */
export interface DecodedTypeGraph {
  /** Place of the type object, −1 when it is none that was found. */
  readonly object: readonly number[];
  /** Row of tp_base, −1 for none. */
  readonly base: readonly number[];
  readonly form: readonly TypeFormName[];
  readonly gc: readonly boolean[];
  readonly heapType: readonly boolean[];
  readonly pythonClass: readonly boolean[];
  /** Instances have a `__del__`, or a C type's tp_finalize or tp_del; a generator's, which closes it, does not count. */
  readonly finalizer: readonly boolean[];
  /** By ascending row, then position. */
  readonly fields: readonly { readonly row: number; readonly position: number; readonly name: string }[];
}

/** Bases, forms, flags and named fields of all types that the heap knows at this point. O(types × bases). */
export function readTypeGraph(heap: WholeHeap): DecodedTypeGraph {
  enterAllTypes(heap);
  const { image, runtime, types } = heap;
  const word = (type: number, field: string) => image.u64(type + runtime.layout.offset("PyTypeObject", field));
  const rows = new Map(types.map((address, row) => [address, row]));
  const flagged = (flag: number) => types.map((type, row) => row > 0 && (image.i32(type + flagsOffset) & flag) !== 0);
  const flagsOffset = runtime.layout.offset("PyTypeObject", "tp_flags");
  const form = readTypeForms(heap);
  const reader = new TypeFieldReader(heap);
  return {
    object: types.map((type, row) => (row === 0 ? -1 : heap.placeOf(type))),
    base: types.map((type, row) => (row === 0 ? -1 : (rows.get(word(type, "tp_base")) ?? -1))),
    form,
    gc: flagged(GC_FLAG),
    heapType: flagged(HEAP_TYPE_FLAG),
    pythonClass: types.map((type, row) => row > 0 && heap.isPythonClass(type)),
    // Inherited like all slots: tp_finalize of a class with __del__ is in its subclasses too.
    finalizer: types.map(
      (type, row) => row > 0 && form[row] !== "generator" && (word(type, "tp_finalize") !== 0 || word(type, "tp_del") !== 0),
    ),
    fields: types.flatMap((type, row) => (row === 0 ? [] : reader.fieldsOf(type).map((field) => ({ row, ...field })))),
  };
}

/** Classes without an instance have no row yet: bases that are never instantiated, abstract ones. */
function enterAllTypes(heap: WholeHeap): void {
  const metatypes = Uint8Array.from(readTypeForms(heap), (form) => Number(form === "type"));
  heap.forEachObject(metatypes, (_place, address) => void heap.rowOf(address));
}
