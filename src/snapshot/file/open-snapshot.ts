import { fail, type Result } from "../../base/result.ts";
import type { Snapshot } from "../tables.ts";

export function openSnapshotFile(path: string): Result<Snapshot> {
  return fail("failed", `${path} cannot be opened yet.`);
}
