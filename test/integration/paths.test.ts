/**
 * Paths against the process itself: with values, an expression that says of itself that it can be evaluated leads to its object;
 * by default each step leads to an object that the one before refers to.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { typeOf } from "../../src/analysis/graph-lookups.ts";
import { isObject, type ObjectGraph, openObjectGraph } from "../../src/analysis/object-graph.ts";
import { type RootPath, shortestPath } from "../../src/analysis/paths.ts";
import { objectAt } from "../../src/analysis/places.ts";
import { typesOfName } from "../../src/analysis/targets.ts";
import { pathsToType } from "../../src/analysis/type-paths.ts";
import { captured } from "../support/captured.ts";
import { type PythonTarget, testOnEveryPython } from "../support/pythons.ts";
import { startTarget, type Target } from "../support/spawn.ts";

/** As text, so that it lies in a folder of its own: the import system watches the folders that it searches. */
const SCRIPT = readFileSync(fileURLToPath(new URL("../support/paths-target.py", import.meta.url)), "utf8");

/** Of the objects of a small process so many must have a path that can be evaluated. */
const LEAST_EVALUABLE = 0.4;
/** Of the steps so many may begin at an object that nothing in Python leads to, such as names of a code object's variables. */
const MOST_UNKNOWN = 0.06;

/** Every kind of step; each leads to an object that this is the shortest path to, in every version. */
const EXPRESSIONS = [
  "__main__.STRING_KEYS['leaf']",
  "__main__.STRING_KEYS['two words']",
  `__main__.STRING_KEYS["quote'"]`,
  "__main__.STRING_KEYS['back\\\\slash']",
  "__main__.STRING_KEYS['unprintable\\n\\x00\\u202e\\xa0']",
  "__main__.STRING_KEYS['umlaut ä中🐍']",
  "__main__.NUMBER_KEYS[0]",
  "__main__.NUMBER_KEYS[-7]",
  "__main__.NUMBER_KEYS[10000000000000000000000000000000000000000]",
  "__main__.NUMBER_KEYS[1.5]",
  "__main__.TUPLE_KEYS[(1, 'a')]",
  "__main__.TUPLE_KEYS[('only',)]",
  "__main__.TUPLE_KEYS[((1, 2), (3, (4,)))]",
  "__main__.TUPLE_KEYS[()]",
  "__main__.OTHER_KEYS[None]",
  "__main__.OTHER_KEYS[b'by\\x00tes']",
  "__main__.LISTS[0][0]",
  "__main__.LISTS[1][1][0]",
  "__main__.LISTS[2][0]",
  "__main__.LISTS[2][150]",
  "__main__.DICTS[1]['key']",
  "__main__.DICTS[2]['key']",
  "__main__.DICTS[3]['key'][0]",
  "__main__.SLOTS[0].left",
  "__main__.SLOTS[0]._Slotted__hidden",
  "__main__.SLOTS[1].right",
  "__main__.SLOTS[1].more",
  "__main__.SLOTS[1].loose",
  "__main__.SHADOWED.__dict__['value']",
  "__main__.SHADOWED.plain",
  "__main__.CLOSURE.__closure__[0].cell_contents",
  "__main__.CLOSURE.__defaults__[0]",
  "__main__.CLOSURE.__kwdefaults__['keyword']",
  "__main__.CLOSURE.attribute",
  "__main__.GENERATOR.gi_frame.f_locals['argument']",
  "__main__.GENERATOR.gi_frame.f_locals['second'][0]",
  "__main__.COROUTINE.cr_frame.f_locals['kept']",
  "__main__.PARTIAL.args[0]",
  "__main__.PARTIAL.keywords['keyword']",
  "__main__.METHOD.__self__",
  "__main__.NAMESPACE.one",
  "__main__.POINT[0]",
  "__main__.Registered.own",
  "__main__.Registered.__dict__['registry']",
  "__main__.Registered.__dict__['binding'].kept",
  "__main__.Registered.__dict__['not a name']",
  "__main__.Registered.table[0]",
  "__main__.ODD_NAMES.__dict__['class']",
  "__main__.ODD_NAMES.__dict__['ﬁ']",
  "__main__.ODD_NAMES.ä",
  "__main__.SPLIT[49]",
  "__main__.FAILURE.args[0]",
  "__main__.__dict__['global name']",
  "sys.modules['dynamic.module'].value",
  "sys.modules['no name!'].value",
];

/** What no expression may promise to lead to. */
const NOT_EVALUABLE = [
  "__main__.DICTS[0]['key']",
  "__main__.ODD_LIST[0]",
  "__main__.LIAR.truth",
  "__main__.LISTS[3]{…}",
  "__main__.OTHER_KEYS[…]",
];

