import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findCycles } from "../../../src/analysis/cycles.ts";
import { findGarbage, GarbageKind } from "../../../src/analysis/garbage.ts";
import { isObject, type ObjectGraph } from "../../../src/analysis/object-graph.ts";
import { hasBit } from "../../../src/base/bits.ts";
import { RootKind, TypeFlags } from "../../../src/snapshot/graph-tables.ts";
import { descriptorGeneration, UNTRACKED_GENERATION } from "../../../src/snapshot/states.ts";
import { heaps, openedGraph } from "../../support/arbitrary-heaps.ts";
import { componentOf, reachable, targetsOf } from "../../support/graph-oracles.ts";
import { field, type GraphSpec, typeOf } from "../../support/synthetic-graph.ts";

function garbageOf(graph: ObjectGraph): number[] {
  const reached = reachable(graph.graph, graph.held);
  return Array.from({ length: graph.objects.length }, (_, place) => place).filter(
    (place) => isObject(graph.objects, place) && !reached.has(place),
  );
}

function isTracked(graph: ObjectGraph, place: number): boolean {
  return descriptorGeneration(graph.objects.descriptor[place]) !== UNTRACKED_GENERATION;
}

test("garbage is what is out of reach, told apart by what the collector sees", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const expected = garbageOf(graph);
      const { members, kinds } = findGarbage(graph);
      assert.deepEqual([...members], expected);
      assert.deepEqual([...kinds], expected.map(kindsByDefinition(graph, expected)));
    }),
    { numRuns: 300 },
  );
});

/** Collects as the collector does, round after round: what an object that it does not track refers to stays, and all that this reaches. */
function kindsByDefinition(graph: ObjectGraph, garbage: readonly number[]): (place: number) => number {
  const left = new Set(garbage);
  const kinds = new Map<number, number>();
  for (let round = 0; ; round++) {
    const stays = new Set<number>();
    const stay = (place: number): void => {
      if (stays.has(place) || !left.has(place)) return;
      stays.add(place);
      for (const target of targetsOf(graph.graph, place)) stay(target);
    };
    for (const place of left) if (!isTracked(graph, place)) for (const target of targetsOf(graph.graph, place)) stay(target);
    const found = [...left].filter((place) => isTracked(graph, place) && !stays.has(place));
    if (found.length === 0) break;
    for (const place of found) {
      left.delete(place);
      kinds.set(place, round === 0 ? GarbageKind.collectable : GarbageKind.goesAlong);
    }
    const isReferred = (place: number) => [...left].some((other) => targetsOf(graph.graph, other).includes(place));
    // Only what lost a reference by this can go.
    const lost = new Set(found.flatMap((place) => targetsOf(graph.graph, place)));
    for (let before = -1; before !== left.size; ) {
      before = left.size;
      for (const place of [...left]) {
        if (!lost.has(place) || isReferred(place)) continue;
        left.delete(place);
        kinds.set(place, GarbageKind.goesAlong);
        for (const target of targetsOf(graph.graph, place)) lost.add(target);
      }
    }
  }
  return (place) => kinds.get(place) ?? GarbageKind.beyondCollector;
}

test("rows of garbage add up to it, and rings are rings", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const report = findCycles(graph);
      const expected = garbageOf(graph);
      assert.equal(report.garbage.count, expected.length);
      assert.equal(
        report.cycles.reduce((sum, row) => sum + row.count, 0),
        expected.length,
      );
      assert.equal(
        report.cycles.reduce((sum, row) => sum + row.bytes, 0),
        report.garbage.bytes,
      );
      const { collectable, goesAlong, beyondCollector } = report;
      assert.equal(collectable.bytes + goesAlong.bytes + beyondCollector.bytes, report.garbage.bytes);
      for (const { ring, ringLength, types, count, bytes } of report.cycles) {
        if (ringLength <= 8) {
          for (const [at, place] of ring.entries()) {
            assert.ok(targetsOf(graph.graph, place).includes(ring[(at + 1) % ring.length]));
          }
        }
        assert.equal(new Set(ring).size, ring.length);
        assert.equal(
          types.reduce((sum, type) => sum + type.count, 0),
          count,
        );
        assert.equal(
          types.reduce((sum, type) => sum + type.bytes, 0),
          bytes,
        );
      }
    }),
    { numRuns: 300 },
  );
});

test("every cycle in use of plain objects is in one row", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const takesPart = (place: number) =>
        isObject(graph.objects, place) && isTracked(graph, place) && !hasBit(graph.heldBits, place);
      const reached = [...reachable(graph.graph, graph.held)].filter(takesPart);
      const part = {
        ...graph.graph,
        // Ways through others do not count: their edges lead to themselves.
        edges: graph.graph.edges.slice(),
      };
      for (let place = 0; place < part.nodes; place++) {
        for (let edge = part.offsets[place]; edge < part.offsets[place + 1]; edge++) {
          if (!takesPart(place) || !takesPart(part.edges[edge])) part.edges[edge] = place;
        }
      }
      const cyclic = reached.filter(
        (place) => componentOf(part, place).size > 1 || targetsOf(graph.graph, place).includes(place),
      );
      const rows = findCycles(graph, { reachable: true }).cycles.filter((row) => row.reachable);
      assert.equal(
        rows.reduce((sum, row) => sum + row.count, 0),
        cyclic.length,
      );
      assert.equal(
        rows.reduce((sum, row) => sum + row.groups, 0),
        new Set(cyclic.map((place) => Math.min(...componentOf(part, place)))).size,
      );
    }),
    { numRuns: 200 },
  );
});

