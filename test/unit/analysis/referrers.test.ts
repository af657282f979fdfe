import assert from "node:assert/strict";
import { test } from "node:test";
import { openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { type ReferenceLevel, referentsOf, referrersOf } from "../../../src/analysis/referrers.ts";
import { parleyGraph } from "../../support/parley-graph.ts";
import { withGraph } from "../../support/synthetic-graph.ts";

const spec = parleyGraph();
const { snapshot, place } = withGraph({
  ...spec,
  objects: { ...spec.objects, weak: { type: "weakref", weak: "session0" } },
  roots: [...(spec.roots ?? []), { kind: 1, to: "weak", name: "weak" }],
});
const opened = openObjectGraph(snapshot);
assert.ok(opened.ok);
const graph = opened.value;

/** A level and those below it, a line for each row. */
function linesOf({ rows }: ReferenceLevel, indent = ""): readonly string[] {
  return rows.flatMap(({ reference, label, counted, again, next }) => [
    `${indent}${reference} ${label}${counted ? "" : " uncounted"}${again ? " again" : ""}`,
    ...linesOf(next, `${indent}  `),
  ]);
}

test("referrers level by level: owners stand for their namespaces, what is not counted comes last", () => {
  const answer = referrersOf(graph, place("session0"), { depth: 3, limit: 10 });
  assert.deepEqual(linesOf(answer), [
    "[7000] dict, 6 items",
    "  .sessions parley.hub.Hub",
    "    .HUB module parley.hub",
    "[0] list, 1 item",
    "<weak> weakref uncounted",
  ]);
  assert.equal(answer.other, 0);
  assert.deepEqual(answer.roots, []);
});

test("what is beyond the limit is counted", () => {
  const { rows, other } = referrersOf(graph, place("session0"), { depth: 1, limit: 1 });
  assert.deepEqual([rows.length, other], [1, 2]);
});

test("referents through the namespace, largest first", () => {
  const { rows, other } = referentsOf(graph, place("hub"), { depth: 1, limit: 10 });
  assert.deepEqual(
    rows.map(({ reference, object }) => [reference, object]),
    [
      [".head", place("node0")],
      [".sessions", place("sessions")],
    ],
  );
  assert.equal(other, 0);
  const entries = referentsOf(graph, place("sessions"), { depth: 1, limit: 3 });
  assert.equal(entries.other, 9);
});

test("a cycle is walked once", () => {
  const lines = linesOf(referrersOf(graph, place("session10"), { depth: 5, limit: 5 }));
  assert.deepEqual(lines, [".peer parley.hub.Session again"]);
});

test("what holds an object besides objects, in words", () => {
  const words = (object: string) => referrersOf(graph, place(object), { depth: 1, limit: 1 });
  assert.deepEqual(words("hubModule").roots, ["module parley.hub"]);
  assert.deepEqual(words("frameVariable").roots, ["frame Hub.fanout (parley/hub.py:212) targets"]);
  assert.deepEqual(words("session9").roots, ["held by libssl.so.3"]);
  assert.equal(words("session9").nativeReferences, 1);
});
