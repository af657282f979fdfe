import type { Result } from "../base/result.ts";
import { captureSnapshot } from "../capture/capture.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import type { CommonOptions } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";

/** Captures a process as the options of the command line ask for, with a progress line on a terminal. */
export async function takeSnapshot(pid: number, options: CommonOptions): Promise<Result<Snapshot>> {
  const line = new ProgressLine(process.stderr.isTTY === true);
  try {
    return await captureSnapshot(pid, {
      maxPauseMilliseconds: options.maxPause,
      maxMemoryBytes: options.maxMemory,
      allowSigstop: options.allowSigstop,
      readSwapped: options.readSwapped,
      progress: (progress) => line.update(progress),
    });
  } finally {
    line.clear();
  }
}
