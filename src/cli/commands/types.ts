import { type ObjectGraph, openObjectGraph } from "../../analysis/object-graph.ts";
import { partitionObjects } from "../../analysis/partitions.ts";
import { retainedByType } from "../../analysis/retained.ts";
import { typeHistogram } from "../../analysis/types.ts";
import { fail, type Result, succeed } from "../../base/result.ts";
import { type TypesOfGraph, typesJson } from "../json/types-json.ts";
import { parseFilter, type TypesArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { partitionText } from "../text/partition-text.ts";
import { typesText } from "../text/types-text.ts";

/** Rows for people when no limit is given; programs get all. */
const ROWS_FOR_PEOPLE = 30;

/** `types PID|FILE`: the histogram of types, or all objects parted by another question. */
export async function types(source: SnapshotSource, options: TypesArguments): Promise<Result<void>> {
  // Wrong options are found before the process is stopped for nothing.
  const filter = options.filter === undefined ? undefined : parseFilter(options.filter);
  if (filter && !filter.ok) return filter;
  const { by, retained, sort = retained ? "retained" : "resident" } = options;
  if (sort === "retained" && !retained) return fail("usage", "Nothing is known of what types retain.", "Add --retained.");
  const references = by !== undefined || retained;
  const taken = await takeSnapshot(source, options, { references });
  if (!taken.ok) return taken;
  const snapshot = taken.value;
  const graph = references ? openObjectGraph(snapshot) : undefined;
  if (graph && !graph.ok) return graph;
  const ofGraph = graph && askGraph(graph.value, options);
  const usual = options.format === "json" ? 0 : ROWS_FOR_PEOPLE;
  const limit = options.limit ?? usual;
  const histogram = typeHistogram(snapshot.types, {
    sort,
    retainedBytes: ofGraph?.retained?.retainedBytes,
    limit: limit === 0 ? undefined : limit,
    matches: filter?.value,
  });
  const style = styleFor(options);
  if (options.format === "json") writeJson(typesJson(snapshot, histogram, ofGraph));
  else if (graph && ofGraph?.partition) {
    const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    writeLines(partitionText(graph.value, ofGraph.partition, most, filter?.value, style));
  } else writeLines(typesText(snapshot, histogram, sort, style, ofGraph?.retained?.retainedBytes));
  return succeed(undefined);
}

function askGraph(graph: ObjectGraph, { by, retained }: TypesArguments): TypesOfGraph {
  return {
    lowerBound: graph.lowerBound,
    retained: retained ? retainedByType(graph) : undefined,
    partition: by === undefined ? undefined : partitionObjects(graph, by),
  };
}
