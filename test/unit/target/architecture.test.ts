import assert from "node:assert/strict";
import { test } from "node:test";
import { architectureOf } from "../../../src/target/architecture.ts";

/** The first 20 bytes of an ELF file. */
function elfHead(bits: 32 | 64, machine: number, bigEndian = false): Uint8Array {
  const head = new Uint8Array(20);
  head.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, bigEndian ? 2 : 1, 1]);
  new DataView(head.buffer).setUint16(18, machine, !bigEndian);
  return head;
}

test("a 64-bit x86-64 program is supported", () => {
  assert.deepEqual(architectureOf(elfHead(64, 62)), { machine: "x86-64", bits: 64, supported: true });
});

test("other programs are named and refused", () => {
  assert.deepEqual(architectureOf(elfHead(64, 183)), { machine: "AArch64", bits: 64, supported: false });
  assert.deepEqual(architectureOf(elfHead(32, 3)), { machine: "x86", bits: 32, supported: false });
  assert.deepEqual(architectureOf(elfHead(32, 62)), { machine: "x86-64", bits: 32, supported: false }, "x32");
  assert.deepEqual(architectureOf(elfHead(64, 22, true)), { machine: "s390x", bits: 64, supported: false }, "big-endian");
  assert.deepEqual(architectureOf(elfHead(64, 9999)), { machine: "machine 9999", bits: 64, supported: false });
});

test("what is no ELF file has no architecture", () => {
  assert.equal(architectureOf(new TextEncoder().encode("#!/usr/bin/env python3\n")), undefined);
  assert.equal(architectureOf(elfHead(64, 62).subarray(0, 12)), undefined, "cut short");
  assert.equal(architectureOf(new Uint8Array(0)), undefined);
});

test("reads a head that lies inside a larger buffer", () => {
  const larger = new Uint8Array(64);
  larger.set(elfHead(64, 183), 7);
  assert.equal(architectureOf(larger.subarray(7, 27))?.machine, "AArch64");
});
