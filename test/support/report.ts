import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What tests read of the report's JSON; docs/schemas/report-1.json has all of it. */
export interface Report {
  readonly process: { readonly pid: number; readonly residentBytes: number; readonly python: string | null };
  readonly capture: { readonly consistent: boolean; readonly complete: boolean; readonly pausedMilliseconds: number };
  readonly ledger: LedgerNode;
  readonly coverage: { readonly placedBytes: number; readonly attributedBytes: number; readonly unexplainedBytes: number };
  readonly types: readonly { readonly name: string; readonly module: string | null; readonly count: number }[];
}

export interface LedgerNode {
  readonly key: string;
  readonly residentBytes: number;
  readonly children?: readonly LedgerNode[];
}

export interface Answer {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Runs the command from its sources. */
export function pystrata(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const options = { maxBuffer: 2 ** 29, env: { ...process.env, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, ["--import", "tsx", MAIN, ...args], options, (error, output, errors) => {
      resolve({ status: error === null ? 0 : Number(error.code), output, errors });
    });
  });
}

/** The report on a process; throws what the command says when it fails. */
export async function reportOn(pid: number, ...options: readonly string[]): Promise<Report> {
  const { status, output, errors } = await pystrata(["report", String(pid), "--format", "json", ...options]);
  if (status !== 0) throw new Error(`report on ${pid}: exit status ${status}: ${errors}`);
  return JSON.parse(output) as Report;
}

/** Sum of the leaves of a ledger: must be what the kernel counts. */
export function sumOfLeaves(node: LedgerNode): number {
  return node.children?.reduce((sum, child) => sum + sumOfLeaves(child), 0) ?? node.residentBytes;
}

/** Keys of nodes with less than nothing: something was counted twice. */
export function negativeNodes(node: LedgerNode): readonly string[] {
  const below = node.children?.flatMap(negativeNodes) ?? [];
  return node.residentBytes < 0 ? [`${node.key}: ${node.residentBytes}`, ...below] : below;
}

/** Rss of smaps_rollup, in bytes. */
export function residentBytesOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Rss:\s+(\d+) kB/m.exec(rollup)?.[1]) * 1024;
}
