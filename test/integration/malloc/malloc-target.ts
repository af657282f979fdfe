import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ArenaInformation, MallocInformation } from "../../../src/strata/malloc/glibc/mallinfo.ts";
import type { MemoryReader } from "../../../src/target/memory-reader.ts";
import { startTarget, type Target, type TargetOptions } from "../../support/spawn.ts";

const SCRIPT = fileURLToPath(new URL("./malloc-target.py", import.meta.url));
const READ_SYSCALL = "0 0x0 ";
/** A byte for each turn before the last one. */
const TURNS = "turns...";
const MAX_XML_BYTES = 1 << 20;
const FIELDS = [
  "arena",
  "ordblks",
  "smblks",
  "hblks",
  "hblkhd",
  "usmblks",
  "fsmblks",
  "uordblks",
  "fordblks",
  "keepcost",
] as const satisfies readonly (keyof MallocInformation)[];

/** A target that has filled its own accounts and stands still. */
export interface MallocTarget {
  readonly target: Target;
  /** What it said before it took the accounts. */
  readonly lines: readonly string[];
  readonly accountsAddress: number;
  readonly xmlAddress: number;
}

/** Starts malloc-target.py and waits until it is blocked behind its accounts. */
export async function startMallocTarget(
  t: TestContext,
  python: { readonly path: string },
  scenarios: string,
  env: TargetOptions["env"] = {},
): Promise<MallocTarget> {
  return waitForAccounts(
    startTarget(t, python, { script: SCRIPT }, { args: [scenarios], env: { PYTHONHASHSEED: "0", ...env } }),
  );
}

/** Waits until a target has said where its accounts are and is blocked behind them. */
export async function waitForAccounts(target: Target): Promise<MallocTarget> {
  target.send(TURNS);
  const lines: string[] = [];
  for (;;) {
    const line = await target.line();
    const addresses = /^(0x[0-9a-f]+) (0x[0-9a-f]+) (0x[0-9a-f]+)$/.exec(line);
    if (addresses === null) {
      lines.push(line);
      continue;
    }
    await untilBlockedIn(target.pid, READ_SYSCALL + addresses[3]);
    return { target, lines, accountsAddress: Number(addresses[1]), xmlAddress: Number(addresses[2]) };
  }
}

async function untilBlockedIn(pid: number, call: string): Promise<void> {
  for (let attempt = 0; attempt < 2000; attempt++) {
    if (readFileSync(`/proc/${pid}/syscall`, "utf8").startsWith(call)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`process ${pid} never stood still`);
}

/** mallinfo2's answer as the target wrote it into its memory. */
export function readOwnAccounts(memory: MemoryReader, address: number): MallocInformation {
  const entries = FIELDS.map((field, index) => [field, memory.u64(address + index * 8)] as const);
  return Object.fromEntries(entries) as unknown as MallocInformation;
}

/** What malloc_info wrote: the arenas in order, and its line about mapped chunks. */
export function readOwnXml(
  memory: MemoryReader,
  address: number,
): { readonly arenas: ArenaInformation[]; readonly mappedCount: number; readonly mappedBytes: number } {
  const xml = memory.cString(address, MAX_XML_BYTES) ?? "";
  const number = (text: string, pattern: RegExp, group = 1) => Number(pattern.exec(text)?.[group] ?? Number.NaN);
  const arenas = [...xml.matchAll(/<heap nr="\d+">([\s\S]*?)<\/heap>/g)].map(([, heap]) => ({
    fastCount: number(heap, /type="fast" count="(\d+)"/),
    fastBytes: number(heap, /type="fast" count="\d+" size="(\d+)"/),
    restCount: number(heap, /type="rest" count="(\d+)"/),
    restBytes: number(heap, /type="rest" count="\d+" size="(\d+)"/),
    systemBytes: number(heap, /system type="current" size="(\d+)"/),
  }));
  return {
    arenas,
    mappedCount: number(xml, /type="mmap" count="(\d+)"/),
    mappedBytes: number(xml, /type="mmap" count="\d+" size="(\d+)"/),
  };
}
