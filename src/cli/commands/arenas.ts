import { openObjectGraph } from "../../analysis/object-graph.ts";
import { type Result, succeed } from "../../base/result.ts";
import { arenasJson } from "../json/arenas-json.ts";
import type { OwnersArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { arenasText } from "../text/arenas-text.ts";

/** `arenas PID|FILE`: pymalloc's arenas, pools and block sizes. */
export async function arenas(source: SnapshotSource, options: OwnersArguments): Promise<Result<void>> {
  const snapshot = await takeSnapshot(source, options, { references: options.owners });
  if (!snapshot.ok) return snapshot;
  // A file has the references that it has.
  const graph = options.owners && !snapshot.value.graph ? openObjectGraph(snapshot.value) : undefined;
  if (graph && !graph.ok) return graph;
  if (options.format === "json") writeJson(arenasJson(snapshot.value));
  else writeLines(arenasText(snapshot.value, styleFor(options)));
  return succeed(undefined);
}
