import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePymalloc } from "../../../../src/strata/pymalloc/decode.ts";
import { findArenasPointer, findUsedPools } from "../../../../src/strata/pymalloc/locate.ts";
import type { PymallocLocation } from "../../../../src/strata/pymalloc/location.ts";
import { ArenaObject, PoolHeader } from "../../../../src/strata/pymalloc/structures.ts";
import { MemoryWindow } from "../../../../src/target/memory-window.ts";
import { BufferMemory } from "../../../support/buffer-memory.ts";

const START = 0x7f00_0000_0000;
const ARENA_BYTES = 256 * 1024;
const POOL_BYTES = 4096;
const ALIGNMENT = 16;
/** Static data: the pointer to the table at 0, usedpools at 64; then the table of 16 entries; then, aligned, two arenas. */
const DATA_BYTES = 4096;
const USED_POOLS = START + 64;
const TABLE = START + DATA_BYTES;
const ARENAS = [START + 0x10000, START + 0x10000 + ARENA_BYTES + 512];

const LOCATION: PymallocLocation = {
  alignment: ALIGNMENT,
  states: [
    {
      interpreter: 3,
      usedPoolsAddress: USED_POOLS,
      arenasPointerAddress: START,
      maxArenasAddress: undefined,
      arenaMap: undefined,
      stateRange: undefined,
    },
  ],
};

/** Two arenas as 3.8 would have them: one aligned with an empty pool and never carved ones, one unaligned and full. */
function buildHeap(): BufferMemory {
  const memory = new BufferMemory(START, new Uint8Array(0x10000 + 3 * ARENA_BYTES));
  memory.putU64(START, TABLE);
  for (let sizeClass = 0; sizeClass < 32; sizeClass++) {
    const entry = USED_POOLS + sizeClass * 16;
    memory.putU64(entry, entry - 16);
    memory.putU64(entry + 8, entry - 16);
  }
  const [aligned, unaligned] = ARENAS;
  putArena(memory, 2, { address: aligned, firstPool: aligned, carved: 4, total: 64, free: 61, freeList: aligned + POOL_BYTES });
  putPool(memory, aligned, 2, 0, 10);
  putPool(memory, aligned + POOL_BYTES, 2, 5, 0);
  putPool(memory, aligned + 2 * POOL_BYTES, 2, 31, 7);
  putPool(memory, aligned + 3 * POOL_BYTES, 2, 1, 126);
  const first = Math.ceil(unaligned / POOL_BYTES) * POOL_BYTES;
  putArena(memory, 0, { address: unaligned, firstPool: first, carved: 63, total: 63, free: 0, freeList: 0 });
  for (let pool = 0; pool < 63; pool++) putPool(memory, first + pool * POOL_BYTES, 0, 3, 63);
  memory.putU64(USED_POOLS, aligned);
  memory.putU64(USED_POOLS + 8, aligned);
  return memory;
}

interface ArenaFacts {
  readonly address: number;
  readonly firstPool: number;
  readonly carved: number;
  readonly total: number;
  readonly free: number;
  readonly freeList: number;
}

function putArena(memory: BufferMemory, index: number, arena: ArenaFacts): void {
  const entry = TABLE + index * ArenaObject.bytes;
  memory.putU64(entry + ArenaObject.address, arena.address);
  memory.putU64(entry + ArenaObject.poolAddress, arena.firstPool + arena.carved * POOL_BYTES);
  memory.putU32(entry + ArenaObject.totalPools, arena.total);
  memory.putU32(entry + ArenaObject.freePools, arena.free);
  memory.putU64(entry + ArenaObject.freePoolList, arena.freeList);
}

function putPool(memory: BufferMemory, pool: number, arena: number, sizeClass: number, used: number): void {
  memory.putU32(pool + PoolHeader.usedBlocks, used);
  memory.putU32(pool + PoolHeader.arenaIndex, arena);
  memory.putU32(pool + PoolHeader.sizeClass, sizeClass);
  memory.putU32(pool + PoolHeader.maxNextOffset, POOL_BYTES - (sizeClass + 1) * ALIGNMENT);
}

