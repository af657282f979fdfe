import assert from "node:assert/strict";
import { test } from "node:test";
import { accountHeap, mapHeap } from "../../../src/analysis/heap.ts";
import { MIB } from "../../../src/base/units.ts";
import { SnapshotChunkState } from "../../../src/snapshot/states.ts";
import { OwnerKind } from "../../../src/snapshot/tables.ts";
import { ADDRESSES, syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

const {
  malloc: [malloc],
  pages,
} = syntheticSnapshot();

test("each row's parts make up its system bytes", () => {
  const { rows } = accountHeap(malloc, pages);
  assert.equal(rows.length, 3);
  for (const row of rows) {
    assert.equal(row.inUseBytes + row.freeBytes + row.cachedBytes + row.topBytes + row.overheadBytes, row.systemBytes);
  }
});

test("uses make up what is in use", () => {
  const { rows, use } = accountHeap(malloc, pages);
  const inUse = rows.reduce((sum, row) => sum + row.inUseBytes, 0);
  assert.equal(use.objectBytes + use.pymallocBytes + use.runtimeBytes + use.nativeBytes, inUse);
});

test("resident bytes of mmapped chunks come from their pages", () => {
  const rows = accountHeap(malloc, pages).rows;
  assert.equal(rows[2].arena, undefined);
  assert.equal(rows[2].residentBytes, 8 * MIB);
  const halfTouched = {
    ...pages,
    end: pages.end.map((end, run) => (pages.start[run] === ADDRESSES.mappedChunk ? end - 5 * MIB : end)),
  };
  assert.equal(accountHeap(malloc, halfTouched).rows[2].residentBytes, 3 * MIB);
});

test("what the allocator itself uses is overhead", () => {
  const before = accountHeap(malloc, pages).rows[0];
  const index = malloc.chunks.state.indexOf(SnapshotChunkState.inUse);
  const ownerKind = malloc.chunks.ownerKind.slice();
  ownerKind[index] = OwnerKind.allocator;
  const after = accountHeap({ ...malloc, chunks: { ...malloc.chunks, ownerKind } }, pages).rows[0];
  assert.equal(after.overheadBytes - before.overheadBytes, malloc.chunks.usedBytes[index]);
});

test("the map of an arena has cells of a power of two and tells full from free", () => {
  const { cellBytes, cells } = mapHeap(malloc, 0, 80);
  assert.equal(Math.log2(cellBytes) % 1, 0);
  assert.equal(cells.length, (16 * MIB) / cellBytes);
  assert.ok(cells.length <= 80);
  assert.ok(cells[0] > 0.5 && cells[0] <= 1);
  assert.equal(cells[cells.length - 1], 0, "the top is free");
});
