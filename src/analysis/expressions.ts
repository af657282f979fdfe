/**
 * References as Python spells them, and whether that spelling really leads there.
 *
 * `evaluable` promises that the text, appended to an expression for the source, evaluates to the target inside the process. It is
 * given only where nothing of the program's own is in the way: no property of the same name, no `__getitem__` or
 * `__getattribute__` of a class, no key whose equality a class defines.
 */

import { SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { packSlot, slotPart, slotPosition } from "../snapshot/references.ts";
import { isReachableField, isReachableLocal, localName } from "./field-names.ts";
import {
  classAttribute,
  fieldName,
  formOf,
  hasPythonClass,
  isExactly,
  keptValue,
  keyOfValue,
  nameText,
  sharedKey,
  targetAt,
  typeOf,
} from "./graph-lookups.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { isIdentifier, pythonString } from "./python-literals.ts";

export interface ReferenceName {
  /** Such as `.store`, `['leaf']`, `[3]`, `[…]`, `.__dict__`, `<native>`; hostile text. */
  readonly text: string;
  /** Whether the text, behind an expression for the source, evaluates to the target. */
  readonly evaluable: boolean;
}

/** Deepest tuple, and most items of one, that are spelled out as a key. */
const DEEPEST_KEY = 3;
const MOST_KEY_ITEMS = 8;
/** Descriptors of C that give something else than themselves when they are read from a class. */
const BINDING_TYPES: ReadonlySet<string> = new Set(["classmethod", "staticmethod", "classmethod_descriptor"]);
/** Descriptors that win over an instance's own attribute. */
const DATA_DESCRIPTORS: ReadonlySet<string> = new Set(["property", "member_descriptor", "getset_descriptor"]);
const PLAIN_NUMBER = /^-?\d[\d.e+-]*$/i;

/** The name of one reference. O(references of the source). */
export function referenceName(graph: ObjectGraph, source: number, slot: number, target: number): ReferenceName {
  const position = slotPosition(slot);
  switch (slotPart(slot)) {
    case SlotPart.item:
      return itemName(graph, source, slot);
    case SlotPart.attribute:
      return sharedAttributeName(graph, source, slot, target);
    case SlotPart.local:
      return localReferenceName(graph, source, position, target);
    case SlotPart.memory:
      return { text: "<native>", evaluable: false };
    case SlotPart.implicit:
      return position === 0
        ? { text: ".__class__", evaluable: !pretendsClass(graph, source) }
        : { text: ".__dict__", evaluable: !isClass(graph, source) && !hasOwnLookup(graph, source) };
    default:
      return fieldReferenceName(graph, source, position, target);
  }
}

/**
 * The name of what an object's namespace refers to from `slot`, as one step: `.name` of a module, an instance or a class.
 * Undefined when the slot holds no value, or its key is not known to be a name.
 */
export function attributeName(
  graph: ObjectGraph,
  owner: number,
  namespace: number,
  slot: number,
  target: number,
): ReferenceName | undefined {
  const key = keyOfValue(graph, namespace, slot);
  const name = key < 0 ? undefined : (nameText(graph.tables, key) ?? strValue(graph, key));
  return name === undefined ? undefined : spelledAttribute(graph, owner, name, target);
}

function spelledAttribute(graph: ObjectGraph, owner: number, name: string, target: number): ReferenceName {
  if (
    !isIdentifier(name) ||
    (isClass(graph, owner) ? bindsOnClass(graph, owner, name, target) : isHidden(graph, owner, name))
  ) {
    return { text: `.__dict__[${pythonString(name)}]`, evaluable: !hasOwnLookup(graph, owner) };
  }
  return { text: `.${name}`, evaluable: !hasOwnLookup(graph, owner) };
}

/** Whether reading a class attribute gives something else than what its namespace holds. */
function bindsOnClass(graph: ObjectGraph, owner: number, name: string, target: number): boolean {
  const metaclass = typeOf(graph, owner);
  if (hasPythonClass(graph, owner) && classAttribute(graph, metaclass, name) >= 0) return true;
  if (formOf(graph, target) === TypeForm.function) return false;
  // `type` itself answers for `__dict__`, `__doc__`, `__module__` and others.
  if (name.startsWith("__") && name.endsWith("__")) return true;
  if (hasPythonClass(graph, target)) return classAttribute(graph, typeOf(graph, target), "__get__") >= 0;
  return BINDING_TYPES.has(graph.snapshot.types.name[typeOf(graph, target)]);
}

/** Whether a data descriptor of the class comes before the instance's own attribute. */
function isHidden(graph: ObjectGraph, owner: number, name: string): boolean {
  const found = classAttribute(graph, typeOf(graph, owner), name);
  if (found < 0) return false;
  if (DATA_DESCRIPTORS.has(graph.snapshot.types.name[typeOf(graph, found)])) return true;
  return hasPythonClass(graph, found) && classAttribute(graph, typeOf(graph, found), "__set__") >= 0;
}

/** What a class shows as `__dict__` is a view of its namespace. */
function isClass(graph: ObjectGraph, object: number): boolean {
  return formOf(graph, object) === TypeForm.type;
}

/** Whether a class of the program decides itself how attributes of its instances are found. */
function hasOwnLookup(graph: ObjectGraph, object: number): boolean {
  return overrides(graph, object, "__getattribute__");
}

/** Whether a property says of which class an object is (mocks and proxies do). */
function pretendsClass(graph: ObjectGraph, object: number): boolean {
  const found = classAttribute(graph, typeOf(graph, object), "__class__");
  return found >= 0 && graph.snapshot.types.name[typeOf(graph, found)] !== "getset_descriptor";
}

/** Whether a class statement gave the object's type a method of its own of this name. */
function overrides(graph: ObjectGraph, object: number, method: string): boolean {
  if (!hasPythonClass(graph, object)) return false;
  const found = classAttribute(graph, typeOf(graph, object), method);
  return found >= 0 && formOf(graph, found) === TypeForm.function;
}

function itemName(graph: ObjectGraph, source: number, slot: number): ReferenceName {
  const position = slotPosition(slot);
  switch (formOf(graph, source)) {
    case TypeForm.list:
    case TypeForm.tuple:
    case TypeForm.deque:
      return { text: `[${position}]`, evaluable: !overrides(graph, source, "__getitem__") };
    case TypeForm.dict:
      return (position & 1) === 0 ? { text: "<key>", evaluable: false } : valueName(graph, source, slot);
    case TypeForm.set:
      return { text: "{…}", evaluable: false };
    default:
      return { text: `<item ${position}>`, evaluable: false };
  }
}

/** Also of an attribute that is looked at from the dictionary: its key is a str that is known to be a name. */
function valueName(graph: ObjectGraph, dictionary: number, slot: number): ReferenceName {
  const key = keyOfValue(graph, dictionary, slot);
  const literal = key < 0 ? undefined : keyLiteral(graph, key, 0);
  if (literal === undefined) return { text: "[…]", evaluable: false };
  return { text: `[${literal}]`, evaluable: !overrides(graph, dictionary, "__getitem__") };
}

/** A key as Python source; undefined when it is not known, too long, or of a type whose equality may be its own. */
function keyLiteral(graph: ObjectGraph, key: number, depth: number): string | undefined {
  if (isExactly(graph, key, "str")) {
    const name = nameText(graph.tables, key);
    if (name !== undefined) return pythonString(name);
  }
  if (formOf(graph, key) === TypeForm.none) return "None";
  if (isExactly(graph, key, "tuple")) return depth < DEEPEST_KEY ? tupleLiteral(graph, key, depth + 1) : undefined;
  const value = keptValue(graph.tables, key);
  if (value === undefined || value.cut) return undefined;
  if (isExactly(graph, key, "str") || isExactly(graph, key, "bytes")) return value.repr;
  const isNumber = isExactly(graph, key, "int") || isExactly(graph, key, "float");
  return isNumber && PLAIN_NUMBER.test(value.repr) ? value.repr : undefined;
}

function tupleLiteral(graph: ObjectGraph, tuple: number, depth: number): string | undefined {
  const { offsets } = graph.tables.references;
  const length = offsets[tuple + 1] - offsets[tuple];
  if (length > MOST_KEY_ITEMS) return undefined;
  const items: string[] = [];
  for (let index = 0; index < length; index++) {
    const item = targetAt(graph, tuple, packSlot(SlotPart.item, index));
    const literal = item < 0 ? undefined : keyLiteral(graph, item, depth);
    if (literal === undefined) return undefined;
    items.push(literal);
  }
  return length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
}

/** Text of a str whose value was kept and needs no escapes. */
function strValue(graph: ObjectGraph, object: number): string | undefined {
  const value = isExactly(graph, object, "str") ? keptValue(graph.tables, object) : undefined;
  return value && !value.cut && /^'[^'\\]*'$/.test(value.repr) ? value.repr.slice(1, -1) : undefined;
}

