import assert from "node:assert/strict";
import { test } from "node:test";
import { MIB } from "../../../../src/base/units.ts";
import { countTornPools } from "../../../../src/strata/pymalloc/free-lists.ts";
import type { Pymalloc } from "../../../../src/strata/pymalloc/pymalloc.ts";
import { PoolHeader } from "../../../../src/strata/pymalloc/structures.ts";
import { LinearMemory } from "../../../../src/target/linear-memory.ts";
import { MemoryImage } from "../../../../src/target/memory-image.ts";

const ARENA = 0x7f00_0010_0000;
const POOL_BYTES = 16384;
const ALIGNMENT = 16;
const SIZE_CLASS = 3;
const BLOCK_BYTES = (SIZE_CLASS + 1) * ALIGNMENT;
const CAPACITY = Math.floor((POOL_BYTES - PoolHeader.bytes) / BLOCK_BYTES);
const CARVED = 20;

/** One pool in an arena: `CARVED` blocks were carved, those of `listed` are free, in that order. */
function makePool(pool: number, usedBlocks: number, listed: readonly number[]): { pymalloc: Pymalloc; image: MemoryImage } {
  const image = MemoryImage.layOut(LinearMemory.create(16 * MIB, false), [{ start: ARENA, end: ARENA + MIB }]);
  const store = (address: number, value: number): void => {
    image.memory.store(image.wordOf(address), (value % 2 ** 32) | 0);
    image.memory.store(image.wordOf(address + 4), Math.floor(value / 2 ** 32));
  };
  const block = (number: number | undefined): number =>
    number === undefined ? 0 : pool + PoolHeader.bytes + number * BLOCK_BYTES;
  store(pool + PoolHeader.freeBlock, block(listed[0]));
  for (const [index, number] of listed.entries()) store(block(number), block(listed[index + 1]));
  image.memory.store(image.wordOf(pool + PoolHeader.nextOffset), PoolHeader.bytes + CARVED * BLOCK_BYTES);
  const pools = {
    length: 1,
    address: Float64Array.of(pool),
    arena: Uint32Array.of(0),
    sizeClass: Uint8Array.of(SIZE_CLASS),
    usedBlocks: Uint16Array.of(usedBlocks),
  };
  const arenas = {
    length: 1,
    address: Float64Array.of(ARENA),
    bytes: Float64Array.of(MIB),
    interpreter: Uint16Array.of(0),
    pools: Uint16Array.of(64),
    freePools: Uint16Array.of(63),
  };
  const pymalloc = {
    poolBytes: POOL_BYTES,
    alignment: ALIGNMENT,
    poolHeaderBytes: PoolHeader.bytes,
    arenas,
    pools,
    stateRanges: [],
    problems: [],
  };
  return { pymalloc, image };
}

function torn(pool: number, usedBlocks: number, listed: readonly number[]): number {
  const { pymalloc, image } = makePool(pool, usedBlocks, listed);
  return countTornPools(pymalloc, image);
}

// The first and the last pool of a slot of the image.
for (const pool of [ARENA, ARENA + MIB - POOL_BYTES]) {
  test(`used, listed and never carved blocks make a pool at ${pool.toString(16)}`, () => {
    assert.equal(torn(pool, CARVED, []), 0);
    assert.equal(torn(pool, CARVED - 3, [4, 0, 19]), 0);
    assert.equal(torn(pool, CARVED - 2, [4, 0, 19]), 1, "a block was listed, its pool's count not changed yet");
    assert.equal(torn(pool, CARVED - 1, []), 1, "a count was changed, its block not listed yet");
  });
}

test("a list that leaves its pool or runs in a circle is torn, and ends", () => {
  assert.equal(torn(ARENA, CARVED - 3, [4, 0, CAPACITY + 5]), 1);
  assert.equal(torn(ARENA, CARVED - 3, [4, 0, -2]), 1);
  assert.equal(torn(ARENA, CARVED - 3, [4, 0, 4]), 1);
  assert.equal(torn(ARENA, CARVED - 3, [4, 0, 2 ** 36]), 1, "another 4 GiB, the same low bits");
});
