import { findCycles } from "../../analysis/cycles.ts";
import { type Result, succeed } from "../../base/result.ts";
import { cyclesJson } from "../json/cycles-json.ts";
import type { CyclesArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import { type SnapshotSource, sourceText } from "../source.ts";
import { takeGraph } from "../take-graph.ts";
import { cyclesText } from "../text/cycles-text.ts";

const DEFAULT_LIMIT = 20;

/** `cycles PID|FILE`: garbage, who closes its cycles, the collector's state. */
export async function cycles(source: SnapshotSource, options: CyclesArguments): Promise<Result<void>> {
  const graph = await takeGraph(source, options);
  if (!graph.ok) return graph;
  const report = findCycles(graph.value, { reachable: options.reachable });
  const { limit = DEFAULT_LIMIT } = options;
  const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  if (options.format === "json") writeJson(cyclesJson(graph.value, report, most));
  else writeLines(cyclesText(graph.value, report, most, sourceText(source), styleFor(options)));
  return succeed(undefined);
}
