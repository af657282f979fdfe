import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSmaps, parseSmapsTotals, readSmapsTotals } from "../../../../src/target/proc/smaps.ts";

const ENTRY = (
  range: string,
  path: string,
  residentKilobytes: number,
  flags: string,
) => `${range} rw-p 00000000 00:00 0      ${path}
Size:               1024 kB
KernelPageSize:        4 kB
Rss:                 ${residentKilobytes} kB
Pss:                  50 kB
Private_Clean:         4 kB
Private_Dirty:        96 kB
Anonymous:           100 kB
AnonHugePages:         0 kB
Private_Hugetlb:    2048 kB
Swap:                  8 kB
THPeligible:           0
VmFlags: ${flags} 
`;
const TEXT =
  ENTRY("10000-110000", "[heap]", 100, "rd wr mr mw me ac") +
  ENTRY("7f0000000000-7f0000100000", "/a path: 12 kB", 28, "rd wr ht") +
  ENTRY("ffffffffff600000-ffffffffff601000", "[vsyscall]", 4, "ex");

test("smaps: each mapping's sizes and flags, vsyscall left out", () => {
  const entries = parseSmaps(TEXT);
  assert.equal(entries.length, 2);
  assert.deepEqual(entries[1], {
    start: 0x7f0000000000,
    end: 0x7f0000100000,
    residentBytes: 28 * 1024,
    swappedBytes: 8192,
    hugetlbBytes: 2048 * 1024,
    anonymousHugeBytes: 0,
    flags: ["rd", "wr", "ht"],
  });
});

test("smaps: totals sum all entries, and a rollup is read the same way", () => {
  const totals = parseSmapsTotals(TEXT);
  assert.equal(totals.residentBytes, 132 * 1024);
  assert.equal(totals.uniqueBytes, 300 * 1024);
  assert.equal(totals.privateDirtyBytes, 288 * 1024);
  assert.equal(totals.hugetlbBytes, 3 * 2048 * 1024);
  assert.equal(parseSmapsTotals("").residentBytes, 0);
  const own = readSmapsTotals(process.pid);
  assert.ok(own.ok && own.value.residentBytes > 10 * 2 ** 20 && own.value.residentBytes % 4096 === 0);
});

test("smaps: what a path says is no sum", () => {
  const path = "/tmp/a\rRss: 900000 kB\u2028Rss: 900000 kB\r";
  assert.equal(parseSmapsTotals(ENTRY("10000-110000", path, 100, "rd")).residentBytes, 100 * 1024);
  assert.equal(parseSmaps(ENTRY("10000-110000", path, 100, "rd"))[0].residentBytes, 100 * 1024);
});
