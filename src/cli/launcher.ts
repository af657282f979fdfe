import type { Failure } from "../base/result.ts";
import { pythonDescendants } from "../target/process-list.ts";
import { chooseStyle, usableWidth } from "./format/style.ts";
import { processTable } from "./text/list-text.ts";

const INDENT = "  ";

/** When a PID is a shell, tini or another launcher: the Python processes that it has started, one of which was meant. */
export function launcherDetails(pid: number, failure: Failure): string[] {
  if (failure.code !== "not-cpython") return [];
  const { processes } = pythonDescendants(pid);
  if (processes.length === 0) return [];
  const style = chooseStyle({
    width: usableWidth(process.stderr.columns) - INDENT.length,
    colour: false,
    verbose: false,
    terminalColumns: undefined,
    environment: process.env,
  });
  return ["  It has started these:", ...processTable(processes, style).map((line) => INDENT + line)];
}
