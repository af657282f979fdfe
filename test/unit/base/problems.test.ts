import assert from "node:assert/strict";
import { test } from "node:test";
import { ProblemReport } from "../../../src/base/problems.ts";

test("a kind is one entry that keeps the first sentence and address and counts the rest", () => {
  const report = new ProblemReport();
  for (let index = 0; index < 100_000; index++) report.add("pool", `pool ${index}`, 0x1000 + index);
  report.add("list", "a list", undefined, 7);
  assert.deepEqual(report.list(), [
    { kind: "pool", sentence: "pool 0", count: 100_000, address: 0x1000 },
    { kind: "list", sentence: "a list", count: 7, address: undefined },
  ]);
});

test("reports add up", () => {
  const first = new ProblemReport();
  first.add("pool", "of the first", 1, 2);
  const second = new ProblemReport();
  second.add("pool", "of the second", 9, 3);
  second.add("list", "of the second", 5);
  second.addAll(first.list());
  assert.deepEqual(second.list(), [
    { kind: "pool", sentence: "of the second", count: 5, address: 9 },
    { kind: "list", sentence: "of the second", count: 1, address: 5 },
  ]);
});
