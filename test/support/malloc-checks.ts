import assert from "node:assert/strict";
import type { MallocHeap } from "../../src/strata/malloc/allocator.ts";

/** A small generator of numbers of its own, so that a failure can be repeated (Lehmer, modulus 2^31 - 1). */
export function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/** Chunks are ascending and disjoint, and the parts of each arena are all of it, whatever state the heap was found in. */
export function assertTiled({ arenas, chunks }: MallocHeap): void {
  for (let chunk = 1; chunk < chunks.length; chunk++) {
    assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
  }
  for (const arena of arenas) {
    const parts = arena.inUseBytes + arena.freeBytes + arena.fastBytes + arena.cachedBytes + arena.topBytes;
    assert.equal(parts, arena.systemBytes);
  }
}
