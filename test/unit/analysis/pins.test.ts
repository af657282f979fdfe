import assert from "node:assert/strict";
import { test } from "node:test";
import { arenaPins, fragmentationOf, survivorCurve } from "../../../src/analysis/fragmentation.ts";
import { heapCauses } from "../../../src/analysis/heap-causes.ts";
import { residentPages } from "../../../src/analysis/ledger.ts";
import { pinContext } from "../../../src/analysis/pin-owners.ts";
import { heapPins } from "../../../src/analysis/pins.ts";
import { trimOf } from "../../../src/analysis/trim.ts";
import { MIB } from "../../../src/base/units.ts";
import { SnapshotChunkState } from "../../../src/snapshot/states.ts";
import { OwnerKind, type PymallocTables, type Snapshot } from "../../../src/snapshot/tables.ts";
import { ADDRESSES, syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
const [malloc] = snapshot.malloc;
const resident = residentPages(snapshot);
const pymalloc = snapshot.pymalloc as PymallocTables;

/** The main heap with everything free but its first and its last chunk, which ends where the top begins. */
function pinned(ownerKind: number, owner: number): Snapshot {
  const { chunks } = malloc;
  const state = chunks.state.slice();
  const owners = chunks.owner.slice();
  const kinds = chunks.ownerKind.slice();
  const topRow = state.indexOf(SnapshotChunkState.top);
  state.fill(SnapshotChunkState.free, 1, topRow - 1);
  state[topRow - 1] = SnapshotChunkState.inUse;
  kinds[topRow - 1] = ownerKind;
  owners[topRow - 1] = owner;
  return { ...snapshot, malloc: [{ ...malloc, chunks: { ...chunks, state, ownerKind: kinds, owner: owners } }] };
}

test("one chunk at the end holds the whole heap", () => {
  const one = pinned(OwnerKind.library, 1);
  const [first] = heapPins(pinContext(one), one.malloc[0], resident);
  assert.equal(first.what, "native");
  assert.equal(first.owner, "libssl.so.3");
  assert.equal(first.behind, 0);
  assert.equal(first.start, ADDRESSES.heap);
  assert.ok(first.recoverableBytes > 12 * MIB && first.recoverableBytes < 15 * MIB);
  assert.ok((first.onFreeBytes ?? 0) <= first.heldBytes);
});

test("a heap never promises more than is resident in it", () => {
  for (const each of [snapshot, pinned(OwnerKind.none, -1)]) {
    const pins = heapPins(pinContext(each), each.malloc[0], resident);
    for (const [index, arena] of malloc.arenas.entries()) {
      const sum = pins.filter((pin) => pin.arena === index).reduce((total, pin) => total + pin.recoverableBytes, 0);
      assert.ok(sum <= arena.residentBytes);
    }
    assert.deepEqual(
      pins.map((pin) => pin.recoverableBytes),
      pins.map((pin) => pin.recoverableBytes).sort((a, b) => b - a),
    );
  }
});

test("what is never resident does not come back", () => {
  const none = residentPages({ ...snapshot, pages: { ...snapshot.pages, length: 0 } });
  assert.equal(trimOf(snapshot, malloc, none)?.releasableBytes, 0);
  for (const pin of heapPins(pinContext(snapshot), malloc, none)) assert.equal(pin.recoverableBytes, 0);
});

test("other allocators have neither trim nor pins", () => {
  const other = { ...malloc, allocator: "jemalloc" };
  assert.equal(trimOf(snapshot, other, resident), undefined);
  assert.deepEqual(heapPins(pinContext(snapshot), other, resident), []);
  assert.equal(heapCauses(snapshot, other), undefined);
});

test("why: what raised the threshold, how many arenas there may be", () => {
  const causes = heapCauses(snapshot, malloc);
  assert.equal(causes?.thresholdOrigin, "raised");
  assert.equal(causes?.raisedByBytes, 32 * MIB);
  assert.equal(causes?.arenaLimit, 32);
  const old = { ...snapshot, process: { ...snapshot.process, settings: undefined } };
  assert.equal(heapCauses(old, malloc)?.arenaLimit, undefined);
  assert.equal(heapCauses(old, malloc)?.environment, undefined);
});

/** The arenas with `left` blocks in the first pool of each and nothing else. */
function sparse(left: number): PymallocTables {
  const { pools, arenas } = pymalloc;
  const firstOfArena = Array.from(pools.arena).map((arena, pool) => pool === 0 || pools.arena[pool - 1] !== arena);
  const usedBlocks = pools.usedBlocks.map((blocks, pool) => (firstOfArena[pool] ? Math.min(blocks, left) : 0));
  const perArena = new Float64Array(arenas.length);
  usedBlocks.forEach((blocks, pool) => {
    perArena[pools.arena[pool]] += blocks;
  });
  return { ...pymalloc, pools: { ...pools, usedBlocks }, arenas: { ...arenas, usedBlocks: perArena } };
}

test("arenas with few survivors are pinned; one of them Python keeps", () => {
  const few = sparse(1);
  const pins = arenaPins(pinContext(snapshot), few);
  assert.equal(pins.arenas.length, few.arenas.length);
  assert.equal(pins.survivors, few.arenas.length);
  const resident = few.arenas.residentBytes.reduce((sum, bytes) => sum + bytes, 0);
  assert.equal(pins.recoverableBytes, resident - MIB);
  const old = { ...snapshot, process: { ...snapshot.process, python: "CPython 3.8.18" } };
  assert.equal(arenaPins(pinContext(old), few).recoverableBytes, resident);
  assert.equal(arenaPins(pinContext(snapshot), pymalloc).arenas.length, 0);
});

test("the curve goes up to all survivors, and never down", () => {
  for (const each of [pymalloc, sparse(1), sparse(7)]) {
    const curve = survivorCurve(snapshot, each);
    assert.equal(
      curve.at(-1)?.survivors,
      each.arenas.usedBlocks.reduce((sum, blocks) => sum + blocks, 0),
    );
    assert.equal(curve.at(-1)?.arenas, each.arenas.length - 1);
    for (let point = 1; point < curve.length; point++) {
      assert.ok(curve[point].survivors > curve[point - 1].survivors);
      assert.ok(curve[point].arenas >= curve[point - 1].arenas);
      assert.ok(curve[point].recoverableBytes >= curve[point - 1].recoverableBytes);
    }
  }
  assert.deepEqual(survivorCurve(snapshot, sparse(1)).slice(0, 2), [
    { survivors: 1, arenas: 0, recoverableBytes: 0 },
    { survivors: 10, arenas: 9, recoverableBytes: 9 * MIB },
  ]);
});

test("fragmentation counts pools that would do and pools that few blocks hold", () => {
  for (const row of fragmentationOf(sparse(1))) {
    assert.ok(row.neededPools <= 1);
    assert.ok(row.sparsePools >= row.sparseBlocks);
  }
});
