import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import type { MallocTarget } from "./malloc-target.ts";
import { decodeReplacement, REPLACEMENT_USES, somePythons, startReplacementTarget } from "./replacement-target.ts";

const LIBRARY = "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0";
const skip = existsSync(LIBRARY) ? false : "no libmimalloc2.0 on this machine";

for (const python of somePythons()) {
  for (const [name, use] of Object.entries(REPLACEMENT_USES)) {
    test(`mimalloc equals what it visits, ${name}: CPython ${python.label}`, { skip }, async (t) => {
      const target = await startReplacementTarget(t, python, LIBRARY, use);
      const taken = takeLiveImage(target.target.pid);
      const heap = decodeReplacement(taken, "mimalloc");
      checkAgainstVisits(heap, target, taken);
      assert.deepEqual(
        heap.arenas.flatMap(({ threads }) => threads).sort((left, right) => left - right),
        taken.threads.map(({ tid }) => tid).sort((left, right) => left - right),
      );
      assert.deepEqual(heap.arenas[0].threads, [target.target.pid]);
      const snapshot = await captured(target.target.pid);
      assert.equal(snapshot.capture.consistent, true);
      const allocators = snapshot.malloc.map((malloc) => malloc.allocator).sort();
      assert.deepEqual(allocators, use.preloaded ? ["mimalloc"] : ["glibc", "mimalloc"]);
      assertExactLedger(snapshot);
    });
  }
}

/** The very blocks: those that are in use, and those that other threads freed while their own thread slept. */
function checkAgainstVisits({ chunks }: MallocHeap, { accountsAddress }: MallocTarget, { image }: ProcessImage): void {
  const [visitedCount, freedCount] = [image.u64(accountsAddress), image.u64(accountsAddress + 8)];
  const addresses = Array.from({ length: visitedCount + freedCount }, (_, index) =>
    image.u64(accountsAddress + 16 + 8 * index),
  );
  const live = new Set(addresses.slice(0, visitedCount));
  const freed = new Set(addresses.slice(visitedCount));
  assert.ok(visitedCount > 5000);
  for (const address of freed) assert.ok(live.delete(address));
  assertSameBlocks(chunks, ChunkState.inUse, live);
  assertSameBlocks(chunks, ChunkState.cached, freed);
}

function assertSameBlocks({ address, state }: MallocHeap["chunks"], wanted: number, expected: ReadonlySet<number>): void {
  const decoded = new Set(Array.from(address).filter((_, chunk) => state[chunk] === wanted));
  assert.deepEqual(
    {
      missing: [...expected].filter((block) => !decoded.has(block)).slice(0, 10),
      invented: [...decoded].filter((block) => !expected.has(block)).slice(0, 10),
    },
    { missing: [], invented: [] },
  );
}
