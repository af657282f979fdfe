import { type FieldName, TypeFieldReader } from "./type-fields.ts";
import { type TypeFormName, TypeFormReader } from "./type-forms.ts";
import type { WholeHeap } from "./whole-heap.ts";

/** tp_flags (Include/object.h, 3.6–3.13). */
const HEAP_TYPE_FLAG = 1 << 9;
const GC_FLAG = 1 << 14;

/** More about each type, row by row. */
export interface DecodedTypeGraph {
  /** Place of the type object, −1 when it is none that was found. */
  readonly object: Int32Array;
  /** Row of tp_base, −1 for none. */
  readonly base: Int32Array;
  readonly form: readonly TypeFormName[];
  readonly gc: Uint8Array;
  readonly heapType: Uint8Array;
  readonly pythonClass: Uint8Array;
  /** Instances have a `__del__`, or a C type's tp_finalize or tp_del; a generator's, which closes it, does not count. */
  readonly finalizer: Uint8Array;
  /** By ascending position; types that add none share their base's. */
  readonly fields: readonly (readonly FieldName[])[];
}

/** Bases, forms, flags and named fields of all types that the heap knows at this point. O(types + fields). */
export function readTypeGraph(heap: WholeHeap): DecodedTypeGraph {
  const form = formsOfAllTypes(heap);
  const { image, types } = heap;
  const offset = (field: string) => heap.runtime.layout.offset("PyTypeObject", field);
  const [flagsAt, baseAt, finalizeAt, delAt] = [offset("tp_flags"), offset("tp_base"), offset("tp_finalize"), offset("tp_del")];
  const { length } = types;
  const bytes = () => new Uint8Array(length);
  const numbers = () => new Int32Array(length).fill(-1);
  const columns = {
    object: numbers(),
    base: numbers(),
    gc: bytes(),
    heapType: bytes(),
    pythonClass: bytes(),
    finalizer: bytes(),
  };
  const reader = new TypeFieldReader(heap);
  const fields: (readonly FieldName[])[] = [[]];
  const rows = new Map(types.map((address, row) => [address, row]));
  for (let row = 1; row < length; row++) {
    const type = types[row];
    const flags = image.i32(type + flagsAt);
    columns.object[row] = heap.placeOf(type);
    columns.base[row] = rows.get(image.u64(type + baseAt)) ?? -1;
    columns.gc[row] = Number((flags & GC_FLAG) !== 0);
    columns.heapType[row] = Number((flags & HEAP_TYPE_FLAG) !== 0);
    columns.pythonClass[row] = Number(heap.isPythonClass(type));
    // Inherited like all slots: tp_finalize of a class with __del__ is in its subclasses too.
    const hasFinalizer = image.u64(type + finalizeAt) !== 0 || image.u64(type + delAt) !== 0;
    columns.finalizer[row] = Number(hasFinalizer && form[row] !== "generator");
    fields.push(reader.fieldsOf(type));
  }
  return { ...columns, form, fields };
}

/** Classes without an instance have no row yet: bases that are never instantiated, abstract ones. They get one. */
function formsOfAllTypes(heap: WholeHeap): TypeFormName[] {
  const reader = new TypeFormReader(heap);
  const forms = (from: number) => heap.types.slice(from).map((type) => (type === 0 ? "other" : reader.formOf(type)));
  const known = forms(0);
  heap.forEachObject(
    Uint8Array.from(known, (form) => Number(form === "type")),
    (_place, address) => void heap.rowOf(address),
  );
  return [...known, ...forms(known.length)];
}
