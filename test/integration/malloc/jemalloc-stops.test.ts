import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProblemReport } from "../../../src/base/problems.ts";
import type { MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeJemalloc } from "../../../src/strata/malloc/jemalloc/jemalloc.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { assertTiled, drawer } from "../../support/malloc-checks.ts";
import { distributionPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { waitForAccounts } from "./malloc-target.ts";

const CHURNING = fileURLToPath(new URL("./churning-target.py", import.meta.url));
const STANDING = fileURLToPath(new URL("./jemalloc-target.py", import.meta.url));
const LIBRARY = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
const skip = existsSync(LIBRARY) ? false : "no libjemalloc2 on this machine";
const env = { LD_PRELOAD: LIBRARY, PYTHONHASHSEED: "0" };
const STOPS = 30;
const DAMAGES = 60;
const PAGE_BYTES = 4096;

test("four threads allocating at full speed: every stop is either sound or known to lie in jemalloc", { skip }, async (t) => {
  const target = startTarget(t, distributionPython(), { script: CHURNING }, { args: ["4"], env });
  await target.line();
  const draw = drawer(7);
  let sound = 0;
  for (let stop = 0; stop < STOPS; stop++) {
    await new Promise((resolve) => setTimeout(resolve, 5 + draw(15)));
    const problems = new ProblemReport();
    const heap = decodeJemalloc(takeLiveImage(target.pid, { registers: false }), problems);
    assert.deepEqual(problems.list(), []);
    assert.ok(heap !== undefined);
    assertTiled(heap);
    if (heap.busy) continue;
    assert.deepEqual(heap.problems, []);
    sound++;
  }
  assert.ok(sound > STOPS / 4, `only ${sound} of ${STOPS} stops were sound`);
});

async function sampleOf(t: TestContext): Promise<{ taken: ProcessImage; heap: MallocHeap }> {
  const { target } = await waitForAccounts(
    startTarget(t, distributionPython(), { script: STANDING }, { args: ["", "2"], env }),
  );
  const taken = takeLiveImage(target.pid);
  const heap = decodeJemalloc(taken, new ProblemReport());
  assert.ok(heap !== undefined && !heap.busy);
  return { taken, heap };
}

/** Resident pages of jemalloc's own: its blocks, which hold descriptors, leaves and arenas, and the tree's root. */
function ownPages({ resident }: ProcessImage, heap: MallocHeap): number[] {
  const pages: number[] = [];
  const add = (start: number, end: number) => {
    for (let page = start - (start % PAGE_BYTES); page < end; page += PAGE_BYTES) if (resident.has(page)) pages.push(page);
  };
  const { chunks } = heap;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    const start = chunks.address[chunk];
    if (chunks.bytes[chunk] >= 2 ** 21 && start % 2 ** 21 === 0) add(start, start + chunks.bytes[chunk]);
  }
  for (const { start, end } of heap.stateRanges) add(start, end);
  return pages;
}

test("damage anywhere in jemalloc's structures ends in an answer, never in a loop or an exception", { skip }, async (t) => {
  const { taken, heap } = await sampleOf(t);
  const pages = ownPages(taken, heap);
  assert.ok(pages.length > 100);
  const draw = drawer(13);
  let noticed = 0;
  for (let turn = 0; turn < DAMAGES; turn++) {
    const words = taken.image.memory.int32(taken.image.wordOf(pages[draw(pages.length)]), PAGE_BYTES / 4);
    const before = words.slice();
    // Now a few words, now the whole page; small numbers, and halves of pointers.
    const share = turn % 2 === 0 ? 1 : 64;
    for (let index = 0; index < words.length; index++) {
      if (draw(share) === 0)
        words[index] = draw(4) === 0 ? draw(2 ** 31) : draw(3) === 0 ? words[draw(words.length)] : draw(256);
    }
    const problems = new ProblemReport();
    const damaged = decodeJemalloc(taken, problems);
    words.set(before);
    if (damaged !== undefined) assertTiled(damaged);
    if (damaged === undefined || damaged.busy) noticed++;
    if (damaged === undefined) assert.ok(problems.list().length > 0, "it is said that a jemalloc is there");
  }
  assert.ok(noticed > DAMAGES / 4, `only ${noticed} of ${DAMAGES} damages were noticed`);
});
