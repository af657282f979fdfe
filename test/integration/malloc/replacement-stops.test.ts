import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProblemReport } from "../../../src/base/problems.ts";
import { ChunkState, type MallocHeap, type MallocInput } from "../../../src/strata/malloc/allocator.ts";
import { decodeMimalloc } from "../../../src/strata/malloc/mimalloc/mimalloc.ts";
import { decodeTcmalloc } from "../../../src/strata/malloc/tcmalloc/tcmalloc.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { assertTiled, drawer } from "../../support/malloc-checks.ts";
import { distributionPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { REPLACEMENT_USES, startReplacementTarget } from "./replacement-target.ts";

const CHURNING = fileURLToPath(new URL("./churning-target.py", import.meta.url));
const STOPS = 30;
const DAMAGES = 60;
const PAGE_BYTES = 4096;
/** What the threads' program keeps of blocks of a MiB and more. */
const KEPT_LARGE = [1, 7, 50, 90].map((mebibytes) => mebibytes * 2 ** 20);

interface Replacement {
  readonly library: string;
  readonly decode: (input: MallocInput, problems: ProblemReport) => MallocHeap | undefined;
}

const REPLACEMENTS: Readonly<Record<string, Replacement>> = {
  tcmalloc: { library: "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4", decode: decodeTcmalloc },
  mimalloc: { library: "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2.0", decode: decodeMimalloc },
};

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
      assertTiled(heap);
      if (heap.busy) continue;
      assert.deepEqual(heap.problems, []);
      sound++;
    }
    t.diagnostic(`${sound} of ${STOPS} stops sound`);
    assert.ok(sound > STOPS / 10, `only ${sound} of ${STOPS} stops were sound`);
  });

  test(`${name} accounts for what ended threads left behind, and for large blocks`, { skip }, async (t) => {
    const target = startTarget(t, distributionPython(), ENDED_THREADS, { env: { LD_PRELOAD: library } });
    const kept = (await target.line()).split(" ").map(Number);
    const heap = decode(takeLiveImage(target.pid), new ProblemReport());
    assert.ok(heap !== undefined);
    assert.deepEqual(heap.problems, []);
    assert.equal(heap.busy, false);
    assertTiled(heap);
    const inUse = new Set(Array.from(heap.chunks.address).filter((_, chunk) => heap.chunks.state[chunk] === ChunkState.inUse));
    assert.deepEqual(
      kept.filter((block) => !inUse.has(block)),
      [],
    );
    // Rounded up, hardly.
    const large = (heap.sizeClasses ?? []).filter(({ bytes, live }) => bytes >= 2 ** 20 && live > 0);
    assert.deepEqual(
      large.map(({ bytes, live }, index) => live === 1 && bytes >= KEPT_LARGE[index] && bytes < KEPT_LARGE[index] * 1.05),
      KEPT_LARGE.map(() => true),
    );
    assertExactLedger(await captured(target.pid));
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
      if (heap !== undefined) assertTiled(heap);
      if (heap === undefined || heap.busy) noticed++;
    }
    t.diagnostic(`${noticed} of ${DAMAGES} noticed`);
    assert.ok(noticed > DAMAGES / 4);
    assert.equal(decode(taken, new ProblemReport())?.busy, false);
  });
}

/** Threads that have ended, blocks of theirs kept and freed, and large blocks that came and went. */
const ENDED_THREADS = `
import ctypes, threading
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
kept, freed = [], []
def work(seed):
    blocks = [libc.malloc(1 + (step * 7919 + seed) % (1 << 4 + step % 14)) for step in range(2000)]
    kept.extend(blocks[::3])
    freed.extend(blocks[1::3] + blocks[2::3])
for turn in range(3):
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(5)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
for block in freed: libc.free(block)
kept += [libc.malloc(size << 20) for size in (1, 7, 17, 50, 90)]
libc.free(libc.malloc(70 << 20))
libc.free(kept.pop(-3))
print(*kept, flush=True)
threading.Event().wait()
`;

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
