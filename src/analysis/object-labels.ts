/** What an object is, in a few words: told from references and names alone, never from values that were not kept. */

import { RootKind, SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../snapshot/references.ts";
import { codeOf } from "./field-names.ts";
import { fieldTarget, firstLine, formOf, keptValue, nameText, typeOf } from "./graph-lookups.ts";
import { shortFile } from "./holders.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { pythonString } from "./python-literals.ts";
import { qualifiedTypeName } from "./types.ts";

/** Longest text of a str or value that a label shows. */
const LONGEST_TEXT = 40;

/**
 * Such as "list, 481 items", "function parley.hub.fanout (parley/hub.py:212)", "module parley.hub", "type parley.session.Session",
 * "parley.session.Session". Hostile text. O(references of the object).
 */
export function objectLabel(graph: ObjectGraph, object: number): string {
  const type = qualifiedTypeName(graph.snapshot.types, typeOf(graph, object));
  switch (formOf(graph, object)) {
    case TypeForm.module:
      return named("module", moduleName(graph, object));
    case TypeForm.type:
      return named("type", typeName(graph, object));
    case TypeForm.function:
      return named("function", functionName(graph, object));
    case TypeForm.method:
      return named("method", functionName(graph, fieldTarget(graph, object, "__func__")));
    case TypeForm.code:
      return named("code", codeName(graph, object));
    case TypeForm.frame:
      return named("frame", codeName(graph, codeOf(graph, object)));
    case TypeForm.generator:
      return named(type, codeName(graph, codeOf(graph, object)));
    case TypeForm.list:
    case TypeForm.tuple:
    case TypeForm.dict:
    case TypeForm.set:
    case TypeForm.deque:
      // Its keys and values are not counted: it would look empty.
      if (isInternedTable(graph, object)) return "interned strings";
      return `${type}, ${countOf(itemsOf(graph, object))}`;
    case TypeForm.str:
      return textLabel(graph, object, type);
    default:
      return valueLabel(graph, object, type);
  }
}

function named(kind: string, name: string | undefined): string {
  return name === undefined ? kind : `${kind} ${name}`;
}

function isInternedTable({ tables: { roots } }: ObjectGraph, object: number): boolean {
  for (let row = 0; row < roots.length; row++) {
    if (roots.target[row] === object && roots.kind[row] === RootKind.interned) return true;
  }
  return false;
}

function moduleName(graph: ObjectGraph, module: number): string | undefined {
  const { roots } = graph.tables;
  for (let row = 0; row < roots.length; row++) {
    if (roots.target[row] === module && roots.kind[row] === RootKind.module) return roots.name[row];
  }
  return fieldText(graph, module, "__name__");
}

function typeName({ tables, snapshot }: ObjectGraph, object: number): string | undefined {
  const row = tables.types.object.indexOf(object);
  return row < 0 ? undefined : qualifiedTypeName(snapshot.types, row);
}

/** `module.qualified name (file:line)`. */
function functionName(graph: ObjectGraph, object: number): string | undefined {
  if (object < 0 || formOf(graph, object) !== TypeForm.function) return undefined;
  const code = codeOf(graph, object);
  const name = fieldText(graph, object, "__qualname__") ?? (code < 0 ? undefined : fieldText(graph, code, "co_name"));
  const module = fieldText(graph, object, "__module__");
  return name === undefined ? undefined : `${module === undefined ? "" : `${module}.`}${name}${fileOf(graph, code)}`;
}

function codeName(graph: ObjectGraph, code: number): string | undefined {
  if (code < 0) return undefined;
  const name = fieldText(graph, code, "co_qualname") ?? fieldText(graph, code, "co_name");
  return name === undefined ? undefined : `${name}${fileOf(graph, code)}`;
}

function fileOf(graph: ObjectGraph, code: number): string {
  const file = code < 0 ? undefined : fieldText(graph, code, "co_filename");
  if (file === undefined) return "";
  const line = firstLine(graph.tables, code);
  return ` (${shortFile(file)}${line === undefined ? "" : `:${line}`})`;
}

function fieldText(graph: ObjectGraph, object: number, field: string): string | undefined {
  const target = fieldTarget(graph, object, field);
  return target < 0 ? undefined : nameText(graph.tables, target);
}

function textLabel(graph: ObjectGraph, object: number, type: string): string {
  const text = nameText(graph.tables, object);
  if (text !== undefined)
    return `${type} ${pythonString(text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text)}`;
  return valueLabel(graph, object, type);
}

function valueLabel(graph: ObjectGraph, object: number, type: string): string {
  const value = keptValue(graph.tables, object);
  if (value === undefined) return type;
  return `${type} ${value.repr.length > LONGEST_TEXT ? `${value.repr.slice(0, LONGEST_TEXT)}…` : value.repr}`;
}

/** Items of a container: entries of a dictionary, not keys and values. */
function itemsOf(graph: ObjectGraph, object: number): number {
  const isDictionary = formOf(graph, object) === TypeForm.dict;
  let items = 0;
  forEachReference(graph.tables.references, object, (_, slot) => {
    const part = slotPart(slot);
    if (part === SlotPart.item) items += isDictionary ? slotPosition(slot) & 1 : 1;
    else if (part === SlotPart.attribute && isDictionary) items++;
  });
  return items;
}

function countOf(items: number): string {
  return `${items.toLocaleString("en-US")} ${items === 1 ? "item" : "items"}`;
}
