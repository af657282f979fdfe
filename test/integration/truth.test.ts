import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { testOnEveryPython } from "../support/pythons.ts";
import { startTruth } from "../support/truth.ts";

/** Parts that some covered version has no module for. */
const LATER_MODULES: ReadonlyMap<string, number> = new Map([
  ["data_classes", 7],
  ["context_variables", 7],
  ["time_zones", 9],
]);

testOnEveryPython("the truth target tells all and stands still", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 200 });
  const later = [...LATER_MODULES].filter(([, minor]) => python.minor < minor).map(([part]) => part);
  assert.deepEqual([...truth.skippedParts].sort(), later.sort());
  assert.ok(truth.objects.length > 100_000);
  assert.ok(truth.objects.type.every((type) => truth.types.has(type)));
  const names = new Set([...truth.types.values()].map((type) => `${type.module}.${type.qualifiedName}`));
  for (const name of ["builtins.dict", "rich_heap.classes.Plain", "_asyncio.Task", "collections.deque", "sqlite3.Row"])
    assert.ok(names.has(name), name);
  assert.match(truth.debugMallocStats, /arenas allocated total/);
  assert.equal(truth.gc.counts.length, 3);
  const main = truth.threads.find((thread) => thread.nativeId === truth.target.pid);
  assert.deepEqual(
    main?.frames.map((frame) => frame.function),
    ["stand_still", "main", "<module>"],
  );
  assert.equal(truth.threads.length, 7);
  for (const { nativeId } of truth.threads) {
    const stat = readFileSync(`/proc/${truth.target.pid}/task/${nativeId}/stat`, "utf8");
    assert.match(stat, /\) S /);
  }
});
