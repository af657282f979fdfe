import assert from "node:assert/strict";
import { countGcList, gcLists } from "../../../src/strata/cpython/runtime/gc.ts";
import { readInterned } from "../../../src/strata/cpython/runtime/interned.ts";
import { smallInts } from "../../../src/strata/cpython/runtime/small-ints.ts";
import { runtimeRanges } from "../../../src/strata/cpython/runtime/state-ranges.ts";
import { decodePymalloc } from "../../../src/strata/pymalloc/decode.ts";
import { locateTarget } from "../../support/located.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

/** Two interpreters of each kind that the version can make, with something in them. */
const SUB_INTERPRETERS = `
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import json, sys
isolated = [interpreters.create() for _ in range(2)]
shared = []
if sys.version_info >= (3, 13):
    shared = [interpreters.create("legacy")]
elif sys.version_info >= (3, 12):
    shared = [interpreters.create(isolated=False)]
for made in isolated + shared:
    interpreters.run_string(made, "kept = [[] for _ in range(50000)]")
print(json.dumps([int(made) for made in isolated + shared]))
input()
`;

testOnEveryPython("sub-interpreters", async (t, python) => {
  if (python.minor < 8) return t.skip("makes no sub-interpreters from Python");
  const target = startTarget(t, python, SUB_INTERPRETERS);
  const made = JSON.parse(await target.line()) as number[];
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const ids = runtime.interpreters.map((interpreter) => interpreter.id);
  assert.deepEqual(ids, [0, ...made].reverse());

  const pymalloc = decodePymalloc(runtime.pymalloc, taken.image);
  assert.deepEqual(pymalloc.problems, []);
  const owners = new Set(Array.from(pymalloc.arenas.interpreter, (index) => ids[index]));
  // From 3.12 an isolated interpreter has arenas of its own; others use the main interpreter's.
  assert.deepEqual(owners, new Set(python.minor >= 12 ? [0, ...made.slice(0, 2)] : [0]));

  if (python.minor < 9) return; // one collector for all
  for (const { id, gc } of runtime.interpreters) {
    const tracked = gcLists(gc).reduce((sum, list) => sum + (countGcList(taken.image, list, 1_000_000) ?? 0), 0);
    assert.equal(tracked >= 50_000, id !== 0, `interpreter ${id} tracks ${tracked}`);
  }
});

testOnEveryPython("interned strings and small integers", async (t, python) => {
  const code = `
import sys
kept = [sys.intern("interned number %d" % number) for number in range(20000)]
print(id(-5), id(0), id(256))
input()`;
  const target = startTarget(t, python, code);
  const said = (await target.line()).split(" ").map(Number);
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const ints = smallInts(runtime, taken.image);
  assert.deepEqual([ints[0], ints[5], ints[261]], said);
  const [interned, ...others] = readInterned(runtime, taken.image);
  assert.deepEqual(others, []);
  assert.ok(interned.strings > 20_000 && interned.strings < 40_000, `${interned.strings} strings`);
});

testOnEveryPython("structures of the runtime outside static data", async (t, python) => {
  const code = `
import threading, time
def deep(depth):
    if depth:
        deep(depth - 1)
    else:
        print("ready")
        time.sleep(1000)
threading.Thread(target=deep, args=(500,)).start()`;
  const target = startTarget(t, python, code);
  await target.line();
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const ranges = runtimeRanges(runtime, taken.image);
  const named = (what: string) => ranges.filter((range) => range.what === what);
  // From 3.11 the main interpreter and its first thread lie in static data.
  assert.equal(named("interpreter state").length, python.minor >= 11 ? 0 : 1);
  assert.equal(named("thread state").length, python.minor >= 11 ? 1 : 2);
  assert.equal(named("Python frame stack").length >= 2, python.minor >= 11);
  assert.equal(named("interned strings table").length > 100, python.minor >= 12);
  for (const { start, end } of ranges) assert.ok(taken.image.has(start) && end > start);
});
