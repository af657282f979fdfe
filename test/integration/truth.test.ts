import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { testOnEveryPython } from "../support/pythons.ts";
import { startTruth, type Truth } from "../support/truth.ts";

/** Parts that some covered version has no module for. */
const LATER_MODULES: ReadonlyMap<string, number> = new Map([
  ["data_classes", 7],
  ["context_variables", 7],
  ["time_zones", 9],
]);

/** Weak references that the child's dump leaves in the caches of abstract classes before it is done (up to 3.9). */
const MOST_ABSENT = 10;
/** Offset of ob_type in an object's header (CPython Include/object.h, release builds). */
const TYPE_OFFSET = 8;

testOnEveryPython("the truth target tells all and stands still", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 200 });
  const later = [...LATER_MODULES].filter(([, minor]) => python.minor < minor).map(([part]) => part);
  assert.deepEqual([...truth.skippedParts].sort(), later.sort());
  assert.ok(truth.objects.length > 100_000);
  assert.ok(truth.objects.type.every((type) => truth.types.has(type)));
  const absent = objectsAbsentInParent(truth);
  assert.ok(absent <= MOST_ABSENT, `${absent} of the dumped objects are not there in the process that stands still`);
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

/** Objects whose type, in the memory of the process that stands still, is not the one that was dumped. */
function objectsAbsentInParent({ target, objects }: Truth): number {
  const memory = openSync(`/proc/${target.pid}/mem`, "r");
  const word = new BigUint64Array(1);
  let absent = 0;
  for (let row = 0; row < objects.length; row++) {
    if (typeAt(memory, word, objects.address[row]) !== objects.type[row]) absent++;
  }
  closeSync(memory);
  return absent;
}

/** Undefined where the process has no memory: the child mapped it after the fork. */
function typeAt(memory: number, word: BigUint64Array, object: number): number | undefined {
  try {
    readSync(memory, word, 0, 8, object + TYPE_OFFSET);
    return Number(word[0]);
  } catch {
    return undefined;
  }
}
