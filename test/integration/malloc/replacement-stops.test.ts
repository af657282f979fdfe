import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProblemReport } from "../../../src/base/problems.ts";
import { ChunkState, type MallocHeap, type MallocInput } from "../../../src/strata/malloc/allocator.ts";
import { decodeMimalloc } from "../../../src/strata/malloc/mimalloc/mimalloc.ts";
import { decodeTcmalloc } from "../../../src/strata/malloc/tcmalloc/tcmalloc.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { distributionPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { REPLACEMENT_USES, startReplacementTarget } from "./replacement-target.ts";

const CHURNING = fileURLToPath(new URL("./churning-target.py", import.meta.url));
const STOPS = 30;
const DAMAGES = 60;
const PAGE_BYTES = 4096;

interface Replacement {
  readonly library: string;
  readonly decode: (input: MallocInput, problems: ProblemReport) => MallocHeap | undefined;
}

const REPLACEMENTS: Readonly<Record<string, Replacement>> = {
  tcmalloc: { library: "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", decode: decodeTcmalloc },
  mimalloc: { library: "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0", decode: decodeMimalloc },
};

/** A small generator of its own, so that a failure can be repeated (Lehmer, modulus 2^31 - 1). */
function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

function checkColumns({ arenas, chunks }: MallocHeap): void {
  for (let chunk = 1; chunk < chunks.length; chunk++) {
    assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
  }
  for (const arena of arenas) {
    assert.equal(arena.inUseBytes + arena.freeBytes + arena.cachedBytes + arena.topBytes, arena.systemBytes);
  }
}

for (const [name, { library, decode }] of Object.entries(REPLACEMENTS)) {
  const skip = existsSync(library) ? false : `no ${name} on this machine`;

  test(`${name} at full speed: every stop is either sound to the last block or known to lie in it`, { skip }, async (t) => {
    const env = { LD_PRELOAD: library };
    const target = startTarget(t, distributionPython(), { script: CHURNING }, { args: ["4"], env });
    await target.line();
    const draw = drawer(7);
    let sound = 0;
    for (let stop = 0; stop < STOPS; stop++) {
      await new Promise((resolve) => setTimeout(resolve, 5 + draw(15)));
      const problems = new ProblemReport();
      const heap = decode(takeLiveImage(target.pid, { registers: false }), problems);
      assert.deepEqual(problems.list(), []);
      assert.ok(heap !== undefined);
      checkColumns(heap);
      if (heap.busy) continue;
      assert.deepEqual(heap.problems, []);
      sound++;
    }
    t.diagnostic(`${sound} of ${STOPS} stops sound`);
    assert.ok(sound > STOPS / 10, `only ${sound} of ${STOPS} stops were sound`);
  });

  test(`${name} turned into garbage ends in an answer, never in a loop or an exception`, { skip }, async (t) => {
    const { target } = await startReplacementTarget(t, distributionPython(), library, REPLACEMENT_USES["five threads"]);
    const taken = takeLiveImage(target.pid);
    const draw = drawer(13);
    // Its structures, and the blocks with their lists.
    const pages = structurePages(decode(taken, new ProblemReport()) as MallocHeap).filter((page) => taken.image.has(page));
    let noticed = 0;
    for (let turn = 0; turn < DAMAGES; turn++) {
      const page = pages[draw(pages.length)];
      const words = taken.image.memory.int32(taken.image.wordOf(page), PAGE_BYTES / 4);
      const before = words.slice();
      for (let index = 0; index < words.length; index++) {
        const kind = draw(40);
        if (kind === 0) words[index] = draw(2 ** 31);
        else if (kind === 1) words[index] = before[draw(words.length)];
        else if (kind === 2) words[index] = 0;
      }
      const problems = new ProblemReport();
      const heap = decode(taken, problems);
      words.set(before);
      if (heap !== undefined) checkColumns(heap);
      if (heap === undefined || heap.busy) noticed++;
    }
    t.diagnostic(`${noticed} of ${DAMAGES} noticed`);
    assert.ok(noticed > DAMAGES / 4);
    assert.equal(decode(taken, new ProblemReport())?.busy, false);
  });
}

/** Pages of static data and of the memory that the allocator keeps for itself, and as many of its blocks. */
function structurePages({ stateRanges, chunks }: MallocHeap): number[] {
  const pages = stateRanges.map(({ start }) => start - (start % PAGE_BYTES));
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    const start = chunks.address[chunk] - (chunks.address[chunk] % PAGE_BYTES);
    const structure = chunks.state[chunk] === ChunkState.overhead && chunks.bytes[chunk] >= PAGE_BYTES;
    const most = structure ? Math.min(chunks.bytes[chunk], 40 * PAGE_BYTES) : PAGE_BYTES;
    if (structure || chunk % 97 === 0) for (let page = 0; page < most; page += PAGE_BYTES) pages.push(start + page);
  }
  return pages;
}
