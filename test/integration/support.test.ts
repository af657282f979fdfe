import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

testOnEveryPython("a target talks to its test", async (t, python) => {
  const target = startTarget(t, python, "import sys\nprint('%d.%d.%d' % sys.version_info[:3])\nprint(input()[::-1])\n");
  assert.equal(await target.line(), python.version);
  target.send("abc\n");
  assert.equal(await target.line(), "cba");
  assert.equal(await target.ended, 0);
});

test("a target is gone, with its children, after stop", async (t) => {
  const target = startTarget(t, distributionPython(), "import os, time\nprint(os.fork())\ntime.sleep(1000)\n");
  const pids = [Number(await target.line()), Number(await target.line())];
  const child = Math.max(...pids);
  assert.ok(isRunning(child));
  await target.stop();
  assert.equal(await target.ended, "SIGKILL");
  assert.ok(!isRunning(target.pid));
  await eventually(() => !isRunning(child));
});

test("a line that never comes is an error with what the target said", async (t) => {
  const target = startTarget(t, distributionPython(), "raise SystemExit('no luck')");
  await assert.rejects(target.line(), /no luck/);
});

/** False for a zombie that nobody has reaped yet. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8"));
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && !condition(); attempt++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition());
}
