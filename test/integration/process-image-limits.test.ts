import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Failure } from "../../src/base/result.ts";
import { GIB, MIB } from "../../src/base/units.ts";
import { readSmapsTotals } from "../../src/target/proc/smaps.ts";
import type { PauseRecord } from "../../src/target/process-image.ts";
import { makeMemoryCgroup } from "../support/memory-cgroup.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget } from "../support/spawn.ts";

const TAKER = fileURLToPath(new URL("../support/image-taker.ts", import.meta.url));
const TAKER_ARGS = ["--import", "tsx", TAKER];

interface Taken {
  readonly pause?: PauseRecord;
  readonly checksum?: number;
  readonly failure?: Failure;
}

/** Fills memory when told to, so that it can be moved into a cgroup before. */
const FILL = `
import sys
print("ready")
sys.stdin.readline()
keep = [str(i) * 20 for i in range(1300000)]
print("filled")
for line in sys.stdin: print("still here", sum(map(len, keep)))`;

test("a cgroup with half the target's size left: refused or on disk, nobody is killed", async (t) => {
  const cgroup = makeMemoryCgroup(t);
  if (!cgroup) return t.skip("no memory cgroup can be made here");
  const target = startTarget(t, distributionPython(), FILL);
  await target.line();
  cgroup.add(target.pid);
  target.send("fill\n");
  await target.line();
  const totals = readSmapsTotals(target.pid);
  assert.ok(totals.ok && totals.value.residentBytes > 150 * MIB);
  const half = totals.value.residentBytes / 2;

  // Half of its size left to us, Node's own needs apart; then half of its size, Node's own needs included.
  for (const ownBytes of [128 * MIB, 0]) {
    cgroup.limit(totals.value.residentBytes + half + ownBytes);
    const taker = startProcess(t, process.execPath, [...TAKER_ARGS, String(target.pid), cgroup.folder]);
    await taker.line();
    const taken = JSON.parse(await taker.line()) as Taken;
    if (taken.failure) assert.equal(taken.failure.code, "limit");
    else assert.equal(taken.pause?.spooled, true);
    assert.equal(await taker.ended, 0);
    assert.equal(cgroup.killed(), 0);
    target.send("?\n");
    assert.match(await target.line(), /^still here \d+$/);
  }
});

test("a target that is killed at any moment of its capture ends, and so does the capture, with one sentence", async (t) => {
  let told = 0;
  for (let round = 0; round < 12; round++) {
    const target = startTarget(t, distributionPython(), "keep = b'x' * (300 << 20)\nprint('ready')\ninput()");
    await target.line();
    const taker = startProcess(t, process.execPath, [...TAKER_ARGS, String(target.pid)]);
    await taker.line();
    await new Promise((resolve) => setTimeout(resolve, round * 20));
    target.signal("SIGKILL");
    assert.equal(await target.ended, "SIGKILL");
    const taken = JSON.parse(await taker.line()) as Taken;
    if (taken.failure) {
      told++;
      assert.equal(taken.failure.code, "no-such-process", taken.failure.sentence);
      assert.match(taken.failure.sentence, /^[A-Z][^\n]*\.$/);
    }
    assert.equal(await taker.ended, 0, taker.errors());
    await Promise.all([taker.stop(), target.stop()]);
  }
  assert.ok(told > 0, "no capture met the end of its target");
});

test("a taker that is killed at any moment leaves a running target", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    "keep = b'x' * (300 << 20)\nprint('ready')\nfor line in __import__('sys').stdin: print('still here')",
  );
  await target.line();
  for (let round = 0; round < 12; round++) {
    const taker = startProcess(t, process.execPath, [...TAKER_ARGS, String(target.pid)]);
    await taker.line();
    await new Promise((resolve) => setTimeout(resolve, round * 20));
    await taker.stop();
    target.send("?\n");
    assert.equal(await target.line(), "still here");
  }
});

test("where address space is short, WebAssembly and reserve are done without; with less, one sentence", async (t) => {
  const target = startTarget(t, distributionPython(), "keep = b'x' * (64 << 20)\nprint('ready')\ninput()");
  await target.line();
  for (const [spaceBytes, granted] of [
    // WebAssembly's guard regions do not fit, nor do 8 GiB of tables.
    [2 * GIB, true],
    [128 * MIB, false],
  ] as const) {
    const env = { TAKER_TABLES_BYTES: String(8 * GIB), TAKER_SPACE_BYTES: String(spaceBytes) };
    const taker = startProcess(t, process.execPath, [...TAKER_ARGS, String(target.pid)], env);
    await taker.line();
    const taken = JSON.parse(await taker.line()) as Taken;
    if (granted) assert.equal(taken.pause?.attempts, 1, taken.failure?.sentence);
    else assert.match(taken.failure?.sentence ?? "", /does not grant [\d,]+ MiB of address space/);
    assert.equal(await taker.ended, 0, taker.errors());
  }
});
