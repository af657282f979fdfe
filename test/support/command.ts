import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TSX = import.meta.resolve("tsx");

/** The command line that runs pystrata from its sources. */
export const PYSTRATA: readonly string[] = [process.execPath, "--import", TSX, MAIN];

export interface CommandAnswer {
  /** Exit status, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Effective user of the command; needs root. */
  readonly uid?: number;
}

/** Runs a command without a terminal: pystrata as another user, or around it what a shell would add. */
export function runCommand(
  command: string,
  args: readonly string[],
  { env, uid }: CommandOptions = {},
): Promise<CommandAnswer> {
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: "", TERM: "xterm-256color", ...env },
    uid,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve({ status: status ?? (signal as string), stdout, stderr }));
  });
}
