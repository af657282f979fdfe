import assert from "node:assert/strict";
import { openObjectGraph } from "../../src/analysis/object-graph.ts";
import { typesOfName } from "../../src/analysis/targets.ts";
import { pathsToType } from "../../src/analysis/type-paths.ts";
import { captured } from "../support/captured.ts";
import { testOnEveryPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

/** Three interpreters, each with a `__main__` that keeps instances. CPython has a module for it from 3.8 on. */
const SERVICE = `
import sys, threading, time
try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        print("none", flush=True)
        sys.exit()
CODE = "class Kept: pass\\nkept = [Kept() for _ in range(%d)]\\n"
exec(CODE % 100)
run = getattr(interpreters, "run_string", None) or interpreters.exec
made = [interpreters.create() for _ in range(2)]
for number, interpreter in enumerate(made, 2):
    run(interpreter, CODE % (number * 100))
print("ready", flush=True)
sys.stdin.read()
`;

testOnEveryPython("modules of the same name in several interpreters are told apart", async (t, python) => {
  const target = startTarget(t, python, SERVICE);
  if ((await target.line()) === "none") return t.skip("no module makes interpreters here");
  const snapshot = await captured(target.pid, { references: true });
  const graph = openObjectGraph(snapshot);
  const types = typesOfName(snapshot, "Kept");
  assert.ok(graph.ok && types.ok);
  const { groups } = pathsToType(graph.value, types.value, 10);
  const found = groups.map(({ root, expression, count, example }) => [root, expression, count, example.evaluable]);
  assert.deepEqual(found, [
    ["module __main__ of interpreter 2", "interpreter 2 __main__.kept[…]", 300, false],
    ["module __main__ of interpreter 1", "interpreter 1 __main__.kept[…]", 200, false],
    ["module __main__", "__main__.kept[…]", 100, true],
  ]);
});
