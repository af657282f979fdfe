import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasBit, newBits, setBit } from "../../../src/base/bits.ts";

test("bits are those that were set, and there is a word for the last one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), (length, any) => {
      const set = new Set(any.filter((index) => index < length).concat(length - 1));
      const bits = newBits(length);
      for (const index of set) setBit(bits, index);
      for (let index = 0; index < length; index++) assert.equal(hasBit(bits, index), set.has(index));
      assert.equal(bits.length, Math.ceil(length / 32));
    }),
  );
});