function sharedAttributeName(graph: ObjectGraph, source: number, slot: number, target: number): ReferenceName {
  const form = formOf(graph, source);
  if (form === TypeForm.type) return { text: "<attribute name>", evaluable: false };
  if (form === TypeForm.dict) return valueName(graph, source, slot);
  const key = sharedKey(graph, source, slot);
  const name = key < 0 ? undefined : nameText(graph.tables, key);
  if (name === undefined) return { text: `<attribute ${slotPosition(slot)}>`, evaluable: false };
  return spelledAttribute(graph, source, name, target);
}

function localReferenceName(graph: ObjectGraph, source: number, position: number, target: number): ReferenceName {
  const name = localName(graph, source, position);
  if (name === undefined) return { text: "<stack>", evaluable: false };
  // `f_locals` shows what is in a cell, not the cell.
  const evaluable = isReachableLocal(graph, source) && formOf(graph, target) !== TypeForm.cell;
  return { text: `${localsOf(graph, source)}[${pythonString(name)}]`, evaluable };
}

function localsOf(graph: ObjectGraph, source: number): string {
  if (formOf(graph, source) === TypeForm.frame) return ".f_locals";
  switch (graph.snapshot.types.name[typeOf(graph, source)]) {
    case "coroutine":
      return ".cr_frame.f_locals";
    case "async_generator":
      return ".ag_frame.f_locals";
    default:
      return ".gi_frame.f_locals";
  }
}

function fieldReferenceName(graph: ObjectGraph, source: number, position: number, target: number): ReferenceName {
  const name = fieldName(graph, typeOf(graph, source), position);
  if (name === undefined) return { text: `<field +${16 + 8 * position}>`, evaluable: false };
  const isView = name === "__dict__" && isClass(graph, source);
  const evaluable = !isView && isReachableField(graph, source, name, target) && !hasOwnLookup(graph, source);
  return { text: isIdentifier(name) ? `.${name}` : name, evaluable };
}
