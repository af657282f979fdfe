import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeGlibc } from "../../../src/strata/malloc/glibc/glibc.ts";
import { mallinfo, mallocInfo } from "../../../src/strata/malloc/glibc/mallinfo.ts";
import { afterFreeingMapped, thresholdOrigin } from "../../../src/strata/malloc/rules/glibc-thresholds.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { distributionPython, testOnEveryPython } from "../../support/pythons.ts";
import { type MallocTarget, readOwnAccounts, readOwnXml, startMallocTarget } from "./malloc-target.ts";

const HEADER_BYTES = 16;

interface Checked {
  readonly heap: MallocHeap;
  readonly taken: ProcessImage;
}

/** Decodes the target and holds it against what glibc says of itself, field by field and arena by arena. */
function checkAgainstOwnAccounts({ target, accountsAddress, xmlAddress }: MallocTarget, foreignBytes = 0): Checked {
  const taken = takeLiveImage(target.pid);
  const heap = decode(taken);
  assert.deepEqual(heap.problems, []);
  assert.equal(heap.busy, false);
  const own = readOwnAccounts(taken.image, accountsAddress);
  assert.ok(own.uordblks > 1e6, "the target took no accounts");
  assert.deepEqual(mallinfo(heap), own);
  const xml = readOwnXml(taken.image, xmlAddress);
  assert.deepEqual(mallocInfo(heap), xml.arenas);
  assert.deepEqual(heap.mapped, { count: xml.mappedCount, bytes: xml.mappedBytes });
  checkTiling(heap, foreignBytes);
  return { heap, taken };
}

function decode(taken: ProcessImage): MallocHeap {
  const heap = decodeGlibc(taken);
  assert.ok(heap !== undefined, "no main arena found");
  return heap;
}

/** Chunks are ascending and disjoint, and tile every heap without a gap but for what others took by sbrk. */
function checkTiling({ arenas, chunks }: MallocHeap, foreignBytes: number): void {
  const covered = new Float64Array(arenas.length);
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunk > 0) assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
    if (chunks.arena[chunk] < arenas.length) covered[chunks.arena[chunk]] += chunks.bytes[chunk];
  }
  for (const [index, arena] of arenas.entries()) {
    assert.equal(covered[index] + (arena.main ? foreignBytes : 0), arena.systemBytes);
    const parts = arena.inUseBytes + arena.freeBytes + arena.fastBytes + arena.cachedBytes + arena.topBytes;
    assert.equal(parts, arena.systemBytes);
  }
}

/** The addresses that the target said under a word. */
function saidAddresses({ lines }: MallocTarget, word: string): number[] {
  const line = lines.find((candidate) => candidate.startsWith(`${word} `));
  assert.ok(line !== undefined, `the target never said "${word}"`);
  return line.split(" ").slice(1).map(Number);
}

/** State of the chunk that malloc returned `user` for; undefined when no chunk begins there. */
function stateReader({ chunks }: MallocHeap): (user: number) => number | undefined {
  const states = new Map<number, number>();
  for (let chunk = 0; chunk < chunks.length; chunk++) states.set(chunks.address[chunk], chunks.state[chunk]);
  return (user) => states.get(user - HEADER_BYTES);
}

testOnEveryPython("malloc equals glibc's own accounts", async (t, python) => {
  checkAgainstOwnAccounts(await startMallocTarget(t, python, "plain,small,threads=2,mapped"));
});

testOnEveryPython("malloc equals glibc's own accounts with PYTHONMALLOC=malloc", async (t, python) => {
  checkAgainstOwnAccounts(await startMallocTarget(t, python, "plain,small,threads=1", { PYTHONMALLOC: "malloc" }));
});

interface Case {
  readonly scenarios: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly arenas: number;
}

const CASES: readonly Case[] = [
  { scenarios: "plain,small", arenas: 1 },
  { scenarios: "plain,threads=7", arenas: 8 },
  { scenarios: "plain,small,trim,threads=3,trim", arenas: 4 },
  { scenarios: "plain,small,threads=3", env: { PYTHONMALLOC: "malloc" }, arenas: 4 },
  { scenarios: "plain,small,threads=2", env: { PYTHONMALLOC: "malloc_debug" }, arenas: 3 },
  { scenarios: "plain,threads=5", env: { MALLOC_ARENA_MAX: "2" }, arenas: 2 },
  { scenarios: "plain,small,threads=2", env: { GLIBC_TUNABLES: "glibc.malloc.tcache_count=200" }, arenas: 3 },
  { scenarios: "mapped,plain", env: { MALLOC_MMAP_THRESHOLD_: "20000", MALLOC_TOP_PAD_: "0" }, arenas: 1 },
  { scenarios: "plain,small", env: { MALLOC_MMAP_MAX_: "0" }, arenas: 1 },
  { scenarios: "plain,small,threads=3", env: { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" }, arenas: 4 },
  { scenarios: "plain,small,threads=3", env: { GLIBC_TUNABLES: "glibc.malloc.hugetlb=2" }, arenas: 4 },
  { scenarios: "plain,blocked,small,mapped,threads=2", arenas: 3 },
];

for (const { scenarios, env = {}, arenas } of CASES) {
  test(`malloc equals glibc's own accounts: ${scenarios} ${JSON.stringify(env)}`, async (t) => {
    const { heap } = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), scenarios, env));
    assert.equal(heap.arenas.length, arenas);
  });
}

