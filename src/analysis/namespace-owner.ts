/** Whose names a dictionary holds: what people mean when they ask who refers to an object. */
import { TypeForm } from "../snapshot/graph-tables.ts";
import { attributeName, type ReferenceName, referenceName } from "./expressions.ts";
import { formOf, isNamespaceSlot, NO_OBJECT, slotsBetween } from "./graph-lookups.ts";
import { holdersOf } from "./holders.ts";
import type { ObjectGraph } from "./object-graph.ts";

/** Referrers of a dictionary that are looked at: a namespace of an instance or a class has one or two. */
const MOST_OWNERS = 8;

/** The module, class or instance that a dictionary is the namespace of, or `NO_OBJECT`. */
export function ownerOfNamespace(graph: ObjectGraph, dictionary: number): number {
  if (formOf(graph, dictionary) !== TypeForm.dict) return NO_OBJECT;
  const module = holdersOf(graph).moduleOf.get(dictionary);
  if (module !== undefined) return module;
  const { offsets, edges } = graph.referrers;
  const end = Math.min(offsets[dictionary + 1], offsets[dictionary] + MOST_OWNERS);
  for (let edge = offsets[dictionary]; edge < end; edge++) {
    const owner = edges[edge];
    if (slotsBetween(graph, owner, dictionary).some((slot) => isNamespaceSlot(graph, owner, slot))) return owner;
  }
  return NO_OBJECT;
}

/** Of several references from one object to another the name of one that can be evaluated, if there is such; `<…>` of none. */
export function bestReferenceName(graph: ObjectGraph, source: number, target: number): ReferenceName {
  const names = slotsBetween(graph, source, target).map((slot) => referenceName(graph, source, slot, target));
  return names.find((name) => name.evaluable) ?? names[0] ?? { text: "<…>", evaluable: false };
}

/** The same through an owner's namespace, as one step: `.name`. Undefined when no name in it stands for the target. */
export function bestAttributeName(
  graph: ObjectGraph,
  owner: number,
  namespace: number,
  target: number,
): ReferenceName | undefined {
  const names = slotsBetween(graph, namespace, target).flatMap(
    (slot) => attributeName(graph, owner, namespace, slot, target) ?? [],
  );
  return names.find((name) => name.evaluable) ?? names[0];
}