test("arenas and pools in address order, with empty and never carved pools counted", () => {
  const { arenas, pools, poolBytes, problems, stateRanges } = decodePymalloc(LOCATION, buildHeap());
  assert.deepEqual(problems, []);
  assert.equal(poolBytes, POOL_BYTES);
  assert.deepEqual([...arenas.address], ARENAS);
  assert.deepEqual([...arenas.bytes], [ARENA_BYTES, ARENA_BYTES]);
  assert.deepEqual([...arenas.pools], [64, 63]);
  assert.deepEqual([...arenas.freePools], [61, 0]);
  assert.deepEqual([...arenas.interpreter], [3, 3]);
  assert.equal(pools.length, 3 + 63);
  assert.deepEqual([...pools.sizeClass.slice(0, 4)], [0, 31, 1, 3]);
  assert.deepEqual([...pools.usedBlocks.slice(0, 4)], [10, 7, 126, 63]);
  assert.deepEqual([...pools.arena.slice(0, 4)], [0, 0, 0, 1]);
  assert.deepEqual(stateRanges, [{ start: TABLE, end: TABLE + 16 * ArenaObject.bytes, what: "pymalloc arena table" }]);
});

test("static data gives away usedpools and the table of arenas", () => {
  const memory = buildHeap();
  const windows = [MemoryWindow.read(memory, START, START + DATA_BYTES)];
  const used = findUsedPools(memory, windows);
  assert.equal(used?.address, USED_POOLS);
  assert.equal(used?.alignment, ALIGNMENT);
  assert.deepEqual(used?.samples, [ARENAS[0]]);
  assert.equal(used && findArenasPointer(memory, windows, used, () => true), START);
});

test("a pool that contradicts its arena is left out and counted", () => {
  const memory = buildHeap();
  memory.putU32(ARENAS[0] + 2 * POOL_BYTES + PoolHeader.usedBlocks, 8); // 7 blocks of 512 bytes fit
  memory.putU32(ARENAS[0] + 3 * POOL_BYTES + PoolHeader.arenaIndex, 9);
  const { pools, problems } = decodePymalloc(LOCATION, memory);
  assert.equal(pools.length, 1 + 63);
  assert.deepEqual(
    problems.map(({ kind, count, address }) => ({ kind, count, address })),
    [{ kind: "pymalloc-pool", count: 2, address: ARENAS[0] + 2 * POOL_BYTES }],
  );
});

test("a list of free pools that runs in a circle ends", () => {
  const memory = buildHeap();
  memory.putU64(ARENAS[0] + POOL_BYTES + PoolHeader.nextPool, ARENAS[0] + POOL_BYTES);
  const { problems } = decodePymalloc(LOCATION, memory);
  assert.deepEqual(
    problems.map(({ kind }) => kind),
    ["pymalloc-free-list"],
  );
});

test("any damage is survived, and what is left lies in its arena", () => {
  const changes = fc.array(fc.tuple(fc.nat(0x10000 + 2 * ARENA_BYTES), fc.nat(2 ** 32 - 1)), { minLength: 1, maxLength: 200 });
  const table = fc.array(fc.tuple(fc.nat(16 * ArenaObject.bytes), fc.nat(2 ** 32 - 1)), { maxLength: 10 });
  fc.assert(
    fc.property(changes, table, (bytes, entries) => {
      const memory = buildHeap();
      for (const [offset, value] of bytes) memory.putU32(START + offset, value);
      for (const [offset, value] of entries) memory.putU32(TABLE + offset, value);
      const { arenas, pools } = decodePymalloc(LOCATION, memory);
      for (let pool = 0; pool < pools.length; pool++) {
        const arena = pools.arena[pool];
        assert.ok(pools.address[pool] >= arenas.address[arena]);
        assert.ok(pools.address[pool] + POOL_BYTES <= arenas.address[arena] + arenas.bytes[arena]);
      }
    }),
    { numRuns: 40 },
  );
});
