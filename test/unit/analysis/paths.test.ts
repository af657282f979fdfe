import assert from "node:assert/strict";
import { test } from "node:test";
import { type ObjectGraph, openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { pathsToObject, type RootPath, shortestPath } from "../../../src/analysis/paths.ts";
import { placeAddress } from "../../../src/analysis/places.ts";
import { objectOfAddress, typesOfName } from "../../../src/analysis/targets.ts";
import { pathsToType } from "../../../src/analysis/type-paths.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import { module, name, parleyGraph } from "../../support/parley-graph.ts";
import { entry, field, type GraphSpec, local, type SyntheticGraph, typeOf, withGraph } from "../../support/synthetic-graph.ts";

function opened(spec: GraphSpec): SyntheticGraph & { readonly graph: ObjectGraph } {
  const synthetic = withGraph(spec);
  const graph = openObjectGraph(synthetic.snapshot);
  assert.ok(graph.ok);
  return { ...synthetic, graph: graph.value };
}

const parley = opened(parleyGraph());

function expressions(object: string, most = 10): readonly string[] {
  return pathsToObject(parley.graph, parley.place(object), most).paths.map(({ expression }) => expression);
}

function stepsOf({ steps }: RootPath): readonly string[] {
  return steps.map(({ object, reference }) => `${reference}→${parley.nameOf(object)}`);
}

test("each root that holds an object has a path, the nearest first, and namespaces are one step with their owners", () => {
  const { paths, complete } = pathsToObject(parley.graph, parley.place("session0"), 10);
  assert.equal(complete, true);
  assert.deepEqual(
    paths.map(({ root, expression, evaluable }) => ({ root, expression, evaluable })),
    [
      {
        root: "frame Hub.fanout (parley/hub.py:212)",
        expression: "frame Hub.fanout (parley/hub.py:212) targets[0]",
        evaluable: false,
      },
      { root: "module parley.hub", expression: "parley.hub.HUB.sessions[7000]", evaluable: true },
    ],
  );
  assert.deepEqual(stepsOf(paths[0]), ["targets→frameVariable", "[0]→session0"]);
  assert.deepEqual(stepsOf(paths[1]), ["→hubModule", ".HUB→hub", ".sessions→sessions", "[7000]→session0"]);
});

test("fewer paths than there are, and it is said", () => {
  const { paths, complete } = pathsToObject(parley.graph, parley.place("session0"), 1);
  assert.equal(paths.length, 1);
  assert.equal(complete, false);
});

test("a module, a namespace, what native code holds and garbage", () => {
  assert.deepEqual(expressions("hubModule"), ["parley.hub"]);
  assert.deepEqual(expressions("hubModuleDict"), ["parley.hub.__dict__"]);
  assert.deepEqual(expressions("session7"), ["parley.hub.Session.cache[1]"]);
  assert.deepEqual(expressions("session9"), ["<held by libssl.so.3>"]);
  assert.deepEqual(expressions("session10"), ["<only garbage: nothing holds it>"]);
  assert.equal(shortestPath(parley.graph, parley.place("session8")).expression, "parley.hub.Session.cache[2]");
});

test("instances of a type merge by what their paths look like, and all of them are counted", () => {
  const { count, groups, other, retainedBytes } = pathsToType(parley.graph, [parley.typeIndex("parley.hub.Session")], 10);
  assert.equal(count, 11);
  assert.equal(other.count, 0);
  assert.deepEqual(
    groups.map(({ count, root, expression, retainedBytes }) => ({ count, root, expression, retainedBytes })),
    [
      { count: 5, root: "module parley.hub", expression: "parley.hub.HUB.sessions[…]", retainedBytes: 5 * 164 },
      { count: 3, root: "module parley.hub", expression: "parley.hub.Session.cache[…]", retainedBytes: 3 * 164 },
      {
        count: 1,
        root: "frame Hub.fanout (parley/hub.py:212)",
        expression: "frame Hub.fanout (parley/hub.py:212) targets[…]",
        retainedBytes: 164,
      },
      { count: 1, root: "held by libssl.so.3", expression: "<held by libssl.so.3>", retainedBytes: 164 },
      { count: 1, root: "only garbage: nothing holds it", expression: "<only garbage: nothing holds it>", retainedBytes: 64 },
    ],
  );
  assert.equal(
    groups.reduce((sum, group) => sum + group.share, 0),
    1,
  );
  assert.equal(retainedBytes, 10 * 164 + 64);
  assert.deepEqual(
    groups[0].steps.map(({ reference }) => reference),
    ["", ".HUB", ".sessions", "[…]"],
  );
  const two = pathsToType(parley.graph, [parley.typeIndex("parley.hub.Session")], 2);
  assert.deepEqual(two.other, { groups: 3, count: 3, retainedBytes: 2 * 164 + 64 });
});

test("a chain linked through attributes is one group, whatever its length", () => {
  const { groups } = pathsToType(parley.graph, [parley.typeIndex("parley.hub.Node")], 10);
  assert.deepEqual(
    groups.map(({ count, expression }) => ({ count, expression })),
    [
      { count: 49, expression: "parley.hub.HUB.head.next…" },
      { count: 1, expression: "parley.hub.HUB.head" },
    ],
  );
  assert.match(groups[0].example.expression, /^parley\.hub\.HUB\.head\.next/);
});

test("a path through an instance's class is told only if there is no other", () => {
  const { graph, place } = opened({
    objects: {
      ...module("main", "__main__", [["kSession", "Session"]]),
      kSession: name("Session"),
      Session: { type: "type", describes: "Session", refers: [field("classDict", 31)] },
      kKept: name("kept"),
      classDict: { type: "dict", refers: [...entry(0, "kKept", "kept")] },
      kept: { type: "list" },
      instance: { type: "Session", refers: [typeOf("Session"), typeOf("Hidden")] },
      Hidden: { type: "type", describes: "Hidden", refers: [field("hiddenDict", 31)] },
      hiddenDict: { type: "dict", refers: [...entry(0, "kKept", "only")] },
      only: { type: "list" },
    },
    types: { module: { fields: { 0: "__dict__" } }, type: { fields: { 31: "__dict__" } } },
    roots: [
      { kind: RootKind.module, to: "main", name: "__main__", owner: 0 },
      { kind: RootKind.frame, to: "instance", name: "session", owner: 0, frame: 0 },
    ],
  });
  const told = (object: string) => pathsToObject(graph, place(object), 9).paths.map(({ expression }) => expression);
  assert.deepEqual(told("kept"), ["__main__.Session.kept"]);
  assert.deepEqual(told("only"), ["frame main (gateway.py:12) session.__class__.kept"]);
});

test("a long path is told without its middle", () => {
  const nodes = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`n${index}`, { type: "list", refers: index < 299 ? [`n${index + 1}`] : [] }]),
  );
  const { graph, place } = opened({
    objects: { ...module("main", "__main__", [["kHead", "n0"]]), kHead: name("HEAD"), ...nodes },
    types: { module: { fields: { 0: "__dict__" } } },
    roots: [{ kind: RootKind.module, to: "main", name: "__main__", owner: 0 }],
  });
  const { expression, evaluable, steps } = shortestPath(graph, place("n299"));
  assert.match(expression, /^__main__\.HEAD(\[0\])+<…>(\[0\])+$/);
  assert.equal(evaluable, false);
  assert.ok(steps.length <= 128);
  assert.equal(steps.at(-1)?.object, place("n299"));
});

