import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB, KIB, MIB } from "../../../../src/base/units.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatMilliseconds,
  formatShare,
  formatShares,
  formatSpan,
  unitForRows,
} from "../../../../src/cli/format/units.ts";

test("a single figure is exact below 10 KiB, then in KiB and MiB, from 10,000 MiB on in GiB", () => {
  assert.equal(formatBytes(0), "0 B");
  assert.equal(formatBytes(6936), "6,936 B");
  assert.equal(formatBytes(10 * KIB - 1), "10,239 B");
  assert.equal(formatBytes(10 * KIB), "10.0 KiB");
  assert.equal(formatBytes(1.5 * MIB), "1.5 MiB");
  assert.equal(formatBytes(9999.9 * MIB), "9,999.9 MiB");
  assert.equal(formatBytes(10_000 * MIB), "9.8 GiB");
  assert.equal(formatBytes(64 * GIB), "64.0 GiB");
});

test("counts have thousands separators and a true minus", () => {
  assert.equal(formatCount(1_298_704), "1,298,704");
  assert.equal(formatCount(999), "999");
  assert.equal(formatCount(-1234), "−1,234");
});

test("shares add up to 100.0 and never claim nothing for something", () => {
  assert.deepEqual(formatShares([1, 1, 1]), ["33.4 %", "33.3 %", "33.3 %"]);
  assert.deepEqual(formatShares([99_999, 1, 0]), ["100.0 %", "< 0.1 %", "0.0 %"]);
  assert.deepEqual(formatShares([0, 0]), ["–", "–"]);
});

test("a share of nearly all is not all", () => {
  assert.equal(formatShare(999_999, 1_000_000), "> 99.9 %");
  assert.equal(formatShare(1_000_000, 1_000_000), "100.0 %");
  assert.equal(formatShare(999, 1000), "99.9 %");
  assert.equal(formatShare(1, 1_000_000), "< 0.1 %");
});

test("time spans name their two largest units", () => {
  assert.equal(formatSpan(3 * 86_400 + 4 * 3600 + 59 * 60), "3 d 4 h");
  assert.equal(formatSpan(3 * 86_400), "3 d");
  assert.equal(formatSpan(4 * 3600 + 12 * 60), "4 h 12 min");
  assert.equal(formatSpan(42.9), "42 s");
  assert.equal(formatSpan(0.2), "0 s");
  assert.equal(formatMilliseconds(0.4), "< 1 ms");
  assert.equal(formatMilliseconds(312.4), "312 ms");
  assert.equal(formatMilliseconds(4123), "4.1 s");
});

test("a table is shown in a unit of which its largest row is at least one, where its whole still fits", () => {
  assert.equal(unitForRows(30 * MIB, 2 * MIB).name, "MiB");
  assert.equal(unitForRows(30 * MIB, MIB - 1).name, "KiB");
  assert.equal(unitForRows(200 * MIB, MIB - 1).name, "MiB");
  assert.equal(unitForRows(20 * GIB, 5 * MIB).name, "MiB");
  assert.equal(unitForRows(200 * GIB, 5 * MIB).name, "GiB");
  assert.equal(unitForRows(50 * KIB, 48).name, "B");
  assert.equal(unitForRows(100, 48).name, "B");
});

test("what is counted is one or many", () => {
  assert.equal(formatCounted(1, "object"), "1 object");
  assert.equal(formatCounted(0, "object"), "0 objects");
  assert.equal(formatCounted(2345, "other process", "other processes"), "2,345 other processes");
});
