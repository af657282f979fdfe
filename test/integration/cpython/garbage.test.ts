import assert from "node:assert/strict";
import { relocateInterpreters } from "../../../src/strata/cpython/locate/locate.ts";
import type { PythonRuntime } from "../../../src/strata/cpython/locate/python-runtime.ts";
import { readFreeLists } from "../../../src/strata/cpython/runtime/free-lists.ts";
import { countGcList, gcLists, readGcState } from "../../../src/strata/cpython/runtime/gc.ts";
import { readInterned } from "../../../src/strata/cpython/runtime/interned.ts";
import { smallInts } from "../../../src/strata/cpython/runtime/small-ints.ts";
import { runtimeRanges } from "../../../src/strata/cpython/runtime/state-ranges.ts";
import { readThreads } from "../../../src/strata/cpython/runtime/threads.ts";
import { decodePymalloc } from "../../../src/strata/pymalloc/decode.ts";
import type { MemoryReader } from "../../../src/target/memory-reader.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { locateTarget } from "../../support/located.ts";
import { NoisyMemory } from "../../support/noisy-memory.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTruth } from "../../support/truth.ts";

/** One wrong number in so many: from nearly sound to hopeless. */
const PERIODS = [3000, 300, 30, 5];
const SEEDS = [1, 2, 3];

testOnEveryPython("readers of the runtime survive any wrong number, and end", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 50 });
  const { runtime, taken } = locateTarget(truth.target.pid);
  const sound = new NoisyMemory(taken.image, Number.POSITIVE_INFINITY, 0);
  readAll(runtime, taken, sound);
  for (const period of PERIODS) {
    for (const seed of SEEDS) {
      const noisy = new NoisyMemory(taken.image, period, seed);
      readAll(runtime, taken, noisy);
      // A wrong count may lengthen a walk up to its bound, never without one.
      assert.ok(noisy.reads < sound.reads * 20 + 50_000_000, `${noisy.reads} reads instead of ${sound.reads}`);
    }
  }
});

function readAll(runtime: PythonRuntime, taken: ProcessImage, memory: MemoryReader): void {
  const relocated = relocateInterpreters(runtime, memory, taken.mappings) ?? runtime;
  readThreads(relocated, memory, taken.threads);
  readFreeLists(relocated, memory);
  readInterned(relocated, memory);
  smallInts(relocated, memory);
  runtimeRanges(relocated, memory);
  decodePymalloc(relocated.pymalloc, memory);
  for (const { gc } of relocated.interpreters) {
    readGcState(memory, relocated.layout, gc);
    for (const list of gcLists(gc)) countGcList(memory, list, 100_000);
  }
}
