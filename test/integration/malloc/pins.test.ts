import assert from "node:assert/strict";
import { test } from "node:test";
import { arenaPins, survivorCurve } from "../../../src/analysis/fragmentation.ts";
import { residentPages } from "../../../src/analysis/ledger.ts";
import { pinContext } from "../../../src/analysis/pin-owners.ts";
import { type HeapPin, heapPins } from "../../../src/analysis/pins.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { captured } from "../../support/captured.ts";
import { distributionPython, testOnEveryPython } from "../../support/pythons.ts";
import { startPinnedTarget } from "./pins-target.ts";

/** What the target itself touches or frees while it does what it is told. */
const OWN_ACTIVITY_BYTES = 16 * 4096;

function pinsOf(snapshot: Snapshot): HeapPin[] {
  return heapPins(pinContext(snapshot), snapshot.malloc[0], residentPages(snapshot));
}

function assertClose(returned: number, said: number, least: number): void {
  assert.ok(returned >= least, `only ${returned} bytes came back: the shape is not what it should be`);
  assert.ok(Math.abs(returned - said) <= OWN_ACTIVITY_BYTES, `said ${said}, came back ${returned}`);
}

test("a str at the end of the heap is named with its path, and its bytes come back when it goes", async (t) => {
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, distributionPython(), "string");
  const [first] = pinsOf(await captured(target.pid, { references: true }));
  assert.equal(first.address, pins.get("string"));
  assert.equal(first.what, "str");
  assert.match(first.owner ?? "", /^__main__\.held\[/);
  assert.equal(first.behind, 0);
  const before = residentBytes();
  await command("drop string");
  assertClose(before - residentBytes(), first.onFreeBytes ?? 0, 30e6);
  await command("trim");
  assert.ok(before - residentBytes() >= first.recoverableBytes - OWN_ACTIVITY_BYTES);
});

test("without references the pin has a type and no path", async (t) => {
  const { target, pins } = await startPinnedTarget(t, distributionPython(), "string");
  const [first] = pinsOf(await captured(target.pid));
  assert.deepEqual([first.address, first.what, first.owner], [pins.get("string"), "str", undefined]);
});

test("a threshold that is too high keeps what a pin held until a trim", async (t) => {
  const environment = { MALLOC_TRIM_THRESHOLD_: "1000000000" };
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, distributionPython(), "string", environment);
  const [first] = pinsOf(await captured(target.pid));
  assert.equal(first.address, pins.get("string"));
  assert.equal(first.onFreeBytes, 0);
  const before = residentBytes();
  await command("drop string");
  assert.ok(before - residentBytes() < OWN_ACTIVITY_BYTES);
  await command("trim");
  assert.ok(before - residentBytes() >= first.recoverableBytes - OWN_ACTIVITY_BYTES);
});

test("several chunks in a row: the one with the gap before it says how many lie behind it", async (t) => {
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, distributionPython(), "group");
  const [first, second] = pinsOf(await captured(target.pid));
  assert.equal(first.address, pins.get("group"));
  assert.equal(first.behind, 2);
  assert.equal(second.behind, 0);
  const before = residentBytes();
  await command("drop group");
  await command("trim");
  assert.ok(before - residentBytes() >= first.recoverableBytes + second.recoverableBytes - OWN_ACTIVITY_BYTES);
});

test("what is free in a thread's cache is told as such", async (t) => {
  const { target, pins } = await startPinnedTarget(t, distributionPython(), "cached");
  const [first] = pinsOf(await captured(target.pid));
  assert.equal(first.address, pins.get("cached"));
  assert.equal(first.what, "free, in a thread cache");
  assert.equal(first.owner, `thread ${target.pid}`);
  assert.ok(first.recoverableBytes > 20e6);
});

test("the pins of threads' arenas", async (t) => {
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, distributionPython(), "pinned=3");
  const found = pinsOf(await captured(target.pid)).slice(0, 3);
  assert.deepEqual(found.map(({ address }) => address).sort(), [...pins.values()].sort());
  for (const pin of found) {
    const [name] = [...pins].find(([, address]) => address === pin.address) ?? [""];
    const before = residentBytes();
    await command(`drop ${name}`);
    assertClose(before - residentBytes(), pin.recoverableBytes, 10e6);
    assert.equal(pin.onFreeBytes, pin.recoverableBytes);
  }
});

test("an arena of several heaps: each has its pin, and the last one's says what comes back", async (t) => {
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, distributionPython(), "heaps=30000");
  const snapshot = await captured(target.pid);
  const found = pinsOf(snapshot);
  const [first] = found;
  assert.equal(first.address, pins.get("thread0"));
  const { ranges } = snapshot.malloc[0].arenas[first.arena];
  assert.equal(ranges.length, 2);
  for (const { start } of ranges) assert.ok(found.some((pin) => pin.start === start));
  const before = residentBytes();
  await command("drop thread0");
  assertClose(before - residentBytes(), first.recoverableBytes, 20e6);
});

testOnEveryPython("arenas come back when their survivors go", async (t, python) => {
  const { target, pins, command, residentBytes } = await startPinnedTarget(t, python, "arenas=250000");
  const snapshot = await captured(target.pid);
  assert.ok(snapshot.pymalloc);
  const { arenas } = arenaPins(pinContext(snapshot), snapshot.pymalloc);
  const known = arenas.filter(({ pins }) => pins.every(({ what }) => what === "__main__.Survivor"));
  assert.ok(known.length >= 5, `${known.length} arenas are held by survivors alone`);
  assert.ok(arenas.some((arena) => arena.pins.some(({ address }) => address === pins.get("arenas"))));
  const curve = survivorCurve(snapshot, snapshot.pymalloc);
  const all = curve.at(-1);
  assert.equal(
    all?.survivors,
    snapshot.pymalloc.arenas.usedBlocks.reduce((sum, blocks) => sum + blocks, 0),
  );
  const kept = all ? snapshot.pymalloc.arenas.residentBytes.reduce((sum, bytes) => sum + bytes, 0) - all.recoverableBytes : 0;
  const said = known.reduce((sum, { recoverableBytes }) => sum + recoverableBytes, 0);
  const before = residentBytes();
  await command("drop arenas");
  const returned = before - residentBytes();
  // One that becomes empty Python may keep, and into one the target may put what it needs to do as it is told.
  const largest = Math.max(...known.map(({ recoverableBytes }) => recoverableBytes));
  const mostKept = kept > 0 ? 2 * largest : largest;
  assert.ok(returned <= said + OWN_ACTIVITY_BYTES, `said ${said}, came back ${returned}`);
  assert.ok(returned >= said - mostKept - OWN_ACTIVITY_BYTES, `said ${said} less ${mostKept}, came back ${returned}`);
});
