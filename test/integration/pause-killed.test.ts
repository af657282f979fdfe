import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readStat } from "../../src/target/proc/stat.ts";
import { eventually, expectOk, isRunning, sleep, threadStates } from "../support/pause-helpers.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget } from "../support/spawn.ts";

const PAUSER = fileURLToPath(new URL("../support/pauser.ts", import.meta.url));
const GUARD = fileURLToPath(new URL("../../src/target/pause/guard.js", import.meta.url));

/** One kill hits all of them, each in a moment of its own. */
const TARGETS = 5;
const KILLS = 40;

/** Answers every line, by a thread that is not the main one; two more threads keep busy. */
const ECHO = `
import sys, threading, time
def work():
    while True: time.sleep(0.001)
for _ in range(2): threading.Thread(target=work, daemon=True).start()
def echo():
    for line in sys.stdin: print(line.strip(), flush=True)
print("ready", flush=True)
thread = threading.Thread(target=echo)
thread.start()
thread.join()
`;

for (const method of ["ptrace", "SIGSTOP"]) {
  test(`${KILLS * TARGETS} targets of a pystrata that is killed in the pause run again (${method})`, async (t) => {
    const targets = Array.from({ length: TARGETS }, () => startTarget(t, distributionPython(), ECHO));
    for (const target of targets) await target.line();
    const pids = targets.map((target) => String(target.pid));
    const stoppedState = method === "ptrace" ? /t/ : /T/;
    // Every stop by SIGSTOP takes its time to start a guard.
    const roundMilliseconds = method === "ptrace" ? 60 : 500;
    let foundStopped = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const pauser = startProcess(t, process.execPath, ["--import", "tsx", PAUSER, "loop", ...pids], {
        PYSTRATA_NO_NATIVE: method === "ptrace" ? "0" : "1",
        PAUSE_ALLOW_SIGSTOP: "1",
      });
      assert.equal(await pauser.line(), "ready");
      await sleep(Math.random() * roundMilliseconds);
      foundStopped += targets.filter((target) => stoppedState.test(threadStates(target.pid))).length;
      await pauser.stop();
      assert.equal(await pauser.ended, "SIGKILL", pauser.errors());
      for (const target of targets) {
        await eventually(
          () => isRunning(target.pid),
          `target ${target.pid} runs after kill ${kill}: ${threadStates(target.pid)}`,
        );
        target.send(`${kill}\n`);
        assert.equal(await target.line(), String(kill));
      }
    }
    t.diagnostic(`${foundStopped} of ${KILLS * TARGETS} stood still when their tracer was killed`);
    assert.ok(foundStopped > 0);
  });
}

test("a pystrata that hangs in the pause is ended by the kernel, and the target runs again", async (t) => {
  const target = startTarget(t, distributionPython(), ECHO);
  await target.line();
  const pauser = startProcess(t, process.execPath, ["--import", "tsx", PAUSER, "hang", String(target.pid)]);
  assert.equal(await pauser.line(), "hanging");
  assert.match(threadStates(target.pid), /^t+$/);
  assert.equal(await pauser.ended, "SIGALRM");
  await eventually(() => isRunning(target.pid), "the target runs again");
});

test("a guard resumes its own process only, and only when pystrata is gone", async (t) => {
  const target = startTarget(t, distributionPython(), ECHO);
  await target.line();
  const { startTicks } = expectOk(readStat(target.pid));
  const runGuard = async (ticks: number, word: string): Promise<void> => {
    const guard = spawn(process.execPath, [GUARD, String(target.pid), String(ticks)], { stdio: ["pipe", "ignore", "inherit"] });
    const ended = new Promise((resolve) => guard.once("exit", resolve));
    guard.stdin.end(word);
    assert.equal(await ended, 0);
  };
  target.signal("SIGSTOP");
  await eventually(() => /^T+$/.test(threadStates(target.pid)), "the target stops");
  await runGuard(startTicks, "done");
  assert.match(threadStates(target.pid), /^T+$/);
  // The same PID with another start time is another process.
  await runGuard(startTicks + 1, "");
  assert.match(threadStates(target.pid), /^T+$/);
  await runGuard(startTicks, "");
  await eventually(() => isRunning(target.pid), "the target runs again");
});
