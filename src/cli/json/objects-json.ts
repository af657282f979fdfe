import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { ObjectList, ObjectListSum } from "../../analysis/objects.ts";
import type { JsonObject } from "./envelope.ts";
import { graphEnvelope, objectJson } from "./object-json.ts";

/** A list of objects for programs (docs/schemas/objects-1.json). */
export function objectsJson(graph: ObjectGraph, list: ObjectList): JsonObject {
  return {
    ...graphEnvelope("objects", graph),
    objects: list.rows.map(({ object }) => objectJson(graph, object)),
    other: sumJson(list.other),
    all: sumJson(list.matching),
  };
}

function sumJson({ count, shallowBytes, ownedBytes }: ObjectListSum): JsonObject {
  return { count, shallowBytes, ownedBytes };
}
