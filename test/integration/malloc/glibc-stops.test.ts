import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeGlibc } from "../../../src/strata/malloc/glibc/glibc.ts";
import type { MemoryImage } from "../../../src/target/memory-image.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { assertTiled, drawer } from "../../support/malloc-checks.ts";
import { distributionPython } from "../../support/pythons.ts";
import { startTarget, type Target } from "../../support/spawn.ts";
import { startMallocTarget } from "./malloc-target.ts";

const CHURNING = fileURLToPath(new URL("./churning-target.py", import.meta.url));
const STOPS = 60;
const DAMAGES = 30;
const PAGE_BYTES = 4096;

async function stopped(target: Target): Promise<void> {
  target.signal("SIGSTOP");
  const stands = (tid: string) => / T /.test(readFileSync(`/proc/${target.pid}/task/${tid}/stat`, "utf8"));
  while (!readdirSync(`/proc/${target.pid}/task`).every(stands)) await pause(1);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("four threads allocating at full speed: every stop is either sound to the last chunk or known to lie in malloc", async (t) => {
  const target = startTarget(t, distributionPython(), { script: CHURNING }, { args: ["4"] });
  await target.line();
  const draw = drawer(7);
  let sound = 0;
  for (let stop = 0; stop < STOPS; stop++) {
    await pause(5 + draw(15));
    await stopped(target);
    const heap = decodeGlibc(takeLiveImage(target.pid, { registers: false }));
    target.signal("SIGCONT");
    assert.ok(heap !== undefined);
    assertTiled(heap);
    if (heap.busy) continue;
    assert.deepEqual(heap.problems, []);
    sound++;
  }
  // Most stops fall outside malloc, so that trying again succeeds.
  assert.ok(sound > STOPS / 4, `only ${sound} of ${STOPS} stops were sound`);
});

/** A page of the main arena's heap with chunk headers on it, away from its ends. */
function pageInHeap(heap: MallocHeap, draw: (below: number) => number): number {
  const [{ start, end }] = heap.arenas[0].ranges;
  return Math.ceil(start / PAGE_BYTES + 8 + draw(Math.floor((end - start) / PAGE_BYTES) - 64)) * PAGE_BYTES;
}

function pageWords(image: MemoryImage, page: number): Int32Array {
  return image.memory.int32(image.wordOf(page), PAGE_BYTES / 4);
}

async function sampleOf(t: Parameters<typeof startMallocTarget>[0]): Promise<{ taken: ProcessImage; heap: MallocHeap }> {
  const { target } = await startMallocTarget(t, distributionPython(), "plain,small,threads=2,mapped");
  const taken = takeLiveImage(target.pid);
  const heap = decodeGlibc(taken);
  assert.ok(heap !== undefined);
  assert.deepEqual(heap.problems, []);
  return { taken, heap };
}

test("a page that was not read costs the chunks near it, not the heap", async (t) => {
  const { taken, heap } = await sampleOf(t);
  const draw = drawer(11);
  let noticed = 0;
  for (let turn = 0; turn < DAMAGES; turn++) {
    const page = pageInHeap(heap, draw);
    const words = pageWords(taken.image, page);
    const before = words.slice();
    words.fill(0);
    taken.resident.removeRange(page, page + PAGE_BYTES);
    const partial = decodeGlibc(taken);
    words.set(before);
    taken.resident.addRange(page, page + PAGE_BYTES);
    assert.ok(partial !== undefined);
    assertTiled(partial);
    const kinds = partial.problems.map((problem) => problem.kind);
    assert.ok(!kinds.includes("glibc-chunk"), "an unread page is not taken for damage");
    if (kinds.includes("glibc-chunk-unread")) noticed++;
    assert.ok(partial.chunks.length > heap.chunks.length - 1000, `lost ${heap.chunks.length - partial.chunks.length} chunks`);
  }
  assert.ok(noticed > 0, "no page held a header");
});

test("damage anywhere in a heap is survived, and noticed where it hits a header", async (t) => {
  const { taken, heap } = await sampleOf(t);
  const draw = drawer(13);
  for (let turn = 0; turn < DAMAGES; turn++) {
    const words = pageWords(taken.image, pageInHeap(heap, draw));
    const before = words.slice();
    for (let index = 0; index < words.length; index++) words[index] = draw(4) === 0 ? draw(2 ** 31) : draw(256);
    const damaged = decodeGlibc(taken);
    words.set(before);
    if (damaged !== undefined) assertTiled(damaged);
  }
  const used = heap.chunks.state.findIndex((state, chunk) => state === ChunkState.inUse && heap.chunks.arena[chunk] === 0);
  const header = taken.image.wordOf(heap.chunks.address[used + 5000] + 8);
  taken.image.memory.store(header, 12345);
  const noticed = decodeGlibc(taken);
  assert.equal(noticed?.busy, true);
  assert.ok(noticed?.problems.some((problem) => problem.kind === "glibc-chunk"));
});

test("the arena's structures turned into garbage end in an answer, never in a loop or an exception", async (t) => {
  const { taken, heap } = await sampleOf(t);
  const draw = drawer(17);
  const arena = heap.arenas[0].address;
  const words = taken.image.memory.int32(taken.image.wordOf(arena), 550);
  const before = words.slice();
  for (let turn = 0; turn < DAMAGES; turn++) {
    const word = draw(words.length);
    words[word] = draw(3) === 0 ? 0 : draw(2 ** 31);
    const result = decodeGlibc(taken);
    if (result !== undefined) assertTiled(result);
    if (turn % 4 === 3) words.set(before);
  }
});
