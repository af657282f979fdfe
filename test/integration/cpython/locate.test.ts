import assert from "node:assert/strict";
import { test } from "node:test";
import { locatePython } from "../../../src/strata/cpython/locate/locate.ts";
import { decodeVersionHex, findVersionText } from "../../../src/strata/cpython/locate/version.ts";
import { readMaps } from "../../../src/target/proc/maps.ts";
import { locateTarget } from "../../support/located.ts";
import { ProcessMemory } from "../../support/process-memory.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startProcess, startTarget } from "../../support/spawn.ts";

testOnEveryPython("version, module and types", async (t, python) => {
  const code = "print(id(type), id(dict), id(str)); input()";
  const target = startTarget(t, python, code);
  const said = (await target.line()).split(" ").map(Number);
  const { runtime } = locateTarget(target.pid, { registers: false });
  assert.equal(runtime.version.text, python.version);
  assert.deepEqual([runtime.typeType, runtime.symbol("PyDict_Type"), runtime.symbol("PyUnicode_Type")], said);
  assert.match(runtime.module.path, /python/);
  assert.equal(runtime.versionNote === undefined, runtime.layout.version === python.version);
  assert.deepEqual(
    runtime.interpreters.map((interpreter) => interpreter.id),
    [0],
  );
  assert.equal(runtime.debugBuild, python.label.includes("debug"));
});

testOnEveryPython("a process that allocates and frees all the time", async (t, python) => {
  const code = `
import threading
def churn():
    kept = []
    while True:
        kept = [[number, str(number), {number: number}] for number in range(2000)]
for _ in range(3):
    threading.Thread(target=churn, daemon=True).start()
print("ready")
churn()`;
  const target = startTarget(t, python, code);
  await target.line();
  for (let capture = 0; capture < 5; capture++) {
    const { runtime } = locateTarget(target.pid, { registers: false });
    assert.notEqual(runtime.pymalloc.states[0]?.arenasPointerAddress, undefined);
  }
});

test("a process without a CPython", async (t) => {
  for (const [command, args] of [
    ["sleep", ["1000"]],
    [process.execPath, ["-e", "setTimeout(() => {}, 1e6)"]],
  ] as const) {
    const target = startProcess(t, command, args);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const mappings = readMaps(target.pid);
    assert.ok(mappings.ok);
    const located = locatePython(new ProcessMemory(t, target.pid), mappings.value);
    assert.equal(located.ok, false);
    if (!located.ok)
      assert.deepEqual(
        [located.failure.code, located.failure.sentence],
        ["not-cpython", "No CPython interpreter was found in the process."],
      );
  }
});

test("a version's own text", () => {
  const lines = [
    "3.9.18 (main, Aug 24 2023, 10:00:00) \n[GCC 12.2.0]",
    "3.10.2 | packaged by conda-forge | (main, Feb  1 2022, 19:28:35) [GCC 9.4.0]",
    "3.12.0rc3+ (heads/3.12:1234567, Sep  1 2023, 00:00:00) [Clang 17.0.6 ]",
  ];
  const found = lines.map((line) => findVersionText(`\0noise 3.14\0${line}\0`)?.text);
  assert.deepEqual(found, ["3.9.18", "3.10.2", "3.12.0rc3"]);
  assert.equal(findVersionText("a user's text: 3.9.18 (main) and no compiler"), undefined);
});

test("versions are read from their hexadecimal form", () => {
  assert.deepEqual(decodeVersionHex(0x030b07f0), { major: 3, minor: 11, micro: 7, text: "3.11.7" });
  assert.equal(decodeVersionHex(0x030d00a3).text, "3.13.0a3");
  assert.equal(decodeVersionHex(0x030e00c1).text, "3.14.0rc1");
});
