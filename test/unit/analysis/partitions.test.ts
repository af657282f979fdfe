import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { listObjects, OBJECT_SORT_KEYS } from "../../../src/analysis/objects.ts";
import { PARTITION_KEYS, partitionObjects } from "../../../src/analysis/partitions.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import { heaps, openedGraph } from "../../support/arbitrary-heaps.ts";
import { dictOf, entry, field, type GraphSpec, typeOf } from "../../support/synthetic-graph.ts";

const HUB: GraphSpec = {
  objects: {
    main: { type: "module", bytes: 72, refers: [field("globals", 0)] },
    globals: { type: "dict", bytes: 232, refers: [entry(0, "APP", "app")] },
    APP: { type: "str", bytes: 52, text: "APP" },
    Hub: { type: "type", bytes: 1000, describes: "parley.hub.Hub" },
    app: { type: "parley.hub.Hub", bytes: 48, refers: [typeOf("Hub"), dictOf("appDict")] },
    appDict: { type: "dict", bytes: 104, refers: [entry(0, "store", "list"), entry(1, "name", "APP")] },
    store: { type: "str", bytes: 54 },
    name: { type: "str", bytes: 53 },
    list: { type: "list", bytes: 88, refers: ["one", "two", "two"] },
    one: { type: "parley.proto.Message", bytes: 64, buffers: [500] },
    two: { type: "parley.proto.Message", bytes: 64, refers: [dictOf("twoDict")] },
    twoDict: { type: "dict", bytes: 64, generation: 0 },
    lost: { type: "dict", bytes: 64, referenceCount: 0 },
  },
  types: { module: { fields: { 0: "__dict__" } } },
  roots: [{ kind: RootKind.module, to: "main", name: "__main__" }],
};

function countsBy(by: (typeof PARTITION_KEYS)[number]): Record<string, number> {
  return Object.fromEntries(partitionObjects(openedGraph(HUB).graph, by).rows.map(({ key, count }) => [key, count]));
}

test("every partition adds up to the whole", () => {
  fc.assert(
    fc.property(heaps(), fc.constantFrom(...PARTITION_KEYS), (spec, by) => {
      const { graph, snapshot } = openedGraph(spec);
      const { rows, all } = partitionObjects(graph, by);
      const { types } = snapshot;
      for (const key of ["count", "shallowBytes", "ownedBytes"] as const) {
        const whole = types[key].reduce((sum, value) => sum + value, 0);
        assert.equal(all[key], whole);
        assert.equal(
          rows.reduce((sum, row) => sum + row[key], 0),
          whole,
        );
      }
      const hasResident = by === "type" || by === "module" || by === "package";
      assert.equal(all.residentBytes, hasResident ? types.residentBytes.reduce((sum, value) => sum + value, 0) : undefined);
      assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
    }),
  );
});

test("a class counts the dictionaries of its instances", () => {
  assert.deepEqual(countsBy("class"), {
    type: 1,
    "parley.proto.Message": 3,
    module: 2,
    str: 3,
    "parley.hub.Hub": 2,
    list: 1,
    dict: 1,
  });
  assert.equal(countsBy("type").dict, 4);
});

test("modules and packages are those of the types", () => {
  assert.deepEqual(countsBy("module"), { builtins: 10, "parley.proto": 2, "parley.hub": 1 });
  assert.deepEqual(countsBy("package"), { builtins: 10, parley: 3 });
});

test("referrers are the kinds of what refers to an object, namespaces told apart", () => {
  assert.deepEqual(countsBy("referrer"), {
    "parley.hub.Hub": 2,
    list: 2,
    "dict of parley.hub.Hub": 3,
    module: 1,
    "dict of module": 1,
    "parley.proto.Message": 1,
    "dict of module, dict of parley.hub.Hub": 1,
    "held from outside only": 1,
    nobody: 1,
  });
});

test("sizes are powers of two in their order, generations by age", () => {
  assert.deepEqual(
    partitionObjects(openedGraph(HUB).graph, "size").rows.map(({ key, count }) => [key, count]),
    [
      ["32 to 63 bytes", 4],
      ["64 to 127 bytes", 7],
      ["128 to 255 bytes", 1],
      ["512 to 1,023 bytes", 1],
    ],
  );
  assert.deepEqual(countsBy("generation"), { "generation 0": 1, "generation 2": 9, "not tracked": 3 });
});

test("a list of objects is sorted, filtered and adds up", () => {
  const query = fc.record({
    sort: fc.constantFrom(...OBJECT_SORT_KEYS),
    limit: fc.nat(8),
    types: fc.option(fc.array(fc.nat(4)), { nil: undefined }),
    generation: fc.option(fc.nat(3), { nil: undefined }),
    leastBytes: fc.option(fc.nat(5000), { nil: undefined }),
  });
  fc.assert(
    fc.property(heaps(), query, (spec, asked) => {
      const { graph } = openedGraph(spec);
      const everything = listObjects(graph, { sort: asked.sort, limit: 1000 }).rows;
      const size = (row: (typeof everything)[number]) => {
        if (asked.sort === "retained") return row.retainedBytes ?? 0;
        return asked.sort === "owned" ? row.ownedBytes : row.shallowBytes;
      };
      const expected = everything.filter(
        (row) =>
          (asked.types?.includes(row.type) ?? true) &&
          (asked.generation ?? row.generation) === row.generation &&
          size(row) >= (asked.leastBytes ?? 0),
      );
      for (let at = 1; at < everything.length; at++) {
        const difference = size(everything[at - 1]) - size(everything[at]);
        assert.ok(difference > 0 || (difference === 0 && everything[at - 1].object < everything[at].object));
      }
      const { rows, other, matching } = listObjects(graph, asked);
      assert.deepEqual(rows, expected.slice(0, asked.limit));
      assert.equal(matching.count, expected.length);
      assert.equal(
        matching.ownedBytes,
        expected.reduce((sum, row) => sum + row.ownedBytes, 0),
      );
      assert.equal(rows.length + other.count, expected.length);
      assert.equal(
        rows.reduce((sum, row) => sum + row.shallowBytes, other.shallowBytes),
        matching.shallowBytes,
      );
    }),
  );
});
