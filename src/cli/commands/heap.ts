import { openObjectGraph } from "../../analysis/object-graph.ts";
import { type Result, succeed } from "../../base/result.ts";
import { heapJson } from "../json/heap-json.ts";
import type { OwnersArguments } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { heapText } from "../text/heap-text.ts";

/** `heap PID|FILE`: malloc's arenas and chunks. */
export async function heap(source: SnapshotSource, options: OwnersArguments): Promise<Result<void>> {
  const snapshot = await takeSnapshot(source, options, { references: options.owners });
  if (!snapshot.ok) return snapshot;
  // A file has the references that it has.
  const graph = options.owners && !snapshot.value.graph ? openObjectGraph(snapshot.value) : undefined;
  if (graph && !graph.ok) return graph;
  if (options.format === "json") writeJson(heapJson(snapshot.value));
  else writeLines(heapText(snapshot.value, styleFor(options)));
  return succeed(undefined);
}
