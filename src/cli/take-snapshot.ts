import type { Result } from "../base/result.ts";
import { captureSnapshot } from "../capture/capture.ts";
import { openSnapshotFile } from "../snapshot/file/open-snapshot.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import type { CommonOptions } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";
import type { SnapshotSource } from "./source.ts";

/** What a verb needs beyond the account; a file has what it has. */
export interface SnapshotNeeds {
  /** References, roots and names: `Snapshot.graph`. */
  readonly references?: boolean;
}

/** The snapshot that a verb is about: captured as the options of the command line ask for, or opened. */
export async function takeSnapshot(
  source: SnapshotSource,
  options: CommonOptions,
  needs: SnapshotNeeds = {},
): Promise<Result<Snapshot>> {
  switch (source.kind) {
    case "process":
      return capture(source.pid, options, needs);
    case "file":
      return openSnapshotFile(source.path);
  }
}

/** Captures a process, with a progress line on a terminal. */
async function capture(pid: number, options: CommonOptions, needs: SnapshotNeeds): Promise<Result<Snapshot>> {
  const line = new ProgressLine(process.stderr.isTTY === true);
  try {
    return await captureSnapshot(pid, {
      maxPauseMilliseconds: options.maxPause,
      maxMemoryBytes: options.maxMemory,
      allowSigstop: options.allowSigstop,
      readSwapped: options.readSwapped,
      references: needs.references,
      progress: (progress) => line.update(progress),
    });
  } finally {
    line.clear();
  }
}