async function opened(t: TestContext, python: PythonTarget, values: boolean): Promise<{ target: Target; graph: ObjectGraph }> {
  const target = startTarget(t, python, SCRIPT);
  assert.equal(await target.line(), "ready");
  const graph = openObjectGraph(await captured(target.pid, { references: true, values }));
  assert.ok(graph.ok);
  return { target, graph: graph.value };
}

async function ask(target: Target, request: unknown): Promise<unknown> {
  target.send(`${JSON.stringify(request)}\n`);
  return JSON.parse(await target.line());
}

/** The shortest path to every object. */
function allPaths(graph: ObjectGraph): { readonly address: number; readonly path: RootPath }[] {
  const paths: { readonly address: number; readonly path: RootPath }[] = [];
  for (let place = 0; place < graph.objects.length; place++) {
    if (isObject(graph.objects, place)) paths.push({ address: addressOf(graph, place), path: shortestPath(graph, place) });
  }
  return paths;
}

function addressOf(graph: ObjectGraph, place: number): number {
  return objectAt(graph.snapshot, place)?.address ?? 0;
}

testOnEveryPython("expressions lead to their objects", async (t, python) => {
  const { target, graph } = await opened(t, python, true);
  const paths = allPaths(graph);
  const evaluable = paths.filter(({ path }) => path.evaluable);
  t.diagnostic(`${evaluable.length} of ${paths.length} objects have an expression`);
  assert.ok(evaluable.length > LEAST_EVALUABLE * paths.length);

  const expressions = new Set(evaluable.map(({ path }) => path.expression));
  assert.deepEqual(
    EXPRESSIONS.filter((expression) => !expressions.has(expression)),
    [],
  );
  const others = new Set(paths.filter(({ path }) => !path.evaluable).map(({ path }) => path.expression));
  assert.deepEqual(
    NOT_EVALUABLE.filter((expression) => !others.has(expression)),
    [],
  );
  const wrong = await ask(target, { evaluate: evaluable.map(({ address, path }) => [path.expression, address]) });
  assert.deepEqual(wrong, []);
});

testOnEveryPython("each step leads to an object that the one before refers to", async (t, python) => {
  const { target, graph } = await opened(t, python, false);
  const links = new Map<string, { readonly pair: readonly [number, number]; readonly reference: string }>();
  for (const { path } of allPaths(graph)) {
    for (const [index, { object, reference }] of path.steps.entries()) {
      // In angle brackets is what Python has no way to.
      if (index === 0 || reference.startsWith("<")) continue;
      const pair = [addressOf(graph, path.steps[index - 1].object), addressOf(graph, object)] as const;
      links.set(pair.join(" "), { pair, reference });
    }
  }
  const pairs = [...links.values()].map(({ pair }) => pair);
  const answer = (await ask(target, { steps: pairs })) as { unlinked: [number, number][]; unknown: number };
  t.diagnostic(`${pairs.length} steps, ${answer.unknown} from objects that nothing in Python leads to`);
  assert.deepEqual(
    answer.unlinked.map((pair) => links.get(pair.join(" "))?.reference),
    [],
  );
  assert.ok(answer.unknown < MOST_UNKNOWN * pairs.length);
});

testOnEveryPython("variables of waiting threads are told by function and line", async (t, python) => {
  const { graph } = await opened(t, python, true);
  const waiting = allPaths(graph).filter(({ path }) =>
    /^frame wait_in_thread \(.*target\.py:\d+\) kept$/.test(path.expression),
  );
  assert.equal(waiting.length, 2);
  for (const { path } of waiting) assert.equal(path.evaluable, false);
});

testOnEveryPython("merged paths account for every instance", async (t, python) => {
  const { graph } = await opened(t, python, false);
  const { snapshot } = graph;
  for (const name of ["__main__.Leaf", "dict"]) {
    const types = typesOfName(snapshot, name);
    assert.ok(types.ok);
    const { count, groups, other, retainedBytes } = pathsToType(graph, types.value, 12);
    assert.equal(
      count,
      types.value.reduce((sum, type) => sum + snapshot.types.count[type], 0),
    );
    assert.equal(
      groups.reduce((sum, group) => sum + group.count, other.count),
      count,
    );
    for (const group of groups) {
      const last = group.example.steps.at(-1)?.object ?? -1;
      assert.ok(types.value.includes(typeOf(graph, last)), group.expression);
      assert.ok(group.retainedBytes <= retainedBytes);
    }
  }
  const leaves = typesOfName(snapshot, "__main__.Leaf");
  assert.ok(leaves.ok);
  const expressions = pathsToType(graph, leaves.value, 100).groups.map(({ count, expression }) => `${count} ${expression}`);
  for (const expected of ["50 __main__.SPLIT[…]", "1 __main__.STRING_KEYS['leaf']"])
    assert.ok(expressions.includes(expected), `${expected}: ${expressions.join(", ")}`);
});
