import assert from "node:assert/strict";
import { readFreeLists } from "../../../src/strata/cpython/runtime/free-lists.ts";
import { debugMallocStatsText, parseFreeLists } from "../../support/debug-malloc-stats.ts";
import { locateTarget } from "../../support/located.ts";
import type { PythonTarget } from "../../support/pythons.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

/** Fills the lists, then tells them as its last deed, into standard error. */
const DEAD_OBJECTS = `
import sys
def nothing(): pass
kept = [
    [number * 1.5 for number in range(1000)],
    [[] for _ in range(200)],
    [{} for _ in range(200)],
    [{"key": number} for number in range(200)],
    [tuple(range(size)) for size in range(1, 25) for _ in range(50)],
    [nothing.__get__(number) for number in range(1, 300)],
    [[].append for _ in range(300)],
]
def deep(depth):
    if depth: deep(depth - 1)
deep(100)
print("built")
stats, read = sys._debugmallocstats, sys.stdin.read
kept.clear()
stats()
read()
`;

/** Kept besides those that sys._debugmallocstats() tells: key tables, errors made in advance, the last slice. */
const UNTOLD = new Set(["PyDictKeysObject", "PyBaseExceptionObject", "PySliceObject"]);
/** Objects that the call itself and the reading after it take from the lists or give to them. */
const CALL_ALLOWANCE = 3;

for (const allocator of ["pymalloc", "debug"]) {
  testOnEveryPython(`free lists, PYTHONMALLOC=${allocator}`, async (t, python) => {
    if (allocator === "debug" && python.minor === 6) return t.skip("its debug hooks have no pools under them");
    const { said, found } = await compareLists(python, (code) =>
      startTarget(t, python, code, { env: allocator === "debug" ? { PYTHONMALLOC: allocator } : {} }),
    );
    for (const [name, count] of said) {
      const ours = found.get(name) ?? 0;
      assert.ok(Math.abs(ours - count) <= CALL_ALLOWANCE, `${name}: ${ours} instead of ${count}`);
    }
    for (const name of found.keys()) assert.ok(said.has(name) || UNTOLD.has(name) || found.get(name) === 0, name);
    assert.ok((said.get("PyListObject") ?? 0) >= 60 && (said.get("PyFloatObject") ?? 0) >= 90, "the lists are filled");
    assert.equal(found.get("PyBaseExceptionObject"), 16);
  });
}

async function compareLists(
  python: PythonTarget,
  start: (code: string) => ReturnType<typeof startTarget>,
): Promise<{ readonly said: ReadonlyMap<string, number>; readonly found: ReadonlyMap<string, number> }> {
  const target = start(DEAD_OBJECTS);
  await target.line();
  const stats = await debugMallocStatsText(target);
  const said = parseFreeLists(stats);
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const lists = readFreeLists(runtime, taken.image);
  for (const { objects, addresses } of lists) {
    if (objects) for (const address of addresses) assert.equal(taken.image.u64(address), 0, "nobody refers to a dead object");
    assert.equal(new Set(addresses).size, addresses.length);
  }
  assert.ok(lists.length > 0, python.label);
  return { said, found: new Map(lists.map((list) => [list.name, list.addresses.length])) };
}
