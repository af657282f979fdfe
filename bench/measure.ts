import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const RUN_MEASURED = fileURLToPath(new URL("run-measured.py", import.meta.url));
const PHASES = fileURLToPath(new URL("print-phases.ts", import.meta.url));
/** Longer than the default, so that a busy machine is measured and not refused. */
const PAUSE = ["--max-pause", "10s"];

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
  readonly report: Report;
}

/** What the figures need of a report's JSON. */
export interface Report {
  readonly process: { readonly residentBytes: number };
  readonly capture: { readonly pausedMilliseconds: number; readonly bytesCopied: number };
  readonly coverage: { readonly attributedBytes: number };
  readonly types: readonly { readonly count: number }[];
}

/** Runs the built command's report on a process, from start to exit. */
export function runReport(pid: number, way: Way, folder: string): CommandRun {
  const output = join(folder, "report.json");
  const command = [process.execPath, MAIN, "report", String(pid), "--format", "json", ...PAUSE, ...way.options];
  const facts = JSON.parse(runChecked("python3", [RUN_MEASURED, output, ...command], way)) as Omit<CommandRun, "report">;
  if (facts.status !== 0) throw new Error(`report, ${way.name}: exit status ${facts.status}`);
  return { ...facts, report: JSON.parse(readFileSync(output, "utf8")) as Report };
}

/** Milliseconds of each phase of a capture in a process of its own, so that nothing is warm. */
export function runPhases(pid: number, way: Way): Readonly<Record<string, number>> {
  return JSON.parse(runChecked(process.execPath, ["--import", "tsx", PHASES, String(pid)], way)) as Record<string, number>;
}

function runChecked(command: string, args: readonly string[], way: Way): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...way.env },
  });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}
