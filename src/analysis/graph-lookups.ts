/**
 * Questions about single objects of a graph, asked for what is shown: what a str says, what a field is called, what lies in a slot.
 * A walk along one object's references at most, never over all objects.
 */

import { type GraphTables, SlotPart, TypeFlags, TypeForm, UncountedKind } from "../snapshot/graph-tables.ts";
import { forEachReference, packSlot, slotPart, slotPosition } from "../snapshot/references.ts";
import { descriptorType } from "../snapshot/states.ts";
import type { ObjectGraph } from "./object-graph.ts";

export const NO_OBJECT = -1;

/** Most references of one object to the same target that are looked at. */
const MOST_PARALLEL = 8;
/** Most classes of an `__mro__`, and most bases followed where there is none. */
const MOST_CLASSES = 64;

/** Type index of an object. */
export function typeOf(graph: ObjectGraph, object: number): number {
  return descriptorType(graph.objects.descriptor[object]);
}

/** `TypeForm` of an object. */
export function formOf(graph: ObjectGraph, object: number): number {
  return graph.tables.types.form[typeOf(graph, object)] ?? TypeForm.other;
}

/** Whether an object's type was made by a class statement, so that its methods may do anything. */
export function hasPythonClass(graph: ObjectGraph, object: number): boolean {
  return (graph.tables.types.flags[typeOf(graph, object)] & TypeFlags.pythonClass) !== 0;
}

/** Whether an object's type is the builtin one of this name itself, not a type derived from it. */
export function isExactly(graph: ObjectGraph, object: number, name: string): boolean {
  const { types } = graph.snapshot;
  const type = typeOf(graph, object);
  return types.name[type] === name && types.module[type] === "" && !hasPythonClass(graph, object);
}

/** Text of a str that is a name; undefined for other objects. O(log names). */
export function nameText({ names }: GraphTables, object: number): string | undefined {
  const row = nameRow({ names }, object);
  return row < 0 ? undefined : names.texts[names.text[row]];
}

/** Row of the name table, -1 for an object that is no name. */
export function nameRow({ names }: Pick<GraphTables, "names">, object: number): number {
  return rowOf(names.object, names.length, object);
}

/** An object's repr when values were kept. */
export function keptValue(
  { values }: GraphTables,
  object: number,
): { readonly repr: string; readonly cut: boolean } | undefined {
  const row = values ? rowOf(values.object, values.length, object) : -1;
  return values && row >= 0 ? { repr: values.repr[row], cut: values.cut[row] === 1 } : undefined;
}

/** Line where a code object begins; undefined when that is not known. */
export function firstLine({ codes }: GraphTables, code: number): number | undefined {
  const row = rowOf(codes.object, codes.length, code);
  return row < 0 || codes.firstLine[row] === 0 ? undefined : codes.firstLine[row];
}

/** Row of `object` in an ascending column, or -1. */
function rowOf(column: Uint32Array, length: number, object: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] < object) low = middle + 1;
    else high = middle;
  }
  return low < length && column[low] === object ? low : -1;
}

/** Name of a field of a type's instances; undefined when nobody names it. O(log fields). */
export function fieldName(graph: ObjectGraph, type: number, position: number): string | undefined {
  const { fields } = graph.tables.types;
  let low = 0;
  let high = fields.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (fields.type[middle] < type || (fields.type[middle] === type && fields.position[middle] < position)) low = middle + 1;
    else high = middle;
  }
  return fields.type[low] === type && fields.position[low] === position ? fields.name[low] : undefined;
}

/** What an object refers to from one of its slots, or `NO_OBJECT`. */
export function targetAt(graph: ObjectGraph, object: number, wanted: number): number {
  let found = NO_OBJECT;
  forEachReference(graph.tables.references, object, (target, slot) => {
    if (slot === wanted) found = target;
  });
  return found;
}

/** Slots of `source` that refer to `target`, a few at most. */
export function slotsBetween(graph: ObjectGraph, source: number, target: number): readonly number[] {
  const slots: number[] = [];
  forEachReference(graph.tables.references, source, (to, slot) => {
    if (to === target && slots.length < MOST_PARALLEL) slots.push(slot);
  });
  return slots;
}

/** What a field of this name refers to, or `NO_OBJECT`. */
export function fieldTarget(graph: ObjectGraph, object: number, name: string): number {
  const type = typeOf(graph, object);
  let found = NO_OBJECT;
  forEachReference(graph.tables.references, object, (target, slot) => {
    const isField = found === NO_OBJECT && slotPart(slot) === SlotPart.field;
    if (isField && fieldName(graph, type, slotPosition(slot)) === name) found = target;
  });
  return found;
}

