import { listObjects } from "../../analysis/objects.ts";
import { typesOfName } from "../../analysis/targets.ts";
import { type Result, succeed } from "../../base/result.ts";
import { objectsJson } from "../json/objects-json.ts";
import type { ObjectsArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeGraph } from "../take-graph.ts";
import { objectsText } from "../text/objects-text.ts";

const DEFAULT_LIMIT = 30;

/** `objects PID|FILE`: single objects by type, generation and size. */
export async function objects(source: SnapshotSource, options: ObjectsArguments): Promise<Result<void>> {
  const graph = await takeGraph(source, options);
  if (!graph.ok) return graph;
  const types = options.type === undefined ? undefined : typesOfName(graph.value.snapshot, options.type);
  if (types && !types.ok) return types;
  const { sort, limit = DEFAULT_LIMIT, generation, least } = options;
  const list = listObjects(graph.value, {
    sort,
    limit: limit === 0 ? graph.value.objects.length : limit,
    types: types?.value,
    generation,
    leastBytes: least,
  });
  if (options.format === "json") writeJson(objectsJson(graph.value, list));
  else writeLines(objectsText(graph.value, list, sort, styleFor(options)));
  return succeed(undefined);
}
