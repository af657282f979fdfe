/** What Python can reach of the fields that layouts name, and the names of a frame's variables. */

import { SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { forEachReference, packSlot, slotPart } from "../snapshot/references.ts";
import { classAttribute, fieldTarget, formOf, hasPythonClass, NO_OBJECT, nameText, targetAt, typeOf } from "./graph-lookups.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { isIdentifier } from "./python-literals.ts";

/** Made anew, or turned into something else, when they are read (CPython Objects/codeobject.c, frameobject.c, genobject.c). */
const MADE_ON_READING: ReadonlySet<string> = new Set(["co_code", "co_lnotab", "f_locals", "cr_origin"]);
const FIELD_READERS: ReadonlySet<string> = new Set(["member_descriptor", "getset_descriptor"]);
/** Up to 3.10 these tuples are fields of the code object; later they are made from one. */
const TUPLES_OF_NAMES = ["co_varnames", "co_cellvars", "co_freevars"] as const;

/** Whether reading the attribute of a field's name gives the object that the field refers to. */
export function isReachableField(graph: ObjectGraph, source: number, name: string, target: number): boolean {
  // Angle brackets: a field of C that no attribute reads.
  if (!isIdentifier(name) || MADE_ON_READING.has(name)) return false;
  // Annotations are kept as a tuple until they are asked for (CPython Objects/funcobject.c, from 3.10).
  if (name === "__annotations__") return formOf(graph, target) === TypeForm.dict;
  // A text stream keeps bytes and shows a str (Modules/_io/textio.c, 3.6).
  if (name === "errors") return formOf(graph, target) === TypeForm.str;
  return !hasPythonClass(graph, source) || !isOverridden(graph, source, name);
}

/** Whether a class hides a field behind an attribute of its own. */
function isOverridden(graph: ObjectGraph, source: number, name: string): boolean {
  const found = classAttribute(graph, typeOf(graph, source), name);
  return found >= 0 && !FIELD_READERS.has(graph.snapshot.types.name[typeOf(graph, found)]);
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
  const all = fieldTarget(graph, code, "<co_localsplusnames>");
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
