import { fail, type Result } from "../base/result.ts";
import { captureSnapshot } from "../capture/capture.ts";
import { checkDestination } from "../snapshot/file/destination.ts";
import { openSnapshotFile } from "../snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../snapshot/file/write-snapshot.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import type { CommonOptions } from "./options.ts";
import { announce, styleFor, writeNotice } from "./output.ts";
import { packageVersion } from "./package-version.ts";
import { ProgressLine } from "./progress-line.ts";
import type { SnapshotSource } from "./source.ts";
import { openedLines, savedNotice } from "./text/file-text.ts";

/** What a verb needs beyond the account; a file has what it has. */
export interface SnapshotNeeds {
  /** References, roots and names: `Snapshot.graph`. */
  readonly references?: boolean;
}

/**
 * The snapshot that a verb is about: captured as the options of the command line ask for, or opened. With `-o` what is captured is
 * saved before anything else is done with it, references included.
 */
export async function takeSnapshot(
  source: SnapshotSource,
  options: CommonOptions,
  needs: SnapshotNeeds = {},
): Promise<Result<Snapshot>> {
  const { output, withValues } = options;
  if (source.kind === "file") {
    if (output !== undefined)
      return fail(
        "usage",
        `-o saves what is captured, and ${source.path} is a file already.`,
        "snapshot FILE -o FILE converts.",
      );
    if (!withValues) return openAndAnnounce(source.path, options);
    return fail("usage", `--with-values is for a capture, and ${source.path} is a file already.`, "It has what was kept then.");
  }
  if (output === undefined) {
    if (needs.references || !withValues) return capture(source.pid, options, needs);
    return fail("usage", "--with-values keeps values in a file, and none is written.", "Add -o FILE.");
  }
  // A name that cannot be had is found before the process is stopped for nothing.
  const destination = checkDestination(output, options.force);
  if (!destination.ok) return destination;
  const captured = await capture(source.pid, options, { references: true });
  if (!captured.ok) return captured;
  const saved = saveSnapshot(captured.value, output, options);
  if (!saved.ok) return saved;
  writeNotice(savedNotice(output, saved.value));
  return captured;
}

/** Writes a snapshot as the options ask for, with a progress line on a terminal. @returns the bytes of the file */
export function saveSnapshot(snapshot: Snapshot, path: string, options: CommonOptions): Result<number> {
  const line = new ProgressLine(process.stderr.isTTY === true);
  try {
    return writeSnapshotFile(snapshot, path, {
      archive: options.archive,
      force: options.force,
      withValues: options.withValues,
      writer: `pystrata ${packageVersion()}`,
      progress: (progress) => line.update(progress),
    });
  } finally {
    line.clear();
  }
}

/** Captures a process, with a progress line on a terminal. */
export async function capture(pid: number, options: CommonOptions, needs: SnapshotNeeds): Promise<Result<Snapshot>> {
  const line = new ProgressLine(process.stderr.isTTY === true);
  try {
    return await captureSnapshot(pid, {
      maxPauseMilliseconds: options.maxPause,
      maxMemoryBytes: options.maxMemory,
      allowSigstop: options.allowSigstop,
      readSwapped: options.readSwapped,
      references: needs.references,
      values: options.withValues,
      progress: (progress) => line.update(progress),
    });
  } finally {
    line.clear();
  }
}

/** Whoever reads on knows which file it is, how old, and whether secrets may be in it. */
function openAndAnnounce(path: string, options: CommonOptions): Result<Snapshot> {
  const opened = openSnapshotFile(path);
  if (opened.ok && options.format === "text") announce(openedLines(path, opened.value, styleFor(options)));
  return opened;
}
