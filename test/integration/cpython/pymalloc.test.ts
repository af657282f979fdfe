import assert from "node:assert/strict";
import { decodePymalloc } from "../../../src/strata/pymalloc/decode.ts";
import type { Pymalloc } from "../../../src/strata/pymalloc/pymalloc.ts";
import { parseDebugMallocStats, type SizeClassStats } from "../../support/debug-malloc-stats.ts";
import { locateTarget } from "../../support/located.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { startTruth } from "../../support/truth.ts";

for (const allocator of ["pymalloc", "debug"]) {
  testOnEveryPython(`pymalloc's own statistics, PYTHONMALLOC=${allocator}`, async (t, python) => {
    const env = { PYTHONMALLOC: allocator };
    const truth = await startTruth(t, python, { scale: 1000, env });
    const { runtime, taken } = locateTarget(truth.target.pid, { registers: false });
    const pymalloc = decodePymalloc(runtime.pymalloc, taken.image);
    const said = parseDebugMallocStats(truth.debugMallocStats);

    assert.deepEqual(pymalloc.problems, []);
    assert.equal(runtime.debugBytes, allocator === "debug" ? 16 : 0);
    // Debug hooks of 3.6 sit on malloc: there are no pools to speak of.
    assert.equal(said === undefined, allocator === "debug" && python.minor === 6);
    if (said === undefined) return assert.equal(pymalloc.arenas.length, 0);
    assert.equal(pymalloc.arenas.length, said.arenas);
    assert.equal(sum(pymalloc.arenas.freePools), said.unusedPools);
    assert.deepEqual(Object.fromEntries(sizeClassesOf(pymalloc)), Object.fromEntries(said.sizeClasses));
  });
}

for (const [allocator, debugBytes] of [
  ["malloc", 0],
  ["malloc_debug", 16],
] as const) {
  testOnEveryPython(`no arenas with PYTHONMALLOC=${allocator}`, async (t, python) => {
    const target = startTarget(t, python, "print('ready'); input()", { env: { PYTHONMALLOC: allocator } });
    await target.line();
    const { runtime, taken } = locateTarget(target.pid, { registers: false });
    const pymalloc = decodePymalloc(runtime.pymalloc, taken.image);
    assert.equal(pymalloc.arenas.length, 0);
    assert.equal(pymalloc.pools.length, 0);
    assert.equal(runtime.debugBytes, debugBytes);
    assert.deepEqual(pymalloc.problems, []);
  });
}

testOnEveryPython("pools lie in their arenas, in order, none twice", async (t, python) => {
  const code = "kept = [bytes(n % 400) for n in range(200000)]\ndel kept[::3]\nprint('ready'); input()";
  const target = startTarget(t, python, code);
  await target.line();
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const { arenas, pools, poolBytes, stateRanges } = decodePymalloc(runtime.pymalloc, taken.image);
  assert.ok(arenas.length > 10);
  for (let arena = 1; arena < arenas.length; arena++) {
    assert.ok(arenas.address[arena - 1] + arenas.bytes[arena - 1] <= arenas.address[arena]);
  }
  const usedPools = new Array<number>(arenas.length).fill(0);
  for (let pool = 0; pool < pools.length; pool++) {
    const arena = pools.arena[pool];
    usedPools[arena]++;
    if (pool > 0) assert.ok(pools.address[pool - 1] < pools.address[pool]);
    assert.ok(pools.address[pool] >= arenas.address[arena]);
    assert.ok(pools.address[pool] + poolBytes <= arenas.address[arena] + arenas.bytes[arena]);
  }
  for (let arena = 0; arena < arenas.length; arena++)
    assert.equal(usedPools[arena] + arenas.freePools[arena], arenas.pools[arena]);
  assert.ok(stateRanges.some((range) => range.what === "pymalloc arena table"));
  assert.equal(
    stateRanges.some((range) => range.what === "pymalloc arena map"),
    python.minor >= 10,
  );
});

function sizeClassesOf({ pools, poolBytes, poolHeaderBytes, alignment }: Pymalloc): Map<number, SizeClassStats> {
  const classes = new Map<number, SizeClassStats>();
  for (let pool = 0; pool < pools.length; pool++) {
    const blockBytes = (pools.sizeClass[pool] + 1) * alignment;
    const capacity = Math.floor((poolBytes - poolHeaderBytes) / blockBytes);
    const known = classes.get(pools.sizeClass[pool]) ?? { blockBytes, pools: 0, usedBlocks: 0, freeBlocks: 0 };
    classes.set(pools.sizeClass[pool], {
      blockBytes,
      pools: known.pools + 1,
      usedBlocks: known.usedBlocks + pools.usedBlocks[pool],
      freeBlocks: known.freeBlocks + capacity - pools.usedBlocks[pool],
    });
  }
  return new Map([...classes].sort(([left], [right]) => left - right));
}

function sum(column: Uint16Array): number {
  return column.reduce((total, value) => total + value, 0);
}
