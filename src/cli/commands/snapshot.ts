import { fail, type Result, succeed } from "../../base/result.ts";
import { checkDestination } from "../../snapshot/file/destination.ts";
import { openSnapshotFile } from "../../snapshot/file/open-snapshot.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { snapshotJson } from "../json/snapshot-json.ts";
import type { CommonOptions } from "../options.ts";
import { styleFor, writeJson, writeLines } from "../output.ts";
import type { SnapshotSource } from "../source.ts";
import { capture, saveSnapshot } from "../take-snapshot.ts";
import { type SavedFile, savedLines } from "../text/file-text.ts";

/** `snapshot PID -o FILE`: capture and save, nothing else; `snapshot FILE -o FILE` converts between forms and leaves values out. */
export async function snapshot(source: SnapshotSource, options: CommonOptions): Promise<Result<void>> {
  const { output } = options;
  if (output === undefined) return fail("usage", "snapshot needs a file to write.", "Add -o FILE, such as -o leak.strata.");
  const destination = checkDestination(output, options.force);
  if (!destination.ok) return destination;
  const taken = await take(source, options);
  if (!taken.ok) return taken;
  const saved = saveSnapshot(taken.value, output, options);
  if (!saved.ok) return saved;
  const file: SavedFile = {
    path: output,
    bytes: saved.value,
    form: options.archive ? "archive" : "mapped",
    withValues: options.withValues && taken.value.graph?.values !== undefined,
  };
  if (options.format === "json") writeJson(snapshotJson(taken.value, file));
  else writeLines(savedLines(taken.value, file, styleFor(options)));
  return succeed(undefined);
}

async function take(source: SnapshotSource, options: CommonOptions): Promise<Result<Snapshot>> {
  if (source.kind === "process") return capture(source.pid, options, { references: true });
  const opened = openSnapshotFile(source.path);
  if (!opened.ok || !options.withValues || opened.value.graph?.values) return opened;
  return fail("usage", `${source.path} has no values to keep.`, "Values are kept when a process is captured --with-values.");
}
