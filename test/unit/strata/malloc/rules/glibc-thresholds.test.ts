import assert from "node:assert/strict";
import { test } from "node:test";
import { KIB, MIB } from "../../../../../src/base/units.ts";
import type { MallocSettings } from "../../../../../src/strata/malloc/allocator.ts";
import {
  afterFreeingMapped,
  arenaLimit,
  chunkBytesFor,
  isMapped,
  thresholdOrigin,
} from "../../../../../src/strata/malloc/rules/glibc-thresholds.ts";

const DEFAULTS: MallocSettings = {
  mmapThreshold: 128 * KIB,
  mmapMax: 65536,
  trimThreshold: 128 * KIB,
  topPad: 128 * KIB,
  dynamicThreshold: true,
  arenaMax: 0,
};

test("a request is rounded up to a chunk with its header, 32 bytes at least", () => {
  assert.deepEqual([0, 1, 24, 25, 40, 41, 1000].map(chunkBytesFor), [32, 32, 32, 48, 48, 64, 1008]);
});

test("requests from the threshold on are mapped, until the limit of mappings is reached", () => {
  assert.equal(isMapped(DEFAULTS, 128 * KIB - 8, 0), true);
  assert.equal(isMapped(DEFAULTS, 128 * KIB - 24, 0), false);
  assert.equal(isMapped(DEFAULTS, MIB, 65536), false);
  assert.equal(isMapped({ ...DEFAULTS, mmapMax: 0 }, MIB, 0), false);
});

test("freeing a mapped chunk raises both thresholds, up to 32 MiB, unless they are fixed", () => {
  assert.equal(thresholdOrigin(DEFAULTS), "default");
  const raised = afterFreeingMapped(DEFAULTS, 20 * MIB);
  assert.deepEqual([raised.mmapThreshold, raised.trimThreshold], [20 * MIB, 40 * MIB]);
  assert.equal(thresholdOrigin(raised), "raised");
  assert.deepEqual(afterFreeingMapped(raised, 10 * MIB), raised);
  assert.deepEqual(afterFreeingMapped(raised, 33 * MIB), raised);
  const fixed = { ...DEFAULTS, dynamicThreshold: false };
  assert.equal(thresholdOrigin(fixed), "fixed");
  assert.deepEqual(afterFreeingMapped(fixed, 20 * MIB), fixed);
});

test("eight arenas a core, or what was set", () => {
  assert.equal(arenaLimit(DEFAULTS, 16), 128);
  assert.equal(arenaLimit({ ...DEFAULTS, arenaMax: 2 }, 16), 2);
});
