import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import { hurry, spareHost } from "../../../src/target/host.ts";
import { loadNative, Scheduling } from "../../../src/target/native.ts";

test("a hurry ends with its body, also when that throws", () => {
  const native = loadNative();
  assert.ok(native);
  const usual = getPriority(0);
  const inside = hurry(native, () => native.scheduling());
  if (process.geteuid?.() === 0) assert.equal(inside, Scheduling.roundRobin);
  const niceness = hurry(undefined, () => getPriority(0));
  if (process.geteuid?.() === 0) assert.equal(niceness, -20);
  for (const calls of [native, undefined]) {
    assert.throws(() =>
      hurry(calls, () => {
        throw new RangeError("body");
      }),
    );
    assert.equal(native.scheduling(), Scheduling.other);
    assert.equal(getPriority(0), usual);
  }
});

test("who runs us under another policy has a reason, which a hurry leaves alone", { skip: process.geteuid?.() !== 0 }, () => {
  const native = loadNative();
  assert.ok(native);
  const batch = 3;
  assert.equal(native.setScheduling(batch, 0), 0);
  try {
    assert.equal(
      hurry(native, () => native.scheduling()),
      batch,
    );
  } finally {
    native.setScheduling(Scheduling.other, 0);
  }
});

test("the host is asked to end us before anybody else", () => {
  spareHost(loadNative());
  assert.equal(readFileSync("/proc/self/oom_score_adj", "utf8").trim(), "1000");
});
