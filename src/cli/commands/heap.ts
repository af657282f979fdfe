import { type Result, succeed } from "../../base/result.ts";
import { heapJson } from "../json/heap-json.ts";
import type { CommonOptions } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { takeSnapshot } from "../take-snapshot.ts";
import { heapText } from "../text/heap-text.ts";

/** `heap PID|FILE`: malloc's arenas and chunks. */
export async function heap(source: SnapshotSource, options: CommonOptions): Promise<Result<void>> {
  const snapshot = await takeSnapshot(source, options);
  if (!snapshot.ok) return snapshot;
  if (options.format === "json") writeJson(heapJson(snapshot.value));
  else writeLines(heapText(snapshot.value, styleFor(options)));
  return succeed(undefined);
}
