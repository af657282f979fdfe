import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HashIndex } from "../../../src/capture/hash-index.ts";

test("an index of hashes is a map of pairs", () => {
  // Few halves, so that hashes share one half, or a slot.
  const half = fc.oneof(fc.nat(5), fc.constantFrom(0xffffffff, 0x80000000, 16, 32, 64), fc.nat(0xffffffff));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(half, half, fc.nat(1000)), { maxLength: 200 }),
      fc.array(fc.tuple(half, half)),
      (entries, others) => {
        const index = new HashIndex(entries.length);
        const map = new Map<string, number>();
        for (const [low, high, number] of entries) {
          index.set(low, high, number);
          map.set(`${low},${high}`, number);
        }
        for (const [low, high] of [...entries, ...others]) assert.equal(index.get(low, high), map.get(`${low},${high}`) ?? -1);
      },
    ),
  );
});
