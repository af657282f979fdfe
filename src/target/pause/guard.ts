import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { fail, type Result, succeed } from "../../base/result.ts";
import { readOptionalFile } from "../proc/proc-file.ts";
import { sleepMilliseconds } from "./sleep.ts";

/** What the guard calls itself once it listens (see guard.js); comm holds 15 bytes. */
const GUARD_NAME = "pystrata-guard";
const START_LIMIT_MILLISECONDS = 5000;

/** A process that lets a stopped target run again when this process ends without `dismiss`. */
export interface Guard {
  dismiss(): void;
}

/** Starts a guard for the process that has this PID and start time, and waits until it is on duty. Call it before the stop. */
export function startGuard(pid: number, startTicks: number): Result<Guard> {
  const script = fileURLToPath(new URL("./guard.js", import.meta.url));
  const child = spawn(process.execPath, [script, String(pid), String(startTicks)], {
    detached: true, // a session of its own: neither Ctrl-C nor a closed terminal ends it
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  // Written in the same turn as asked (uv_write tries at once); the pipe closes with this process, whatever ends it.
  const dismiss = (): void => void child.stdin.end("done");
  const guardPid = child.pid;
  const giveUpAt = performance.now() + START_LIMIT_MILLISECONDS;
  while (guardPid !== undefined && performance.now() < giveUpAt) {
    if (readOptionalFile(`/proc/${guardPid}/comm`)?.trim() === GUARD_NAME) return succeed({ dismiss });
    sleepMilliseconds(2);
  }
  dismiss();
  return fail(
    "failed",
    "The guard process that would let the target run again if pystrata died could not be started; nothing was stopped.",
  );
}
