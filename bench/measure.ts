import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
/** Writes the peak resident KiB of the measured process to its fourth stream. */
const TELL_PEAK = `data:text/javascript,import { writeSync } from "node:fs";
process.on("exit", () => writeSync(3, String(process.resourceUsage().maxRSS)));`;

export interface Run {
  readonly wallMilliseconds: number;
  readonly peakBytes: number;
  readonly report: Report;
}

/** What the figures need of a report's JSON. */
export interface Report {
  readonly process: { readonly residentBytes: number };
  readonly capture: { readonly pausedMilliseconds: number; readonly bytesCopied: number; readonly consistent: boolean };
  readonly coverage: { readonly attributedBytes: number; readonly unexplainedBytes: number };
  readonly types: readonly { readonly count: number }[];
}

/** Runs the built command's report on a process: whole command, from start to exit. */
export function measureReport(pid: number, options: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const args = ["--import", TELL_PEAK, MAIN, "report", String(pid), "--format", "json", ...options];
  const before = performance.now();
  const { status, stdout, stderr, output } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    maxBuffer: 2 ** 29,
  });
  const wallMilliseconds = performance.now() - before;
  if (status !== 0) throw new Error(`report ${options.join(" ")}: exit status ${status}: ${stderr}`);
  return { wallMilliseconds, peakBytes: Number(output[3]) * 1024, report: JSON.parse(stdout) as Report };
}

/** Starts a Python that prints a line when it is ready; the caller kills it. */
export async function startReady(python: string, args: readonly string[]): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(python, args, { stdio: ["pipe", "pipe", "inherit"] });
  for await (const _line of createInterface(child.stdout)) return child as ChildProcess & { readonly pid: number };
  throw new Error(`${python} ${args.join(" ")} ended before it was ready`);
}

export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)];
}
