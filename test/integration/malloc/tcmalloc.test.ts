import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import type { MallocTarget } from "./malloc-target.ts";
import { decodeReplacement, REPLACEMENT_USES, somePythons, startReplacementTarget } from "./replacement-target.ts";

const LIBRARY = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4";
const skip = existsSync(LIBRARY) ? false : "no libtcmalloc-minimal4 on this machine";
/** A line for each size class with blocks that are free or cached. */
const CLASS_LINE = /^class +\d+ \[ +(\d+) bytes \] : +(\d+) objs/gm;

for (const python of somePythons()) {
  for (const [name, use] of Object.entries(REPLACEMENT_USES)) {
    test(`tcmalloc equals its own accounts, ${name}: CPython ${python.label}`, { skip }, async (t) => {
      const target = await startReplacementTarget(t, python, LIBRARY, use);
      const taken = takeLiveImage(target.target.pid);
      checkAgainstOwnAccounts(decodeReplacement(taken, "tcmalloc"), target, taken);
      const snapshot = await captured(target.target.pid);
      assert.equal(snapshot.capture.consistent, true);
      const allocators = snapshot.malloc.map((malloc) => malloc.allocator).sort();
      assert.deepEqual(allocators, use.preloaded ? ["tcmalloc"] : ["glibc", "tcmalloc"]);
      assertExactLedger(snapshot);
    });
  }
}

function checkAgainstOwnAccounts(
  { sizeClasses = [], freePages }: MallocHeap,
  { accountsAddress, xmlAddress }: MallocTarget,
  { image }: ProcessImage,
): void {
  const [allocated, heap, free, unmapped, central, transfer, thread] = Array.from({ length: 7 }, (_, index) =>
    image.u64(accountsAddress + 8 * index),
  );
  assert.ok(allocated > 1e6);
  const live = sizeClasses.reduce((sum, { bytes, live }) => sum + bytes * live, 0);
  const cached = sizeClasses.reduce((sum, { bytes, cached }) => sum + bytes * cached, 0);
  const pages = (state: string) => freePages.find((kept) => kept.state === state)?.bytes ?? 0;
  assert.equal(live, allocated);
  assert.equal(cached, transfer + thread);
  assert.equal(pages("normal"), free);
  assert.equal(pages("returned"), unmapped);
  assert.equal(live + cached + central + free + unmapped, heap);
  const text = image.cString(xmlAddress, 1 << 17) ?? "";
  const own = [...text.matchAll(CLASS_LINE)].map(([, bytes, count]) => [Number(bytes), Number(count)]);
  assert.ok(own.length > 20);
  assert.deepEqual(
    sizeClasses.filter((entry) => entry.cached + entry.free > 0).map((entry) => [entry.bytes, entry.cached + entry.free]),
    own,
  );
}
