import assert from "node:assert/strict";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { copyTarget } from "../support/decode-target.ts";
import { testOnEveryPython } from "../support/pythons.ts";
import { MEMORY_FORMS, relayImage } from "../support/relaid-image.ts";
import { startTruth } from "../support/truth.ts";

testOnEveryPython("the builds of the kernels give the same columns for a real heap", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 100 });
  const target = copyTarget(truth.target.pid);
  t.after(() => target.close());
  let expected: Snapshot | undefined;
  for (const [form, makeMemory] of Object.entries(MEMORY_FORMS)) {
    const image = relayImage(target.image, makeMemory());
    const snapshot = await target.decode(image, { references: true, hashKey: Int32Array.of(1, 2, 3, 4) });
    expected ??= snapshot;
    compare(snapshot, expected, form);
  }
  const { objects, types, graph } = expected ?? {};
  t.diagnostic(`${objects?.length} places, ${types?.length} types, ${graph?.references.length} references`);
});

function compare(actual: Snapshot, expected: Snapshot, form: string): void {
  assert.ok(actual.objects && expected.objects && expected.objects.length > 50_000);
  for (const column of ["descriptor", "bytes", "link", "otherAddress"] as const) {
    assert.equal(firstDifference(actual.objects[column], expected.objects[column]), -1, `${form}: ${column} differs`);
  }
  const [references, contents] = [actual.graph?.references, actual.graph?.contents];
  const [expectedReferences, expectedContents] = [expected.graph?.references, expected.graph?.contents];
  assert.ok(references && contents && expectedReferences && expectedContents && references.length > 50_000);
  for (const column of ["offsets", "targets", "steps"] as const) {
    assert.equal(firstDifference(references[column], expectedReferences[column]), -1, `${form}: ${column} differs`);
  }
  assert.equal(firstDifference(contents.hashHigh, expectedContents.hashHigh), -1, `${form}: hashes differ`);
  // Where columns are equal, all that is made from them must be.
  const { capture: _, ...rest } = actual;
  const { capture: __, ...expectedRest } = expected;
  assert.deepEqual(rest, expectedRest, form);
}

type Column = Uint8Array | Uint32Array | Float64Array;

function firstDifference(left: Column, right: Column): number {
  if (left.length !== right.length) return Math.min(left.length, right.length);
  return left.findIndex((value, index) => value !== right[index]);
}
