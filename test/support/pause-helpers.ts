import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { Result } from "../../src/base/result.ts";
import type { StoppedProcess } from "../../src/target/pause/stopped-process.ts";

/** State letter of every thread of a process, sorted, such as "SSS"; empty when it is gone. */
export function threadStates(pid: number): string {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((tid) => fieldsOfStat(`/proc/${pid}/task/${tid}/stat`)[0] ?? "")
      .sort()
      .join("");
  } catch {
    return "";
  }
}

/** True when at least one thread is there and none is stopped or traced. */
export function isRunning(pid: number): boolean {
  return /^[^TtZX]+$/.test(threadStates(pid));
}

/** TracerPid of a process, 0 when nobody traces it. */
export function tracerOf(pid: number): number {
  return Number(/^TracerPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Context switches of all threads of a process, of both kinds: a process that stands still makes none. */
export function contextSwitches(pid: number): number {
  let switches = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${tid}/status`, "utf8");
    for (const match of status.matchAll(/ctxt_switches:\s+(\d+)/g)) switches += Number(match[1]);
  }
  return switches;
}

/** The value of a result that the test expects to be a success. */
export function expectOk<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? "" : result.failure.sentence);
  return result.value;
}

/** Runs `look` while a process stands still, and lets it go in any case. */
export function whileStopped<T>(stopped: Result<StoppedProcess>, look: (process: StoppedProcess) => T): T {
  const process = expectOk(stopped);
  try {
    return look(process);
  } finally {
    process.resume();
  }
}

/** Waits, by the event loop, for at most ten seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < giveUpAt, `in vain: ${what}`);
    await sleep(5);
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Fields of a stat file after comm; empty when the file is gone. */
function fieldsOfStat(path: string): readonly string[] {
  try {
    const text = readFileSync(path, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
