import { FORMAT_VERSION } from "../../snapshot/file/layout.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { contentsOf, type SavedFile } from "../text/file-text.ts";
import { envelope, type JsonObject } from "./envelope.ts";

/** What was saved, for programs (docs/schemas/snapshot-1.json). */
export function snapshotJson(snapshot: Snapshot, file: SavedFile): JsonObject {
  return {
    ...envelope("snapshot", snapshot),
    file: { ...file, format: FORMAT_VERSION },
    contents: { ...contentsOf(snapshot) },
  };
}