/** Whether a slot of an object holds its namespace: `__dict__` of an instance, a module or a class. */
export function isNamespaceSlot(graph: ObjectGraph, object: number, slot: number): boolean {
  const part = slotPart(slot);
  if (part === SlotPart.implicit) return slotPosition(slot) === 1;
  return part === SlotPart.field && fieldName(graph, typeOf(graph, object), slotPosition(slot)) === "__dict__";
}

/** The namespace of an instance, a module or a class, or `NO_OBJECT`. */
export function namespaceOf(graph: ObjectGraph, object: number): number {
  let found = NO_OBJECT;
  forEachReference(graph.tables.references, object, (target, slot) => {
    if (found === NO_OBJECT && isNamespaceSlot(graph, object, slot) && formOf(graph, target) === TypeForm.dict) found = target;
  });
  return found;
}

/** Key of a dictionary's value, a slot of its entries; `NO_OBJECT` when the slot is none. */
export function keyOfValue(graph: ObjectGraph, dictionary: number, slot: number): number {
  if (slotPart(slot) === SlotPart.item)
    return (slotPosition(slot) & 1) === 1 ? targetAt(graph, dictionary, slot - 1) : NO_OBJECT;
  return slotPart(slot) === SlotPart.attribute ? sharedKey(graph, dictionary, slot) : NO_OBJECT;
}

/** The str that names an attribute: the type whose instances share the keys refers to it from the same slot. */
export function sharedKey(graph: ObjectGraph, object: number, slot: number): number {
  const isDictionary = formOf(graph, object) === TypeForm.dict;
  const type = isDictionary ? ownerOfSharedKeys(graph, object) : graph.tables.types.object[typeOf(graph, object)];
  return type < 0 ? NO_OBJECT : targetAt(graph, type, packSlot(SlotPart.attribute, slotPosition(slot)));
}

function ownerOfSharedKeys({ tables }: ObjectGraph, dictionary: number): number {
  const { uncounted } = tables.references;
  let row = rowOf(uncounted.source, uncounted.length, dictionary);
  if (row < 0) return NO_OBJECT;
  for (; uncounted.source[row] === dictionary && row < uncounted.length; row++) {
    if (uncounted.kind[row] === UncountedKind.sharedKeys) return uncounted.target[row];
  }
  return NO_OBJECT;
}

/** Calls `visit` for each entry of a namespace whose key is a kept name. */
export function forEachName(
  graph: ObjectGraph,
  dictionary: number,
  visit: (name: string, target: number, slot: number) => void,
): void {
  let key = NO_OBJECT;
  forEachReference(graph.tables.references, dictionary, (target, slot) => {
    const part = slotPart(slot);
    if (part === SlotPart.item && (slotPosition(slot) & 1) === 0) {
      key = target;
      return;
    }
    const name = nameText(graph.tables, part === SlotPart.attribute ? sharedKey(graph, dictionary, slot) : key);
    if (name !== undefined && (part === SlotPart.item || part === SlotPart.attribute)) visit(name, target, slot);
  });
}

/** Attributes of the classes that were looked at, by place of the class; kept as long as the graph is. */
const classNames = new WeakMap<ObjectGraph, Map<number, ReadonlyMap<string, number>>>();

/** What `type(object).name` finds along the method resolution order, or `NO_OBJECT`; descriptors are not called. */
export function classAttribute(graph: ObjectGraph, type: number, name: string): number {
  for (const place of resolutionOrder(graph, type)) {
    const target = namesOfClass(graph, place).get(name);
    if (target !== undefined) return target;
  }
  return NO_OBJECT;
}

function namesOfClass(graph: ObjectGraph, place: number): ReadonlyMap<string, number> {
  const classes = classNames.get(graph) ?? new Map<number, ReadonlyMap<string, number>>();
  classNames.set(graph, classes);
  let names = classes.get(place);
  if (names === undefined) {
    const found = new Map<string, number>();
    const namespace = namespaceOf(graph, place);
    if (namespace >= 0) forEachName(graph, namespace, (name, target) => found.set(name, target));
    classes.set(place, found);
    names = found;
  }
  return names;
}

/** Places of the classes that an attribute is looked for in; the chain of bases when the tuple is not there. */
function resolutionOrder(graph: ObjectGraph, type: number): readonly number[] {
  const { types } = graph.tables;
  const order: number[] = [];
  const place = types.object[type] ?? NO_OBJECT;
  const tuple = place < 0 ? NO_OBJECT : fieldTarget(graph, place, "__mro__");
  if (tuple >= 0) {
    forEachReference(graph.tables.references, tuple, (target) => {
      if (order.length < MOST_CLASSES) order.push(target);
    });
    return order;
  }
  for (let row = type; row >= 0 && order.length < MOST_CLASSES; row = types.base[row]) {
    if (types.object[row] >= 0) order.push(types.object[row]);
  }
  return order;
}
