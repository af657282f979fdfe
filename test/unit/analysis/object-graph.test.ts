import assert from "node:assert/strict";
import { test } from "node:test";
import { isObject, nativeReferences, type ObjectGraph, openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { RootKind, SlotPart } from "../../../src/snapshot/graph-tables.ts";
import { forEachReference, packSlot } from "../../../src/snapshot/references.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { entry, field, type GraphSpec, withGraph } from "../../support/synthetic-graph.ts";
import { syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

function opened(snapshot: Snapshot): ObjectGraph {
  const result = openObjectGraph(snapshot);
  assert.ok(result.ok);
  return result.value;
}

const HUB: GraphSpec = {
  objects: {
    main: { type: "module", refers: [field("globals", 0)] },
    globals: { type: "dict", bytes: 232, refers: [entry(0, "APP", "app")] },
    APP: { type: "str", bytes: 52, text: "APP" },
    app: { type: "parley.hub.Hub", bytes: 48, refers: [field("store", 3)] },
    store: { type: "list", bytes: 104, buffers: [4096, 100], refers: ["message", "none"] },
    message: { type: "str", bytes: 5_000_000_000 },
    none: { type: "NoneType", bytes: 16, isStatic: true },
    inC: { type: "dict", referenceCount: 2, refers: ["borrowed"] },
    borrowed: { type: "str", referenceCount: 1 },
    lost: { type: "list", refers: ["lost"] },
    forever: { type: "str", referenceCount: "immortal" },
  },
  types: { "parley.hub.Hub": { inPlaceExtraBytes: 8 } },
  roots: [
    { kind: RootKind.module, to: "main", name: "__main__" },
    { kind: RootKind.library, to: "borrowed" },
  ],
};

test("a snapshot without references or without Python is refused with a sentence", () => {
  const without = openObjectGraph(syntheticSnapshot());
  assert.ok(!without.ok);
  assert.match(without.failure.sentence, /without references/);
  const empty = openObjectGraph({ ...syntheticSnapshot(), objects: undefined });
  assert.ok(!empty.ok);
  assert.match(empty.failure.sentence, /no Python objects/);
});

test("held are roots, immortal and static objects, and what has more references than we see", () => {
  const { snapshot, nameOf, place } = withGraph(HUB);
  const graph = opened(snapshot);
  assert.deepEqual([...graph.held].map(nameOf), ["main", "inC", "forever", "none"]);
  assert.equal(nativeReferences(graph, place("inC")), 2);
  assert.equal(nativeReferences(graph, place("borrowed")), 0);
  assert.equal(nativeReferences(graph, place("forever")), 0);
});

test("owned bytes are shallow bytes, buffers that they leave out, and what a type adds in place", () => {
  const { snapshot, place } = withGraph(HUB);
  const { ownedBytes, objects } = opened(snapshot);
  assert.equal(ownedBytes[place("store")], 104 + 4096 + 100);
  assert.equal(ownedBytes[place("app")], 56);
  assert.equal(ownedBytes[place("message")], 5_000_000_000);
  for (let index = 0; index < objects.length; index++) assert.equal(ownedBytes[index] > 0, isObject(objects, index));
  assert.equal(
    Array.from(ownedBytes).reduce((sum, bytes) => sum + bytes, 0),
    snapshot.types.ownedBytes.reduce((sum, bytes) => sum + bytes, 0),
  );
});

test("the table of interned strings keeps nothing alive and counts nothing", () => {
  const spec: GraphSpec = {
    objects: {
      interned: { type: "dict", refers: [entry(0, "used", "used"), entry(1, "unused", "unused")] },
      used: { type: "str", bytes: 50 },
      unused: { type: "str", bytes: 60 },
      keeper: { type: "list", refers: ["used"] },
      last: { type: "list", refers: [] },
    },
    roots: [
      { kind: RootKind.interned, to: "interned", name: "interned" },
      { kind: RootKind.interpreter, to: "keeper" },
    ],
  };
  const { snapshot, place, nameOf } = withGraph(spec);
  const graph = opened(snapshot);
  assert.deepEqual([...graph.held].map(nameOf), ["interned", "keeper"]);
  assert.equal(graph.seenReferences[place("used")], 1);
  assert.equal(graph.retainedBytes[place("keeper")], 64 + 50);
  assert.equal(graph.retainedBytes[place("interned")], 64);
  assert.equal(graph.dominators.immediateDominators[place("unused")], -1);
  assert.equal(snapshot.graph?.references.length, 5, "the table itself is as it was");
});

test("answers are lower bounds when memory or references are missing", () => {
  const { snapshot } = withGraph(HUB);
  assert.equal(opened(snapshot).lowerBound, false);
  assert.equal(opened({ ...snapshot, capture: { ...snapshot.capture, complete: false } }).lowerBound, true);
});

test("the synthetic references read back with their slots", () => {
  const { snapshot, place, nameOf } = withGraph({
    objects: {
      dict: { type: "dict", refers: [entry(0, "a", "b"), entry(400, "c", "d"), field("a", 2)] },
      a: { type: "str" },
      b: { type: "str" },
      c: { type: "str" },
      d: { type: "str" },
    },
  });
  const read: [string, number][] = [];
  assert.ok(snapshot.graph);
  forEachReference(snapshot.graph.references, place("dict"), (target, slot) => read.push([nameOf(target), slot]));
  assert.deepEqual(read, [
    ["a", 0],
    ["b", 1],
    ["c", 800],
    ["d", 801],
    ["a", packSlot(SlotPart.field, 2)],
  ]);
});
