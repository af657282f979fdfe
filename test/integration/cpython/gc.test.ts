import assert from "node:assert/strict";
import { countGcList, gcLists, PERMANENT_GENERATION, readGcState } from "../../../src/strata/cpython/runtime/gc.ts";
import { locateTarget } from "../../support/located.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { startTruth } from "../../support/truth.ts";

const MOST_OBJECTS = 10_000_000;

testOnEveryPython("thresholds, counts and statistics of the collector", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 200 });
  const { runtime, taken } = locateTarget(truth.target.pid, { registers: false });
  const main = runtime.interpreters.length - 1;
  const state = readGcState(taken.image, runtime.layout, runtime.interpreters[main].gc);
  assert.deepEqual(
    state.generations.map((generation) => generation.threshold),
    truth.gc.thresholds,
  );
  const counts = state.generations.map((generation) => generation.count);
  assert.deepEqual(counts.slice(1), truth.gc.counts.slice(1));
  // Telling the counts is itself a deed that makes and drops a few objects.
  assert.ok(Math.abs(counts[0] - truth.gc.counts[0]) <= 4, `${counts[0]} instead of ${truth.gc.counts[0]}`);
  // 3.6 keeps its statistics and switches in variables that nothing names.
  const named = python.minor > 6;
  assert.equal(state.collecting, named ? false : undefined);
  assert.equal(state.enabled, named ? false : undefined);
  const stats = state.generations.map(({ collections, collected, uncollectable }) => ({
    collections,
    collected,
    uncollectable,
  }));
  assert.deepEqual(
    stats,
    named ? truth.gc.stats : new Array(3).fill({ collections: undefined, collected: undefined, uncollectable: undefined }),
  );
});

testOnEveryPython("objects by generation, changed thresholds, frozen objects", async (t, python) => {
  const code = `
import gc, json
gc.collect()
if hasattr(gc, "freeze"):
    gc.freeze()
gc.disable()
gc.set_threshold(500, 7, 3)
old = [[] for _ in range(5000)]
gc.collect()
young = [[] for _ in range(3000)]
print(json.dumps(gc.get_freeze_count() if hasattr(gc, "freeze") else None))
input()`;
  const target = startTarget(t, python, code);
  const frozen = JSON.parse(await target.line()) as number | null;
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const { gc } = runtime.interpreters[runtime.interpreters.length - 1];
  const lists = new Map(gcLists(gc).map((list) => [list.generation, countGcList(taken.image, list, MOST_OBJECTS)]));
  assert.deepEqual(
    readGcState(taken.image, runtime.layout, gc).generations.map((generation) => generation.threshold),
    [500, 7, 3],
  );
  assert.equal(lists.get(PERMANENT_GENERATION), frozen ?? undefined);
  assert.ok((lists.get(0) ?? 0) >= 3000 && (lists.get(0) ?? 0) < 3500, `${lists.get(0)} young objects`);
  assert.ok((lists.get(2) ?? 0) >= 5000);
  assert.equal(lists.get(1), 0);
});

testOnEveryPython("a collection that is running is seen", async (t, python) => {
  if (python.minor < 7) return t.skip("3.6 keeps the flag in a variable that nothing names");
  const code = `
import gc, time
class Slow:
    def __del__(self):
        print("collecting")
        time.sleep(1000)
slow = Slow()
slow.itself = slow
del slow
gc.collect()`;
  const target = startTarget(t, python, code);
  assert.equal(await target.line(), "collecting");
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const { gc } = runtime.interpreters[runtime.interpreters.length - 1];
  assert.equal(readGcState(taken.image, runtime.layout, gc).collecting, true);
});