const SESSIONS: GraphSpec = {
  objects: {
    Session: { type: "type", describes: "app.Session", referenceCount: "immortal" },
    ...Object.fromEntries(
      [0, 1, 2].flatMap((number) => [
        [`session${number}`, { type: "app.Session", bytes: 48, refers: [typeOf("Session"), field(`buffer${number}`, 0)] }],
        [`buffer${number}`, { type: "list", bytes: 80, refers: [`session${number}`, `text${number}`, "shared"] }],
        [`text${number}`, { type: "str", bytes: 1000 }],
      ]),
    ),
    shared: { type: "str", bytes: 10 },
    closer: { type: "app.File", refers: [field("dict", 0)] },
    dict: { type: "dict", refers: ["closer", "kept"] },
    kept: { type: "list" },
    garbageList: { type: "list", refers: ["odd"] },
    odd: { type: "app.Odd" },
  },
  types: { "app.File": { flags: TypeFlags.gc | TypeFlags.pythonClass | TypeFlags.finalizer } },
  roots: [{ kind: RootKind.interpreter, to: "garbageList", name: "gc.garbage" }],
};

test("garbage cycles of one shape are one row that names the ring", () => {
  const { graph, nameOf, typeIndex, place } = openedGraph(SESSIONS);
  const report = findCycles(graph);
  assert.equal(report.cycles.length, 2);
  const [sessions, files] = report.cycles;
  assert.equal(sessions.groups, 3);
  assert.equal(sessions.count, 10);
  assert.equal(sessions.bytes, 3 * (48 + 80 + 1000) + 10);
  assert.deepEqual(sessions.ring.map(nameOf), ["session0", "buffer0"]);
  assert.deepEqual(
    sessions.types.map(({ type, count }) => [type, count]),
    [
      [typeIndex("str"), 4],
      [typeIndex("list"), 3],
      [typeIndex("app.Session"), 3],
    ],
  );
  assert.equal(sessions.finalizers, false);
  assert.equal(files.finalizers, true);
  assert.equal(files.count, 3);
  assert.deepEqual(report.mayResurrect, { count: 3, bytes: 3 * 64 });
  assert.deepEqual(report.gcGarbage, [place("odd")]);
});

test("an object that the collector cannot look into keeps its cycle for ever", () => {
  const { graph } = openedGraph({
    objects: {
      pattern: { type: "native.Pattern", generation: UNTRACKED_GENERATION, refers: ["list"] },
      list: { type: "list", refers: ["pattern", "item"] },
      item: { type: "dict" },
    },
  });
  const report = findCycles(graph);
  assert.equal(report.collectable.count, 0);
  assert.equal(report.beyondCollector.count, 3);
  assert.equal(report.cycles.length, 1);
});

test("what the collector finds takes along what it does not look into", () => {
  const { graph, nameOf } = openedGraph({
    objects: {
      Class: { type: "type", describes: "app.Class", refers: [field("mro", 0), field("subclasses", 1), field("slots", 2)] },
      mro: { type: "tuple", refers: ["Class"] },
      subclasses: { type: "dict", refers: ["reference"] },
      reference: { type: "weakref" },
      slots: { type: "tuple", refers: ["name"] },
      name: { type: "str" },
      pattern: { type: "native.Pattern", generation: UNTRACKED_GENERATION, refers: ["groups"] },
      groups: { type: "dict", refers: ["groups"] },
      holder: { type: "list", refers: ["holder", "pattern"] },
    },
    types: { type: { fields: { 0: "__mro__", 1: "<tp_subclasses>", 2: "<ht_slots>" } } },
  });
  const { members, kinds } = findGarbage(graph);
  const ofKind = (kind: number) => [...members].filter((_, member) => kinds[member] === kind).map(nameOf);
  assert.deepEqual(ofKind(GarbageKind.collectable), ["Class", "mro", "holder"]);
  assert.deepEqual(ofKind(GarbageKind.goesAlong), ["subclasses", "reference", "slots", "name", "pattern", "groups"]);
});

test("generations add up to all objects", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const { generations } = findCycles(graph);
      assert.deepEqual(
        generations.map(({ generation }) => generation),
        [0, 1, 2, 3],
      );
      assert.equal(
        generations.reduce((sum, { bytes }) => sum + bytes, 0),
        Array.from(graph.ownedBytes).reduce((sum, bytes) => sum + bytes, 0),
      );
    }),
  );
});
