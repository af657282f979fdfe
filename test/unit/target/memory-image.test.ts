import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GIB, MIB } from "../../../src/base/units.ts";
import { LinearMemory, SEGMENT_WORDS } from "../../../src/target/linear-memory.ts";
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

/** Linear memories that hold the same image; in the last it lies across the border of two segments. */
const FORMS: Readonly<Record<string, (ranges: readonly AddressRange[]) => MemoryImage>> = {
  flat: (given) => MemoryImage.layOut(LinearMemory.create(MemoryImage.bytesNeeded(given), true), given),
  segmented: (given) => {
    const memory = LinearMemory.create(4 * GIB + 64 * MIB, false);
    memory.allocate(SEGMENT_WORDS - (3 * MIB) / 4);
    return MemoryImage.layOut(memory, given);
  },
};

for (const [form, layOut] of Object.entries(FORMS)) {
  const start = 0x7f00_0000_0000;
  const lone = start + 6 * MIB;
  const end = start + 3 * MIB;
  const ranges: AddressRange[] = [
    { start, end },
    { start: lone, end: lone + 4096 },
  ];

  /** An image whose bytes are known, and the same bytes in one array. */
  const filled = () => {
    const image = layOut(ranges);
    const content = Uint8Array.from({ length: 3 * MIB }, (_, index) => (index * 31 + (index >>> 8)) % 255);
    image.forEachSpan(start, end, (address, word, byteOffset, length) => {
      image.memory
        .bytes(word, byteOffset + length)
        .set(content.subarray(address - start, address - start + length), byteOffset);
    });
    return { image, content, view: new DataView(content.buffer) };
  };

  test(`a ${form} image reads every width at every alignment, across slots too`, () => {
    const { image, view } = filled();
    const near = fc
      .constantFrom(0, MIB, 2 * MIB)
      .chain((border) => fc.integer({ min: -12, max: 12 }).map((n) => Math.max(0, border + n)));
    fc.assert(
      fc.property(fc.oneof(near, fc.nat(3 * MIB - 9)), (offset) => {
        const address = start + offset;
        assert.equal(image.u8(address), view.getUint8(offset));
        assert.equal(image.u16(address), view.getUint16(offset, true));
        assert.equal(image.u32(address), view.getUint32(offset, true));
        assert.equal(image.i32(address), view.getInt32(offset, true));
        assert.equal(image.u64(address), Number(view.getBigUint64(offset, true)));
        assert.equal(image.i64(address), Number(view.getBigInt64(offset, true)));
      }),
      { numRuns: 300 },
    );
  });

  test(`bytes of a ${form} image are a copy, or nothing when one of them is absent`, () => {
    const { image, content } = filled();
    fc.assert(
      fc.property(fc.nat(3 * MIB), fc.nat(2 * MIB), (offset, length) => {
        const bytes = image.bytes(start + offset, length);
        if (offset + length > 3 * MIB) assert.equal(bytes, undefined);
        else assert.ok(bytes !== undefined && Buffer.compare(bytes, content.subarray(offset, offset + length)) === 0);
      }),
      { numRuns: 60 },
    );
    for (const length of [-1, Number.NaN, 2 ** 40, 2 ** 63]) assert.equal(image.bytes(start, length), undefined);
  });

  test(`what a ${form} image has no slot for is absent and reads zero`, () => {
    const { image } = filled();
    for (const address of [start - 8, end, lone - 8, lone + MIB, 0, 2 ** 47, 2 ** 63, -8, Number.NaN]) {
      assert.equal(image.has(address), false, String(address));
      assert.equal(image.u64(address), 0);
      assert.equal(image.bytes(address, 1), undefined);
      assert.equal(image.cString(address), undefined);
    }
    assert.equal(image.has(end - 1) && image.has(lone), true);
    // Half of it is there.
    assert.equal(image.u64(end - 4), image.u32(end - 4));
  });

  test(`strings of a ${form} image end at their NUL, in time, and inside the image`, () => {
    const { image } = filled();
    const write = (address: number, text: string) => {
      const bytes = Buffer.from(text);
      for (const [index, byte] of bytes.entries()) {
        image.forEachSpan(address + index, address + index + 1, (_, word, byteOffset) => {
          image.memory.bytes(word, 4)[byteOffset] = byte;
        });
      }
    };
    write(start + MIB - 3, "größer\0");
    assert.equal(image.cString(start + MIB - 3), "größer");
    assert.equal(image.cString(start + MIB - 3, 8), undefined);
    assert.equal(image.cString(start + MIB - 3, 9), "größer");
    write(end - 3, "abc");
    assert.equal(image.cString(end - 3), undefined);
    write(end - 1, "\0");
    assert.equal(image.cString(end - 3), "ab");
    write(start + 5, "\0");
    assert.equal(image.cString(start + 5), "");
    assert.equal(image.latin1(start + MIB - 3, 8), Buffer.from("größer").toString("latin1"));
    assert.equal(image.latin1(end - 3, 3), image.latin1(end - 3, 2)?.concat("\0"));
    assert.equal(image.latin1(end - 3, 4), undefined);
  });

  test(`words of a ${form} image are in address order`, () => {
    const { image } = filled();
    for (const address of [start, start + MIB - 4, start + MIB, end - 4, lone, lone + MIB - 4]) {
      assert.equal(image.addressOf(image.wordOf(address)), address);
      assert.equal(image.addressOf(image.wordOf(address) | 0), address);
    }
    assert.ok(image.wordOf(lone) > image.wordOf(end - 4));
    assert.equal(image.slotCount, 4);
  });
}
