import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { objectAt } from "../../analysis/places.ts";
import type { RetainedTree, RetainedTreeRow } from "../../analysis/retained-tree.ts";
import { addressJson, type JsonObject } from "./envelope.ts";
import { expressionJson, graphEnvelope, identityJson, objectJson } from "./object-json.ts";

/** Who retains most, for programs (docs/schemas/retained-1.json). */
export function retainedJson(graph: ObjectGraph, tree: RetainedTree): JsonObject {
  return {
    ...graphEnvelope("retained", graph),
    under: tree.under === undefined ? undefined : objectJson(graph, tree.under),
    dominators: tree.rows.map((row) => dominatorJson(graph, row)),
    other: { ...tree.other },
    all: { ...tree.all },
  };
}

function dominatorJson(graph: ObjectGraph, { row, below }: RetainedTreeRow): JsonObject {
  const { object, accumulator } = row;
  return {
    ...identityJson(graph, object),
    ...expressionJson(graph, object),
    shallowBytes: row.shallowBytes,
    ownedBytes: row.ownedBytes,
    retainedBytes: row.retainedBytes,
    retainedCount: row.retainedCount,
    freedAtOnceBytes: row.freedAtOnceBytes,
    referenceCount: row.references,
    immortal: row.references === undefined,
    accumulator: accumulator === object ? undefined : addressJson(objectAt(graph.snapshot, accumulator)?.address),
    dominatedCount: row.dominated,
    dominated: below?.rows.map((each) => dominatorJson(graph, each)),
    other: below && { ...below.other },
  };
}
