import { fileURLToPath } from "node:url";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { syntheticGraph } from "./synthetic-references.ts";
import { syntheticSnapshot } from "./synthetic-snapshot.ts";

/** A file that a pystrata of its time wrote, one for each format. */
export function oldFile(version: number): string {
  return fileURLToPath(new URL(`../fixtures/version-${version}.strata`, import.meta.url));
}

/** What those files hold. */
export function oldSnapshot(): Snapshot {
  const snapshot = syntheticSnapshot();
  return { ...snapshot, graph: syntheticGraph(snapshot, true) };
}
