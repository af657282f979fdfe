import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { objectAt } from "../../src/analysis/places.ts";
import { qualifiedTypeName } from "../../src/analysis/types.ts";
import { captureSnapshot } from "../../src/capture/capture.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { distributionPython, type PythonTarget, testOnEveryPython } from "../support/pythons.ts";
import { startTruth, type Truth } from "../support/truth.ts";

/** Objects that the dumping child replaced after the fork: each is shown to be absent in the process that stands still. */
const MOST_MISSING = 15;
/** Reference count and type (CPython Include/object.h, release builds). */
const HEADER_BYTES = 16;

const JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
const ALLOCATORS = [undefined, "debug", "malloc"] as const;

for (const allocator of ALLOCATORS) {
  testOnEveryPython(`finds every object with its type and size, PYTHONMALLOC=${allocator ?? "default"}`, async (t, python) => {
    const env = allocator === undefined ? {} : { PYTHONMALLOC: allocator };
    const truth = await startTruth(t, python, { env, scale: allocator === undefined ? 1000 : 200 });
    const captured = await captureSnapshot(truth.target.pid, {});
    assert.ok(captured.ok, captured.ok ? "" : captured.failure.sentence);
    compare(t, truth, captured.value, python);
  });
}

for (const allocator of [undefined, "malloc"]) {
  const title = `finds every object in jemalloc's memory too, PYTHONMALLOC=${allocator ?? "default"}`;
  test(title, { skip: existsSync(JEMALLOC) ? false : "no libjemalloc2 on this machine" }, async (t) => {
    const python = distributionPython();
    const env = { LD_PRELOAD: JEMALLOC, ...(allocator && { PYTHONMALLOC: allocator }) };
    const truth = await startTruth(t, python, { env, scale: 200 });
    const captured = await captureSnapshot(truth.target.pid, {});
    assert.ok(captured.ok, captured.ok ? "" : captured.failure.sentence);
    assert.equal(captured.value.malloc[0].allocator, "jemalloc");
    compare(t, truth, captured.value, python);
  });
}

/** Place of every object by its address. */
function placesByAddress(snapshot: Snapshot): Map<number, number> {
  const places = new Map<number, number>();
  for (let place = 0; place < (snapshot.objects?.length ?? 0); place++) {
    const object = objectAt(snapshot, place);
    if (object !== undefined) places.set(object.address, place);
  }
  return places;
}

function compare(t: TestContext, truth: Truth, snapshot: Snapshot, python: PythonTarget): void {
  const places = placesByAddress(snapshot);
  const memory = openSync(`/proc/${truth.target.pid}/mem`, "r");
  const missing: string[] = [];
  const wrongTypes: string[] = [];
  const wrongSizes = new Map<string, { count: number; example: string }>();
  let absent = 0;
  for (let row = 0; row < truth.objects.length; row++) {
    const address = truth.objects.address[row];
    const type = truth.types.get(truth.objects.type[row]);
    const name = type?.module === "builtins" ? type.qualifiedName : `${type?.module}.${type?.qualifiedName}`;
    if (!isAlive(memory, address, truth.objects.type[row])) {
      absent++;
      continue;
    }
    const place = places.get(address);
    const object = place === undefined ? undefined : objectAt(snapshot, place);
    if (object === undefined) {
      missing.push(`${name} at 0x${address.toString(16)}`);
      continue;
    }
    if (snapshot.types.address[object.type] !== truth.objects.type[row]) {
      wrongTypes.push(`${name} taken for ${qualifiedTypeName(snapshot.types, object.type)}`);
      continue;
    }
    const expected = truth.objects.shallowBytes[row];
    if (object.shallowBytes !== expected && expected !== 0 && !truth.scratch.has(address)) {
      const known = wrongSizes.get(name) ?? { count: 0, example: "" };
      const example = known.example || `${object.shallowBytes} for ${expected} at 0x${address.toString(16)}`;
      wrongSizes.set(name, { count: known.count + 1, example });
    }
  }
  closeSync(memory);
  t.diagnostic(`${python.version}: ${truth.objects.length} objects, ${absent} absent in the parent, ${places.size} found`);
  assert.deepEqual(wrongTypes.slice(0, 20), []);
  assert.deepEqual(missing.slice(0, 20), [], `${missing.length} missing`);
  assert.ok(absent <= MOST_MISSING, `${absent} objects of the child are absent in the parent`);
  assert.deepEqual(Object.fromEntries(wrongSizes), {});
}

/** True when the process that stands still has an object of the type at the address, not a dead one in a free list. */
function isAlive(memory: number, object: number, type: number): boolean {
  const header = new BigUint64Array(2);
  try {
    readSync(memory, header, 0, HEADER_BYTES, object);
  } catch {
    return false;
  }
  return header[0] !== 0n && Number(header[1]) === type;
}