test("a module whose package does not show it is spelled through sys.modules", () => {
  const { graph, place } = opened({
    objects: {
      ...module("package", "package", []),
      ...module("hidden", "package.hidden", [["kX", "x"]]),
      ...module("odd", "not-a-name", [["kX", "y"]]),
      kX: name("x"),
      x: { type: "list" },
      y: { type: "list" },
    },
    types: { module: { fields: { 0: "__dict__" } } },
    roots: ["package", "hidden", "odd"].map((to, index) => ({
      kind: RootKind.module,
      to,
      name: ["package", "package.hidden", "not-a-name"][index],
      owner: 0,
    })),
  });
  assert.equal(shortestPath(graph, place("x")).expression, "sys.modules['package.hidden'].x");
  assert.equal(shortestPath(graph, place("y")).expression, "sys.modules['not-a-name'].x");
});

test("variables of a frame object are told by name, those of a generator through its frame", () => {
  const { graph, place } = opened({
    objects: {
      frame: { type: "frame", refers: [{ to: "code", slot: 0x2000_0001 }, local("x", 0), local("generator", 1)] },
      code: { type: "code", refers: [{ to: "varnames", slot: 0x2000_0007 }] },
      varnames: { type: "tuple", refers: ["nX", "nG"] },
      nX: name("x"),
      nG: name("worker"),
      x: { type: "list" },
      generator: { type: "generator", refers: [{ to: "code", slot: 0x2000_0002 }, local("kept", 0)] },
      kept: { type: "list" },
    },
    types: { code: { fields: { 7: "co_varnames" } } },
    roots: [{ kind: RootKind.frame, to: "frame", owner: 0, frame: 0 }],
  });
  assert.equal(shortestPath(graph, place("x")).expression, "frame main (gateway.py:12) x");
  const { expression, steps } = shortestPath(graph, place("kept"));
  assert.equal(expression, "frame main (gateway.py:12) worker.gi_frame.f_locals['x']");
  assert.deepEqual(
    steps.map(({ evaluable }) => evaluable),
    [false, false, true],
  );
});

test("an address in an object is that object, another one is explained", () => {
  const { snapshot, place } = parley;
  const address = placeAddress(snapshot, place("sessions")) ?? 0;
  assert.deepEqual(objectOfAddress(snapshot, address + 20), { ok: true, value: place("sessions") });
  const behind = objectOfAddress(snapshot, address + 400);
  assert.ok(!behind.ok);
  assert.match(behind.failure.sentence, /is in no object: it lies behind the object in its block at 0x/);
  const nowhere = objectOfAddress(snapshot, 0x10);
  assert.ok(!nowhere.ok);
  assert.match(nowhere.failure.sentence, /0x10 is in no object: nothing is mapped there/);
});

test("types are found by their name or the end of it; what does not occur is answered with the closest names", () => {
  const { snapshot, typeIndex } = parley;
  for (const text of ["Session", "hub.Session", "parley.hub.Session"])
    assert.deepEqual(typesOfName(snapshot, text), { ok: true, value: [typeIndex("parley.hub.Session")] });
  const wrong = typesOfName(snapshot, "Sesion");
  assert.ok(!wrong.ok);
  assert.equal(wrong.failure.hint, "Closest: parley.hub.Session.");
  const far = typesOfName(snapshot, "Zzzzzzzzz");
  assert.ok(!far.ok);
  assert.match(far.failure.hint ?? "", /lists all types/);
});

test("two types of one name are both meant", () => {
  const { snapshot, typeIndex } = opened({
    objects: {
      a: { type: "one.Session", refers: ["b"] },
      b: { type: "two.Session", refers: [] },
      d: { type: "dict", refers: [...entry(0, "a", "b")] },
    },
  });
  assert.deepEqual(typesOfName(snapshot, "Session"), { ok: true, value: [typeIndex("one.Session"), typeIndex("two.Session")] });
});
