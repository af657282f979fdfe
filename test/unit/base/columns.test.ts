import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Float64Column, Uint8Column, Uint32Column } from "../../../src/base/columns.ts";

const KINDS = [
  {
    make: () => new Float64Column(),
    items: fc.array(
      fc.nat(2 ** 31 - 1).map((n) => n * 65_536),
      { maxLength: 500 },
    ),
  },
  { make: () => new Uint32Column(), items: fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 500 }) },
  { make: () => new Uint8Column(), items: fc.array(fc.nat(255), { maxLength: 500 }) },
] as const;

for (const { make, items } of KINDS) {
  test(`${make().constructor.name} keeps what was pushed while it grows`, () => {
    fc.assert(
      fc.property(items, (values) => {
        const column = make();
        values.forEach((value, index) => {
          assert.equal(column.push(value), index);
        });
        assert.equal(column.length, values.length);
        assert.deepEqual([...column.view()], values);
        assert.deepEqual(
          values.map((_, index) => column.get(index)),
          values,
        );
      }),
    );
  });
}
