import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB, KIB, MIB } from "../../../src/base/units.ts";
import { parseAddress, parseFilter, parseMilliseconds, parsePid, parseSize } from "../../../src/cli/options.ts";

const value = <T>(result: { ok: true; value: T } | { ok: false }) => (result.ok ? result.value : undefined);

test("sizes are read with units of 1,024", () => {
  for (const [text, bytes] of [
    ["1000000", 1_000_000],
    ["64k", 64 * KIB],
    ["512M", 512 * MIB],
    ["2G", 2 * GIB],
    ["1.5GiB", 1.5 * GIB],
    ["10 mb", 10 * MIB],
    ["1T", 1024 * GIB],
  ] as const) {
    assert.equal(parseSize(text), bytes);
  }
  for (const text of ["", "G", "-1G", "1e9", "1X", "1GG"]) assert.throws(() => parseSize(text), /size/);
});

test("durations are read in milliseconds or seconds", () => {
  assert.equal(parseMilliseconds("500"), 500);
  assert.equal(parseMilliseconds("500ms"), 500);
  assert.equal(parseMilliseconds("1.5s"), 1500);
  for (const text of ["0", "-1", "1m", "", "soon"]) assert.throws(() => parseMilliseconds(text), /milliseconds/);
});

test("addresses are read as 0x…, as in maps, and as id() prints them", () => {
  assert.equal(value(parseAddress("0x7f31c40aa180")), 0x7f31c40aa180);
  assert.equal(value(parseAddress("0X7F31C40AA180")), 0x7f31c40aa180);
  assert.equal(value(parseAddress("7f31c40aa180")), 0x7f31c40aa180);
  assert.equal(value(parseAddress("139851234567552")), 139851234567552);
  for (const text of ["", "0x", "zz", "-1", "1.5", "0xffffffffff600000", "0x1_000"]) assert.equal(parseAddress(text).ok, false);
});

test("a PID is a whole number that a kernel may give", () => {
  assert.equal(value(parsePid("41207")), 41207);
  assert.equal(value(parsePid("4194304")), 4194304);
  for (const text of ["", "0", "4194305", "1.0", "0x10", "12a", "-4"]) assert.equal(parsePid(text).ok, false);
});

test("a filter is a substring, or a regular expression between slashes", () => {
  const substring = value(parseFilter("Parley.s"));
  assert.deepEqual(
    ["parley.session.X", "xparley.s", "parleyXs"].map((name) => substring?.(name)),
    [true, true, false],
  );
  const expression = value(parseFilter("/^parley\\.(s|p)/"));
  assert.deepEqual(
    ["parley.session.X", "xparley.s", "parley.q"].map((name) => expression?.(name)),
    [true, false, false],
  );
  assert.equal(parseFilter("/(/").ok, false);
  assert.equal(value(parseFilter("a.b"))?.("axb"), false, "a dot is a dot");
});
