import { freedAtOnce } from "../../analysis/freed-at-once.ts";
import { typeOf } from "../../analysis/graph-lookups.ts";
import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { objectLabel } from "../../analysis/object-labels.ts";
import { shortestPath } from "../../analysis/paths.ts";
import { objectAt } from "../../analysis/places.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** The first keys of every answer about who holds what. */
export function graphEnvelope(verb: string, graph: ObjectGraph): JsonObject {
  return { ...envelope(verb, graph.snapshot), lowerBound: graph.lowerBound };
}

/** Which object: where it is and what it is. */
export function identityJson(graph: ObjectGraph, object: number): JsonObject {
  return {
    address: addressJson(objectAt(graph.snapshot, object)?.address),
    ...typeJson(graph, typeOf(graph, object)),
    label: objectLabel(graph, object),
  };
}

export function typeJson({ snapshot }: ObjectGraph, type: number): JsonObject {
  return { type: snapshot.types.name[type] ?? "", module: snapshot.types.module[type] ?? "" };
}

/** The shortest path to an object as Python. */
export function expressionJson(graph: ObjectGraph, object: number): JsonObject {
  const { expression, evaluable } = shortestPath(graph, object);
  return { expression, evaluable };
}

/** One object with all its sizes (docs/schemas/common-1.json, object). */
export function objectJson(graph: ObjectGraph, object: number): JsonObject {
  const facts = objectAt(graph.snapshot, object);
  const generation = facts?.generation ?? UNTRACKED_GENERATION;
  return {
    ...identityJson(graph, object),
    ...expressionJson(graph, object),
    shallowBytes: facts?.shallowBytes,
    ownedBytes: graph.ownedBytes[object],
    retainedBytes: graph.retainedBytes[object],
    retainedCount: graph.retainedCounts[object],
    freedAtOnceBytes: freedAtOnce(graph, object),
    referenceCount: facts?.referenceCount,
    immortal: facts?.referenceCount === undefined,
    generation: generation === UNTRACKED_GENERATION ? "untracked" : generation,
  };
}
