import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { ReferenceAnswer, ReferenceLevel, ReferenceRow } from "../../analysis/referrers.ts";
import type { JsonObject } from "./envelope.ts";
import { graphEnvelope, identityJson, objectJson } from "./object-json.ts";

/** Which end of the references is asked for: the verb. */
export type ReferenceVerb = "referrers" | "referents";

/** Who refers to an object, or what it refers to, for programs (docs/schemas/referrers-1.json, referents-1.json). */
export function referencesJson(verb: ReferenceVerb, graph: ObjectGraph, object: number, answer: ReferenceAnswer): JsonObject {
  const outside = { roots: answer.roots, nativeReferences: answer.nativeReferences };
  return {
    ...graphEnvelope(verb, graph),
    object: objectJson(graph, object),
    ...levelJson(verb, graph, answer),
    ...(verb === "referrers" ? outside : {}),
  };
}

function levelJson(verb: ReferenceVerb, graph: ObjectGraph, { rows, other }: ReferenceLevel): JsonObject {
  return { [verb]: rows.map((row) => rowJson(verb, graph, row)), other };
}

function rowJson(verb: ReferenceVerb, graph: ObjectGraph, row: ReferenceRow): JsonObject {
  const { object, reference, evaluable, counted, shallowBytes, retainedBytes, retainedCount, again, next } = row;
  const hasLevel = next.rows.length > 0 || next.other > 0;
  return {
    ...identityJson(graph, object),
    reference,
    evaluable,
    counted,
    shallowBytes,
    retainedBytes,
    retainedCount,
    again,
    ...(hasLevel ? levelJson(verb, graph, next) : {}),
  };
}
