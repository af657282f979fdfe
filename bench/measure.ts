import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const RUN_MEASURED = fileURLToPath(new URL("run-measured.py", import.meta.url));
const PHASES = fileURLToPath(new URL("print-phases.ts", import.meta.url));
/** Longer than the default, so that a busy machine is measured and not refused. */
export const PAUSE = ["--max-pause", "10s"];

/** A way to run: with everything, or without a helper that may be missing. */
export interface Way {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
}

export const WAYS: readonly Way[] = [
  { name: "", env: {}, options: [] },
  { name: "without koffi", env: { PYSTRATA_NO_NATIVE: "1" }, options: ["--allow-sigstop"] },
  { name: "without WebAssembly", env: { PYSTRATA_NO_WASM: "1" }, options: [] },
];

export interface CommandRun {
  readonly status: number;
  readonly wallMilliseconds: number;
  readonly cpuMilliseconds: number;
  readonly peakBytes: number;
}

/** What the figures need of a report's JSON. */
export interface Report {
  readonly process: { readonly residentBytes: number };
  readonly capture: { readonly pausedMilliseconds: number; readonly bytesCopied: number };
  readonly coverage: { readonly attributedBytes: number };
  readonly types: readonly { readonly count: number }[];
}

/** Runs the built command's report on a process, from start to exit. */
export function runReport(pid: number, way: Way, folder: string): CommandRun & { readonly report: Report } {
  const output = join(folder, "report.json");
  const run = runCommand(["report", String(pid), ...PAUSE, ...way.options], way, output);
  return { ...run, report: JSON.parse(readFileSync(output, "utf8")) as Report };
}

/** Runs the built command from start to exit; its answer, as JSON, goes to the file `output`. */
export function runCommand(args: readonly string[], way: Way, output: string): CommandRun {
  const command = [process.execPath, MAIN, ...args, "--format", "json"];
  const run = JSON.parse(runChecked("python3", [RUN_MEASURED, output, ...command], way)) as CommandRun;
  if (run.status !== 0) throw new Error(`${args.join(" ")}, ${way.name}: exit status ${run.status}`);
  return run;
}

/** What `print-phases.ts` prints. */
export interface PhasesRun {
  /** Milliseconds by phase. */
  readonly phases: Readonly<Record<string, number>>;
  readonly objects: number;
  readonly references: number;
}

/** A capture in a process of its own, so that nothing is warm; with references until retained sizes are known. */
export function runPhases(pid: number, way: Way, withReferences: boolean): PhasesRun {
  const options = withReferences ? ["--references"] : [];
  const command = ["--import", "tsx", PHASES, String(pid), ...options];
  return JSON.parse(runChecked(process.execPath, command, way)) as PhasesRun;
}

function runChecked(command: string, args: readonly string[], way: Way): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...way.env },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}
