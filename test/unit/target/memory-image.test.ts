import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GIB, MIB } from "../../../src/base/units.ts";
import { LinearMemory } from "../../../src/target/linear-memory.ts";
import { type AddressRange, MemoryImage } from "../../../src/target/memory-image.ts";

const ranges = fc
  .array(fc.record({ slot: fc.integer({ min: 0, max: 2 ** 27 - 20 }), bytes: fc.integer({ min: 1, max: 5 * MIB }) }), {
    maxLength: 12,
  })
  .map((items) => items.map(({ slot, bytes }): AddressRange => ({ start: slot * MIB + 4096, end: slot * MIB + 4096 + bytes })));

test("laying out again in the same memory is as good as laying out anew", () => {
  fc.assert(
    fc.property(ranges, ranges, (first, second) => {
      const bytes = Math.max(MemoryImage.bytesNeeded(first), MemoryImage.bytesNeeded(second));
      const image = MemoryImage.layOut(LinearMemory.create(bytes, true), first).layOutAgain(second);
      const fresh = MemoryImage.layOut(LinearMemory.create(bytes, false), second);
      assert.deepEqual(image.slotAddresses, fresh.slotAddresses);
      for (const { start, end } of [...first, ...second]) {
        for (const address of [start, end - 1, end + 7 * MIB]) {
          assert.equal(image.wordOf(address), fresh.wordOf(address));
          assert.equal(image.u8(address), 0);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("words and addresses translate both ways across slots, segments and the 4 GiB borders of the directory", () => {
  const far: AddressRange[] = [
    { start: 4 * GIB - MIB, end: 4 * GIB + MIB },
    { start: 2 ** 47 - 2 * MIB, end: 2 ** 47 },
  ];
  const image = MemoryImage.layOut(LinearMemory.create(MemoryImage.bytesNeeded(far), true), far);
  for (const address of [4 * GIB - 4, 4 * GIB, 2 ** 47 - 4, 2 ** 47 - 2 * MIB]) {
    assert.ok(image.has(address));
    assert.equal(image.addressOf(image.wordOf(address)), address);
    image.memory.store(image.wordOf(address), 0x01020304);
    assert.equal(image.u32(address), 0x01020304);
  }
  assert.equal(image.u32(4 * GIB - 2), 0x03040102);
  assert.equal(image.has(2 ** 47), false);
  assert.equal(image.has(-1), false);
});
