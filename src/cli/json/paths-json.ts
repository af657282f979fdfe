import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { PathsToObject, RootPath } from "../../analysis/paths.ts";
import { objectAt } from "../../analysis/places.ts";
import type { PathGroup, TypePaths } from "../../analysis/type-paths.ts";
import { addressJson, type JsonObject } from "./envelope.ts";
import { graphEnvelope, identityJson, objectJson, typeJson } from "./object-json.ts";

/** Why one object is alive, for programs (docs/schemas/paths-1.json). */
export function objectPathsJson(graph: ObjectGraph, object: number, { paths, complete }: PathsToObject): JsonObject {
  return {
    ...graphEnvelope("paths", graph),
    target: objectJson(graph, object),
    paths: paths.map((path) => pathJson(graph, path)),
    complete,
  };
}

/** Why the instances of a type are alive, for programs. */
export function typePathsJson(graph: ObjectGraph, types: readonly number[], paths: TypePaths): JsonObject {
  const table = graph.snapshot.types;
  const { groups, count } = paths.other;
  return {
    ...graphEnvelope("paths", graph),
    target: {
      types: types.map((type) => ({
        ...typeJson(graph, type),
        address: addressJson(table.address[type]),
        count: table.count[type],
      })),
      count: paths.count,
      retainedBytes: paths.retainedBytes,
    },
    paths: paths.groups.map((group) => groupJson(graph, group)),
    complete: groups === 0,
    other: { groups, count },
  };
}

function pathJson(graph: ObjectGraph, { root, expression, evaluable, steps }: RootPath): JsonObject {
  return {
    root,
    expression,
    evaluable,
    steps: steps.map(({ object, reference, evaluable: takes }) => ({
      ...identityJson(graph, object),
      reference,
      evaluable: takes,
    })),
  };
}

function groupJson(graph: ObjectGraph, group: PathGroup): JsonObject {
  return {
    root: group.root,
    expression: group.expression,
    evaluable: false,
    count: group.count,
    retainedBytes: group.retainedBytes,
    steps: group.steps.map(({ object, type, reference }) => ({
      address: addressJson(objectAt(graph.snapshot, object)?.address),
      ...typeJson(graph, type),
      reference,
      evaluable: false,
    })),
    example: pathJson(graph, group.example),
  };
}
