import { type ObjectGraph, openObjectGraph } from "../analysis/object-graph.ts";
import type { Result } from "../base/result.ts";
import type { CommonOptions } from "./options.ts";
import type { SnapshotSource } from "./source.ts";
import { takeSnapshot } from "./take-snapshot.ts";

/** The references of a process or file, for verbs that ask who holds what. */
export async function takeGraph(source: SnapshotSource, options: CommonOptions): Promise<Result<ObjectGraph>> {
  const snapshot = await takeSnapshot(source, options, { references: true });
  return snapshot.ok ? openObjectGraph(snapshot.value) : snapshot;
}
