import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** A process that a test looks at. */
export interface Target {
  readonly pid: number;
  /** The next line of its standard output; rejects when it ends first or says nothing for 60 s. */
  line(): Promise<string>;
  /** Writes to its standard input. */
  send(text: string): void;
  signal(name: NodeJS.Signals): void;
  /** Exit status, or the name of the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it wrote to standard error so far. */
  errors(): string;
  /** Kills it and everything in its process group; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface TargetOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Options of the interpreter itself, before the script. */
  readonly interpreterArgs?: readonly string[];
  readonly cwd?: string;
}

const SILENCE_MILLISECONDS = 60_000;
const ALLOW_TRACING = fileURLToPath(new URL("./allow-tracing", import.meta.url));

/**
 * Starts Python on code (a string), on a script (`{ script: path }`) or on a module (`{ module: name }`, as `python -m`). It may be
 * traced by any process of this user, and it is killed at the end of the test.
 */
export function startTarget(
  t: TestContext,
  python: { readonly path: string },
  source: string | { readonly script: string } | { readonly module: string },
  options: TargetOptions = {},
): Target {
  const program = typeof source !== "string" && "module" in source ? ["-m", source.module] : [scriptOf(t, source)];
  const env = {
    ...options.env,
    PYTHONPATH: [ALLOW_TRACING, options.env?.PYTHONPATH].filter(Boolean).join(":"),
    PYTHONUNBUFFERED: "", // off, whatever our own environment says: lines must come whole
    PYTHONDONTWRITEBYTECODE: "1",
    PYSTRATA_TEST_RUNNER: String(process.pid),
  };
  return startProcess(
    t,
    python.path,
    [...(options.interpreterArgs ?? []), ...program, ...(options.args ?? [])],
    env,
    options.cwd,
  );
}

/** Starts any program as a target; killed, with its process group, at the end of the test. */
export function startProcess(
  t: TestContext,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Target {
  // A group of its own, so that stop() reaches the children that a target forks.
  const child = spawn(command, args, { env: { ...process.env, ...env }, cwd, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  if (child.pid === undefined) throw new Error(`cannot start ${command}`);
  const pid = child.pid;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (status, signal) => resolve(status ?? (signal as NodeJS.Signals)));
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  child.stdin.on("error", () => {}); // it may be gone when a test sends its last word
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const killAtExit = () => killGroup(pid);
  process.once("exit", killAtExit);

  const stop = async () => {
    killGroup(pid);
    await ended;
    process.off("exit", killAtExit);
  };
  t.after(stop);
  return {
    pid,
    line: () => nextLine(lines, () => `${command} (pid ${pid}): ${errors}`),
    send: (text) => void child.stdin.write(text),
    signal: (name) => void process.kill(pid, name),
    ended,
    errors: () => errors,
    stop,
  };
}

function scriptOf(t: TestContext, source: string | { readonly script: string }): string {
  return typeof source === "string" ? writeScript(t, source) : source.script;
}

function writeScript(t: TestContext, code: string): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-target-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, "target.py");
  writeFileSync(script, code);
  return script;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // already gone
  }
}

async function nextLine(lines: AsyncIterator<string>, whose: () => string): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no line from ${whose()}`)), SILENCE_MILLISECONDS);
  });
  try {
    const next = await Promise.race([lines.next(), silence]);
    if (next.done === true) throw new Error(`no more lines from ${whose()}`);
    return next.value;
  } finally {
    clearTimeout(timer);
  }
}
