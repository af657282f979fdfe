import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB, MIB } from "../../../src/base/units.ts";
import { CopyCrew } from "../../../src/target/copy-helper.ts";
import { HostAddresses, planCopy, planPopulation } from "../../../src/target/copy-plan.ts";
import { LinearMemory } from "../../../src/target/linear-memory.ts";
import { MemoryImage } from "../../../src/target/memory-image.ts";
import { loadNative, MemoryAdvice, type NativeCalls } from "../../../src/target/native.ts";
import { monotonicMilliseconds } from "../../../src/target/pause/sleep.ts";

const native = loadNative();

/** 16 MiB of our own memory, not aligned to slots, and an image to copy it to. */
function sourceAndImage(calls: NativeCalls) {
  const source = new Uint8Array(16 * MIB + 4096).fill(7);
  const start = Math.ceil(calls.addressOf(source) / 4096) * 4096;
  const range = { start, end: start + 16 * MIB };
  const image = MemoryImage.layOut(LinearMemory.create(MemoryImage.bytesNeeded([range]), true), [range]);
  return { source, range, image };
}

test("the second thread does all the work when the first takes none", { skip: native === undefined }, () => {
  if (!native) return;
  const { source, range, image } = sourceAndImage(native);
  const crew = new CopyCrew(true);
  const host = new HostAddresses(image.memory, native);
  const pages = planPopulation(image, [range], host);
  const forever = { pid: process.pid, deadline: Number.POSITIVE_INFINITY };
  crew.begin({ ...forever, task: "populate", advice: MemoryAdvice.populateWrite, plan: pages });
  assert.ok(crew.join(10_000));
  assert.ok(pages.results.every((result) => result === 0));

  const plan = planCopy(image, [range], host);
  assert.ok(plan.batches >= 8);
  crew.begin({ ...forever, task: "copy", advice: 0, plan });
  assert.ok(crew.join(10_000));
  assert.equal(
    plan.results.reduce((sum, bytes) => sum + bytes, 0),
    16 * MIB,
  );
  assert.equal(image.u8(range.start), 7);
  assert.equal(image.u8(range.end - 1), 7);
  assert.ok(crew.take() >= plan.batches);
  assert.equal(source[0], 7);

  const late = planCopy(image, [range], host);
  crew.begin({ ...forever, task: "copy", advice: 0, deadline: monotonicMilliseconds() - 1, plan: late });
  assert.ok(crew.join(10_000));
  assert.ok(late.results.every((result) => result === 0));
  crew.close();
});

test("without a second thread nobody is waited for", { skip: native === undefined }, () => {
  if (!native) return;
  const { range, image } = sourceAndImage(native);
  const plan = planCopy(image, [range], new HostAddresses(image.memory, native));
  const crew = new CopyCrew(false);
  crew.begin({ task: "copy", pid: process.pid, advice: 0, deadline: 0, plan });
  assert.equal(crew.take(), 0);
  assert.equal(crew.take(), 1);
  assert.ok(crew.join(0));
  crew.close();
});

test("plans cover every byte once, across slots and segments", { skip: native === undefined }, () => {
  if (!native) return;
  const ranges = [
    { start: 3 * GIB + 4096, end: 3 * GIB + 3 * MIB },
    { start: 7 * GIB, end: 7 * GIB + 4096 },
    { start: 7 * GIB + 8192, end: 7 * GIB + 3 * MIB },
  ];
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  // Not flat: two segments, the first of which a table fills to its last two slots.
  const memory = LinearMemory.create(5 * GIB, false);
  memory.allocate(2 ** 29 - (5 * MIB) / 4);
  const image = MemoryImage.layOut(memory, ranges);
  const plan = planCopy(image, ranges, new HostAddresses(memory, native));
  assert.equal(plan.bytes, bytes);
  let covered = 0;
  for (let vector = 0; vector < plan.starts[plan.batches]; vector++) covered += plan.local[vector * 4 + 2];
  assert.equal(covered, bytes);
});
