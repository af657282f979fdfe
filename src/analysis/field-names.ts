/** What Python can reach of the fields that layouts name, and the names of a frame's variables. */
import { forEachReference, packSlot, slotPart } from "../snapshot/references.ts";
import { SlotPart, TypeForm } from "../snapshot/tables.ts";
import { classAttribute, fieldTarget, formOf, hasPythonClass, NO_OBJECT, nameText, targetAt, typeOf } from "./graph-lookups.ts";
import type { ObjectGraph } from "./object-graph.ts";

/** Fields of C types that Python reads by the same name and hands out as they are. */
const REACHABLE_FIELD = /^(__\w+__|(?:co|gi|cr|ag|f|tb)_\w+|fget|fset|fdel|func|args|keywords|cell_contents|start|stop|step)$/;
/** Made anew, or turned into something else, when they are read (CPython Objects/codeobject.c, frameobject.c, genobject.c). */
const MADE_ON_READING: ReadonlySet<string> = new Set([
  "co_code",
  "co_code_adaptive",
  "co_varnames",
  "co_cellvars",
  "co_freevars",
  "co_localsplusnames",
  "co_localspluskinds",
  "co_weakreflist",
  "f_locals",
  "f_valuestack",
  "__weakref__",
]);
/** Up to 3.10 these tuples are fields of the code object; later they are made from `co_localsplusnames`. */
const TUPLES_OF_NAMES = ["co_varnames", "co_cellvars", "co_freevars"] as const;

/** Whether reading the attribute of a field's name gives the object that the field refers to. */
export function isReachableField(graph: ObjectGraph, source: number, name: string, target: number): boolean {
  if (isSlot(graph, source, name)) return true;
  if (MADE_ON_READING.has(name)) return false;
  // Annotations are kept as a tuple until they are asked for (CPython Objects/funcobject.c, from 3.10).
  if (name === "__annotations__") return formOf(graph, target) === TypeForm.dict;
  return REACHABLE_FIELD.test(name);
}

/** Whether the name is one of `__slots__`, which a member descriptor reads as it is. */
function isSlot(graph: ObjectGraph, source: number, name: string): boolean {
  const found = hasPythonClass(graph, source) ? classAttribute(graph, typeOf(graph, source), name) : NO_OBJECT;
  return found >= 0 && graph.snapshot.types.name[typeOf(graph, found)] === "member_descriptor";
}

/** Whether `f_locals` of a frame or a generator shows its variables: not those of a class body, which has a dictionary of its own. */
export function isReachableLocal(graph: ObjectGraph, source: number): boolean {
  const form = formOf(graph, source);
  return form === TypeForm.frame || form === TypeForm.generator;
}

/** Name of a local, cell or free variable by its number; undefined for the evaluation stack and where names are not kept. */
export function localName(graph: ObjectGraph, source: number, position: number): string | undefined {
  const code = codeOf(graph, source);
  if (code < 0) return undefined;
  const all = fieldTarget(graph, code, "co_localsplusnames");
  if (all >= 0) return textAt(graph, all, position);
  let first = 0;
  for (const field of TUPLES_OF_NAMES) {
    const tuple = fieldTarget(graph, code, field);
    if (tuple < 0) continue;
    const length = tupleLength(graph, tuple);
    if (position < first + length) return textAt(graph, tuple, position - first);
    first += length;
  }
  return undefined;
}

/** The code that a frame, a generator or a function runs, or `NO_OBJECT`. */
export function codeOf(graph: ObjectGraph, source: number): number {
  let found = NO_OBJECT;
  forEachReference(graph.tables.references, source, (target, slot) => {
    const isOwn = found < 0 && slotPart(slot) !== SlotPart.local && slotPart(slot) !== SlotPart.item;
    if (isOwn && formOf(graph, target) === TypeForm.code) found = target;
  });
  return found;
}

function textAt(graph: ObjectGraph, tuple: number, index: number): string | undefined {
  if (index >= tupleLength(graph, tuple)) return undefined;
  const item = targetAt(graph, tuple, packSlot(SlotPart.item, index));
  return item < 0 ? undefined : nameText(graph.tables, item);
}

/** A tuple's items are all there, and its type is static: it refers to nothing else. */
function tupleLength(graph: ObjectGraph, tuple: number): number {
  const { offsets } = graph.tables.references;
  return graph.tables.types.form[typeOf(graph, tuple)] === TypeForm.tuple ? offsets[tuple + 1] - offsets[tuple] : 0;
}
