import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { test } from "node:test";
import { hurry, spareHost } from "../../../src/target/host.ts";
import { loadNative } from "../../../src/target/native.ts";

test("a hurry ends with its body, also when that throws", () => {
  const usual = getPriority(0);
  const inside = hurry(() => getPriority(0));
  assert.ok(inside <= usual);
  if (process.geteuid?.() === 0) assert.equal(inside, -20);
  assert.throws(() =>
    hurry(() => {
      throw new RangeError("body");
    }),
  );
  assert.equal(getPriority(0), usual);
});

test("the host is asked to end us before anybody else", () => {
  spareHost(loadNative());
  assert.equal(readFileSync("/proc/self/oom_score_adj", "utf8").trim(), "1000");
});