test("memory that others take by sbrk is no chunk, though glibc counts it as its own", async (t) => {
  const started = await startMallocTarget(t, distributionPython(), "plain,foreign,small");
  const [foreign] = saidAddresses(started, "foreign");
  const { heap } = checkAgainstOwnAccounts(started, 300000);
  const { chunks } = heap;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    assert.ok(chunks.address[chunk] >= foreign + 300000 || chunks.address[chunk] + chunks.bytes[chunk] <= foreign);
  }
});

test("without thread caches nothing is cached, and fastbins hold what was freed", async (t) => {
  const env = { GLIBC_TUNABLES: "glibc.malloc.tcache_count=0" };
  const { heap } = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), "plain,threads=2,small", env));
  assert.equal(heap.arenas.length, 3);
  assert.ok(heap.arenas.every((arena) => arena.cachedBytes === 0));
  assert.ok(heap.arenas.some((arena) => arena.fastBytes > 0));
});

test("every chunk has the state that its program gave it", async (t) => {
  const started = await startMallocTarget(t, distributionPython(), "plain,small");
  const { heap } = checkAgainstOwnAccounts(started);
  const stateOf = stateReader(heap);
  for (const user of saidAddresses(started, "used")) assert.equal(stateOf(user), ChunkState.inUse);
  // Freed chunks may since have been merged with a neighbour or handed out again, but some of each kind are left.
  const freed = saidAddresses(started, "freed").map(stateOf);
  assert.ok(freed.includes(ChunkState.free));
  assert.ok(freed.includes(ChunkState.cached));
});

test("aligned chunks begin where their program got them, in heaps and in mappings of their own", async (t) => {
  const started = await startMallocTarget(t, distributionPython(), "plain,aligned,mapped");
  const stateOf = stateReader(checkAgainstOwnAccounts(started).heap);
  const states = saidAddresses(started, "aligned").map(stateOf);
  assert.ok(states.every((state) => state === ChunkState.inUse || state === ChunkState.mapped));
  // 33 MiB at each of six alignments, and three small ones that had to reserve the 2 MiB that they are aligned to.
  assert.equal(states.filter((state) => state === ChunkState.mapped).length, 9);
});

test("data that looks like a mapped chunk is told from the real ones", async (t) => {
  const started = await startMallocTarget(t, distributionPython(), "plain,mapped,decoy");
  const { chunks } = checkAgainstOwnAccounts(started).heap;
  const [start] = saidAddresses(started, "decoy");
  assert.ok(chunks.address.every((address) => address < start || address >= start + 64 * 4096));
});

test("each thread is found at its own arena, with and without registers", async (t) => {
  const started = await startMallocTarget(t, distributionPython(), "plain,threads=7");
  const { heap, taken } = checkAgainstOwnAccounts(started);
  assert.ok(heap.arenas.every((arena) => arena.threads.length === 1));
  assert.deepEqual(
    heap.arenas.flatMap((arena) => arena.threads).sort((left, right) => left - right),
    taken.threads.map((thread) => thread.tid),
  );
  assert.deepEqual(heap.arenas[0].threads, [started.target.pid]);
  const withoutRegisters = taken.threads.map((thread) => ({ ...thread, threadPointer: undefined }));
  assert.deepEqual(decode({ ...taken, threads: withoutRegisters }).arenas, heap.arenas);
  const withoutStacks = withoutRegisters.map((thread) => ({ ...thread, stackPointer: undefined }));
  assert.deepEqual(decode({ ...taken, threads: withoutStacks }).arenas, heap.arenas);
});

test("settings are the target's own, and the dynamic threshold is seen", async (t) => {
  const plain = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), "plain")).heap.settings;
  assert.equal(plain?.dynamicThreshold, true);
  assert.equal(plain?.trimThreshold, 2 * (plain?.mmapThreshold ?? 0));
  const env = {
    MALLOC_MMAP_THRESHOLD_: "300000",
    MALLOC_TRIM_THRESHOLD_: "500000",
    MALLOC_TOP_PAD_: "40960",
    MALLOC_MMAP_MAX_: "100",
    MALLOC_ARENA_MAX: "3",
  };
  const { settings } = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), "plain", env)).heap;
  assert.deepEqual(settings, {
    mmapThreshold: 300000,
    mmapMax: 100,
    trimThreshold: 500000,
    topPad: 40960,
    dynamicThreshold: false,
    arenaMax: 3,
  });
});

test("freeing a mapped chunk raises the thresholds as the rule says", async (t) => {
  const before = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), "mapped")).heap;
  const after = checkAgainstOwnAccounts(await startMallocTarget(t, distributionPython(), "mapped,unmapped")).heap;
  const freed = 20 * 2 ** 20 + 4096; // malloc(20 MiB): header and whole pages
  assert.ok(before.settings !== undefined && after.settings !== undefined);
  assert.deepEqual(afterFreeingMapped(before.settings, freed), after.settings);
  assert.equal(thresholdOrigin(after.settings), "raised");
});
