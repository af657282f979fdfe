import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TYPE_SORT_KEYS, typeHistogram } from "../../../src/analysis/types.ts";
import type { TypeTable } from "../../../src/snapshot/tables.ts";

const row = fc.record({
  name: fc.string(),
  module: fc.string(),
  figures: fc.array(fc.nat(1e9), { minLength: 4, maxLength: 4 }),
});
const tables = fc.array(row, { maxLength: 30 }).map((rows): TypeTable => {
  const column = (index: number) => Float64Array.from(rows, ({ figures }) => figures[index]);
  return {
    length: rows.length,
    address: new Float64Array(rows.length),
    name: rows.map(({ name }) => name),
    module: rows.map(({ module }) => module),
    count: column(0),
    shallowBytes: column(1),
    ownedBytes: column(2),
    residentBytes: column(3),
  };
});

test("rows and others account for every type that is shown", () => {
  fc.assert(
    fc.property(tables, fc.constantFrom(...TYPE_SORT_KEYS), fc.nat(40), (types, sort, limit) => {
      const { rows, other, shown, all } = typeHistogram(types, { sort, limit });
      const present = types.count.filter((count) => count > 0);
      assert.equal(rows.length + other.types, present.length);
      assert.deepEqual(shown, all);
      for (const key of ["count", "shallowBytes", "ownedBytes", "residentBytes"] as const) {
        assert.equal(
          rows.reduce((sum, index) => sum + types[key][index], other[key]),
          all[key],
        );
      }
      assert.equal(new Set(rows).size, rows.length);
    }),
  );
});

test("rows are sorted by the key that was asked for", () => {
  fc.assert(
    fc.property(tables, (types) => {
      const { rows } = typeHistogram(types, { sort: "owned" });
      for (let at = 1; at < rows.length; at++) assert.ok(types.ownedBytes[rows[at - 1]] >= types.ownedBytes[rows[at]]);
    }),
  );
});

test("a filter sees module and name, and what it hides stays in the sum of all", () => {
  const types: TypeTable = {
    length: 2,
    address: new Float64Array(2),
    name: ["dict", "Session"],
    module: ["", "parley.session"],
    count: Float64Array.of(3, 4),
    shallowBytes: Float64Array.of(30, 40),
    ownedBytes: Float64Array.of(30, 40),
    residentBytes: Float64Array.of(30, 40),
  };
  const seen: string[] = [];
  const { rows, shown, all } = typeHistogram(types, {
    sort: "name",
    matches: (name) => seen.push(name) > 0 && name.startsWith("parley."),
  });
  assert.deepEqual(seen, ["dict", "parley.session.Session"]);
  assert.deepEqual([...rows], [1]);
  assert.equal(shown.count, 4);
  assert.equal(all.count, 7);
});
