import assert from "node:assert/strict";
import { test } from "node:test";
import { buildLedger } from "../../src/analysis/ledger.ts";
import { captureSnapshot } from "../../src/capture/capture.ts";
import { readSmapsTotals } from "../../src/target/proc/smaps.ts";
import { lendSwap } from "../support/host-memory.ts";
import { pythons } from "../support/pythons.ts";
import { settled } from "../support/settled.ts";
import { startTarget } from "../support/spawn.ts";

const SWAP_BYTES = 96 * 2 ** 20;

/** 20 MB of strings in pools and in chunks, then all of it paged out but what the interpreter touches to say so. */
const TARGET = `
import ctypes, gc, sys
kept = ["text %d" % n * 3 for n in range(100000)] + ["x" * 3000 + str(n) for n in range(2000)]
gc.collect()
MADV_PAGEOUT = 21
libc = ctypes.CDLL(None)
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
for line in open("/proc/self/maps"):
    fields = line.split()
    if fields[1] == "rw-p" and (len(fields) == 5 or fields[5] == "[heap]"):
        start, end = (int(part, 16) for part in fields[0].split("-"))
        libc.madvise(start, end - start, MADV_PAGEOUT)
print("ready", flush=True)
sys.stdin.read()
`;

test("swapped pages are counted, not read unless asked for, and the answer says so", async (t) => {
  if (!lendSwap(t, SWAP_BYTES)) return t.skip("no swap can be made here");
  const python = pythons().find((candidate) => candidate.distribution);
  assert.ok(python);
  const target = startTarget(t, python, TARGET);
  assert.equal(await target.line(), "ready");
  const swapped = await settled(() => swappedBytes(target.pid));
  if (swapped < SWAP_BYTES / 20) return t.skip(`the kernel paged out ${swapped} bytes only`);

  const captured = await captureSnapshot(target.pid, {});
  assert.ok(captured.ok, captured.ok ? "" : captured.failure.sentence);
  const { process, capture } = captured.value;
  assert.equal(capture.complete, false);
  assert.equal(process.swappedBytes, swapped);
  assert.ok(capture.swappedBytesNotRead > 0 && capture.swappedBytesNotRead <= swapped);
  const { root } = buildLedger(captured.value);
  assert.equal(root.residentBytes, process.residentBytes);
  assert.equal(
    root.children?.reduce((sum, child) => sum + child.residentBytes, 0),
    process.residentBytes,
  );
  assert.equal(swappedBytes(target.pid), swapped, "reading must not bring pages back");

  const whole = await captureSnapshot(target.pid, { readSwapped: true });
  assert.ok(whole.ok, whole.ok ? "" : whole.failure.sentence);
  assert.equal(whole.value.capture.complete, true);
  const { types } = whole.value;
  const strings = types.name.findIndex((name, type) => name === "str" && types.module[type] === "");
  assert.ok(types.count[strings] > 102_000);
});

function swappedBytes(pid: number): number {
  const totals = readSmapsTotals(pid);
  assert.ok(totals.ok);
  return totals.value.swappedBytes;
}
