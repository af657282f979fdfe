import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeGlibc } from "../../../src/strata/malloc/glibc/glibc.ts";
import { mallinfo, mallocInfo } from "../../../src/strata/malloc/glibc/mallinfo.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { distributionPython, testOnEveryPython } from "../../support/pythons.ts";
import { type MallocTarget, readOwnAccounts, readOwnXml, startMallocTarget } from "./malloc-target.ts";

/** Decodes the target and holds it against what glibc says of itself. */
function checkAgainstOwnAccounts(
  { target, accountsAddress, xmlAddress }: MallocTarget,
  options: { registers?: boolean } = {},
): MallocHeap {
  const taken = takeLiveImage(target.pid, options);
  const heap = decodeGlibc(taken);
  assert.ok(heap !== undefined, "no main arena found");
  assert.deepEqual(heap.problems, []);
  assert.equal(heap.busy, false);
  assert.deepEqual(mallinfo(heap), readOwnAccounts(taken.image, accountsAddress));
  const xml = readOwnXml(taken.image, xmlAddress);
  assert.deepEqual(mallocInfo(heap), xml.arenas);
  assert.deepEqual(heap.mapped, { count: xml.mappedCount, bytes: xml.mappedBytes });
  checkTiling(heap);
  return heap;
}

/** Chunks are ascending and disjoint, and tile every heap without a gap. */
function checkTiling({ arenas, chunks }: MallocHeap): void {
  const covered = new Float64Array(arenas.length);
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunk > 0) assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
    if (chunks.arena[chunk] < arenas.length) covered[chunks.arena[chunk]] += chunks.bytes[chunk];
  }
  for (const [index, arena] of arenas.entries()) {
    assert.equal(covered[index], arena.systemBytes);
    assert.equal(arena.inUseBytes + arena.freeBytes + arena.fastBytes + arena.cachedBytes + arena.topBytes, arena.systemBytes);
  }
}

testOnEveryPython("malloc equals glibc's own accounts", async (t, python) => {
  checkAgainstOwnAccounts(await startMallocTarget(t, python, "plain,small,threads=2,mapped"));
});
