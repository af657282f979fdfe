import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isObject, type ObjectGraph } from "../../../src/analysis/object-graph.ts";
import { instancesOf, retainedByType, retainedRow, retainedTogether, topDominators } from "../../../src/analysis/retained.ts";
import { hasBit } from "../../../src/base/bits.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import { descriptorType } from "../../../src/snapshot/states.ts";
import { heaps, openedGraph } from "../../support/arbitrary-heaps.ts";
import { freedWith, reachable, retainedBy } from "../../support/graph-oracles.ts";

function placesOf({ objects }: ObjectGraph): number[] {
  return Array.from({ length: objects.length }, (_, place) => place).filter((place) => isObject(objects, place));
}

function weightOf(graph: ObjectGraph, set: Iterable<number>): number {
  return [...set].reduce((sum, place) => sum + graph.ownedBytes[place], 0);
}

test("every object retains what is out of reach once it is gone", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      for (const place of placesOf(graph)) {
        const gone = retainedBy(graph.graph, graph.held, place);
        const row = retainedRow(graph, place);
        assert.equal(row.retainedBytes, weightOf(graph, gone));
        assert.equal(row.retainedCount, gone.size);
      }
    }),
    { numRuns: 300 },
  );
});

test("freed at once is what goes when references are counted down", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph } = openedGraph(spec);
      const reached = reachable(graph.graph, graph.held);
      const seen = graph.seenReferences.slice();
      for (const place of placesOf(graph)) {
        if (!reached.has(place)) continue;
        const { freedAtOnceBytes, retainedBytes } = retainedRow(graph, place);
        assert.equal(freedAtOnceBytes, graph.freedAtOnceBytes[place]);
        assert.equal(freedAtOnceBytes, weightOf(graph, freedWith(graph.graph, graph.held, place)));
        assert.ok(freedAtOnceBytes <= retainedBytes);
      }
      assert.deepEqual(graph.seenReferences, seen, "counts are as they were");
    }),
    { numRuns: 300 },
  );
});

test("each level of the dominator tree adds up, whatever is shown of it", () => {
  fc.assert(
    fc.property(heaps(), fc.nat(6), (spec, limit) => {
      const { graph } = openedGraph(spec);
      const total = topDominators(graph, { limit });
      assert.equal(total.all.retainedBytes, weightOf(graph, reachable(graph.graph, graph.held)));
      for (const under of [undefined, ...reachable(graph.graph, graph.held)]) {
        const { rows, other, all } = topDominators(graph, { limit, under });
        assert.equal(rows.length, Math.min(limit, all.objects));
        for (const key of ["retainedBytes", "retainedCount"] as const) {
          assert.equal(
            rows.reduce((sum, row) => sum + row[key], other[key]),
            all[key],
          );
        }
        if (under !== undefined) assert.equal(all.retainedBytes + graph.ownedBytes[under], graph.retainedBytes[under]);
        for (let at = 1; at < rows.length; at++) assert.ok(rows[at - 1].retainedBytes >= rows[at].retainedBytes);
        const everyone = topDominators(graph, { limit: 1000, under }).rows.map(({ object }) => object);
        assert.deepEqual(
          everyone.slice(0, limit),
          rows.map(({ object }) => object),
        );
      }
    }),
    { numRuns: 100 },
  );
});

test("a type retains the union of what its instances retain", () => {
  fc.assert(
    fc.property(heaps(), (spec) => {
      const { graph, snapshot } = openedGraph(spec);
      const { retainedBytes, retainedCounts } = retainedByType(graph);
      for (let type = 0; type < snapshot.types.length; type++) {
        const instances = placesOf(graph).filter((place) => descriptorType(graph.objects.descriptor[place]) === type);
        const union = new Set(instances.flatMap((place) => [...retainedBy(graph.graph, graph.held, place)]));
        assert.equal(retainedBytes[type], weightOf(graph, union));
        assert.equal(retainedCounts[type], union.size);
      }
    }),
    { numRuns: 200 },
  );
});

test("a set retains together what is out of reach without all of it", () => {
  fc.assert(
    fc.property(heaps(), fc.nat(4), (spec, choice) => {
      const { graph, snapshot } = openedGraph(spec);
      const type = choice % snapshot.types.length;
      const set = instancesOf(snapshot, [type]);
      const without = placesOf(graph).filter((place) => hasBit(set, place));
      const start = [...graph.held].filter((place) => !hasBit(set, place));
      // Without the set: nodes of it lead nowhere.
      const left = new Set<number>();
      const visit = (place: number): void => {
        if (left.has(place) || hasBit(set, place)) return;
        left.add(place);
        for (const target of graph.graph.edges.subarray(graph.graph.offsets[place], graph.graph.offsets[place + 1]))
          visit(target);
      };
      for (const place of start) visit(place);
      const gone = new Set([...reachable(graph.graph, graph.held)].filter((place) => !left.has(place)));
      for (const place of without) gone.add(place);
      assert.deepEqual(retainedTogether(graph, set), { bytes: weightOf(graph, gone), count: gone.size });
      assert.ok(weightOf(graph, gone) >= retainedByType(graph).retainedBytes[type]);
    }),
    { numRuns: 200 },
  );
});

test("a chain leads to where memory spreads out", () => {
  const { graph, place } = openedGraph({
    objects: {
      main: { type: "module", refers: ["globals"] },
      globals: { type: "dict", refers: ["app", "name"] },
      name: { type: "str" },
      app: { type: "parley.hub.Hub", refers: ["store"] },
      store: { type: "list", refers: ["a", "b"] },
      a: { type: "bytes", bytes: 100_000 },
      b: { type: "bytes", bytes: 100_000 },
    },
    roots: [{ kind: RootKind.module, to: "main", name: "__main__" }],
  });
  const [row] = topDominators(graph, { limit: 1 }).rows;
  assert.equal(row.object, place("main"));
  assert.equal(row.accumulator, place("store"));
  assert.equal(row.dominated, 1);
});
