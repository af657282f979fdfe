import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { startTarget, type Target, type TargetOptions } from "../../support/spawn.ts";

const SCRIPT = fileURLToPath(new URL("./pins-target.py", import.meta.url));

/** A process with pinned heaps, waiting for a command. */
export interface PinnedTarget {
  readonly target: Target;
  /** Addresses by name. */
  readonly pins: ReadonlyMap<string, number>;
  /** Lets it do something and waits until it has. */
  command(words: string): Promise<void>;
  /** Rss of smaps_rollup, which is what the kernel would get back. */
  residentBytes(): number;
}

/** Starts pins-target.py; see there for shapes and commands. */
export async function startPinnedTarget(
  t: TestContext,
  python: { readonly path: string },
  shapes: string,
  env: TargetOptions["env"] = {},
): Promise<PinnedTarget> {
  const target = startTarget(t, python, { script: SCRIPT }, { args: [shapes], env: { PYTHONHASHSEED: "0", ...env } });
  const pins = new Map<string, number>();
  for (let line = await target.line(); line !== "ready"; line = await target.line()) {
    const [name, address] = line.split(" ");
    pins.set(name, Number(address));
  }
  const command = async (words: string): Promise<void> => {
    target.send(`${words}\n`);
    await target.line();
  };
  // What the commands themselves need is there from now on.
  await command("nothing at all");
  await command("nothing at all");
  return { target, pins, command, residentBytes: () => residentBytes(target.pid) };
}

function residentBytes(pid: number): number {
  return Number(/^Rss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) * 1024;
}
