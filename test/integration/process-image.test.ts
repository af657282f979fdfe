import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Result } from "../../src/base/result.ts";
import { GIB, MIB, PAGE_BYTES } from "../../src/base/units.ts";
import type { CaptureOptions } from "../../src/target/capture-options.ts";
import { releaseImage } from "../../src/target/image-memory.ts";
import { LiveMemory } from "../../src/target/live-memory.ts";
import { loadNative, type NativeCalls } from "../../src/target/native.ts";
import { readMaps } from "../../src/target/proc/maps.ts";
import { readSmapsTotals } from "../../src/target/proc/smaps.ts";
import { PageState, type ProcessImage } from "../../src/target/process-image.ts";
import { bytesInState, PageRunsBuilder, ResidencyScanner } from "../../src/target/residency.ts";
import { takeProcessImage } from "../../src/target/take-process-image.ts";
import { lendHugePages, lendSwap } from "../support/host-memory.ts";
import { distributionPython } from "../support/pythons.ts";
import { startTarget, type Target } from "../support/spawn.ts";

const ODD_PAGES = fileURLToPath(new URL("../support/programs/odd-pages.py", import.meta.url));

import { settled } from "../support/settled.ts";

interface OddPages {
  readonly known: number;
  readonly zeros: number;
  readonly mixed: number;
  readonly hugeZeros: number;
  readonly huge: number;
  readonly untouched: number;
  readonly shared: number;
  /** 0 where the host has no huge pages reserved. */
  readonly hugetlb: number;
  readonly closed: number;
  readonly guarded: number;
  readonly hasGuard: boolean;
  readonly pagedOut: number;
  readonly privateFile: number;
}

const OPTIONS: CaptureOptions = { webAssembly: true, tablesBytes: () => MIB, maxPauseMilliseconds: 20_000 };

function take(pid: number, options: Partial<CaptureOptions> = {}): ProcessImage {
  const result = takeProcessImage(pid, { ...OPTIONS, ...options });
  assert.ok(result.ok, result.ok ? "" : result.failure.sentence);
  return result.value;
}

async function startOddPages(t: TestContext): Promise<{ target: Target; odd: OddPages }> {
  const target = startTarget(t, distributionPython(), { script: ODD_PAGES });
  return { target, odd: JSON.parse(await target.line()) as OddPages };
}

/** State bits of the page at `address`, 0 when it is in no run. */
function stateAt({ pages }: ProcessImage, address: number): number {
  for (let run = 0; run < pages.length; run++) {
    if (address >= pages.start[run] && address < pages.end[run]) return pages.state[run];
  }
  return 0;
}

function residentBytesOf(pid: number): number {
  const totals = readSmapsTotals(pid);
  assert.ok(totals.ok);
  return totals.value.residentBytes;
}

/** Runs `body` as on a machine without native calls. */
function withoutNative<T>(body: () => T): T {
  process.env.PYSTRATA_NO_NATIVE = "1";
  try {
    return body();
  } finally {
    delete process.env.PYSTRATA_NO_NATIVE;
  }
}

function assertExact(image: ProcessImage): void {
  assert.equal(image.resident.pages * PAGE_BYTES, image.totals.residentBytes);
  assert.deepEqual(image.problems, []);
}

function assertKnownBytes(image: ProcessImage, known: number): void {
  for (let page = 0; page < 64; page += 2) {
    const bytes = image.image.bytes(known + page * PAGE_BYTES, PAGE_BYTES);
    assert.ok(bytes?.every((byte, at) => byte === (at + page) % 256));
    const absent = image.image.bytes(known + (page + 1) * PAGE_BYTES, PAGE_BYTES);
    assert.ok(absent === undefined || absent.every((byte) => byte === 0));
  }
}

const WAYS: readonly { readonly name: string; readonly run: (pid: number) => ProcessImage }[] = [
  { name: "native calls", run: (pid) => take(pid) },
  { name: "no WebAssembly", run: (pid) => take(pid, { webAssembly: false }) },
  { name: "no native calls", run: (pid) => withoutNative(() => take(pid, { allowSigstop: true })) },
];

for (const { name, run } of WAYS) {
  test(`pages add up to Rss and known bytes are copied: ${name}`, async (t) => {
    const { target, odd } = await startOddPages(t);
    const before = await settled(() => residentBytesOf(target.pid));
    const image = run(target.pid);
    assertExact(image);
    assertKnownBytes(image, odd.known);
    assert.equal(image.totals.residentBytes, before);
    assert.equal(residentBytesOf(target.pid), before, "looking must not move Rss");

    const { counted, present, zero, guard, fileOrShared } = PageState;
    assert.equal(stateAt(image, odd.zeros) & (counted | zero), zero);
    assert.equal(stateAt(image, odd.hugeZeros) & (counted | zero), zero);
    assert.equal(stateAt(image, odd.mixed) & (counted | zero), counted);
    assert.equal(stateAt(image, odd.mixed + MIB - PAGE_BYTES) & (counted | zero), zero);
    assert.ok(stateAt(image, odd.huge) & counted);
    assert.equal(stateAt(image, odd.untouched), 0);
    assert.equal(stateAt(image, odd.shared) & (counted | fileOrShared), counted | fileOrShared);
    assert.ok(stateAt(image, odd.closed) & counted);
    if (odd.hasGuard) assert.equal(stateAt(image, odd.guarded + 4 * PAGE_BYTES) & (guard | present), guard);
    assert.equal(image.image.u8(odd.guarded + 8 * PAGE_BYTES), 0x41);
    assert.equal(image.image.u8(odd.privateFile + MIB - PAGE_BYTES), 0x41);
    assert.equal(image.image.has(odd.shared), false);
  });
}

for (const { name, run } of WAYS) {
  test(`huge pages outside Rss stay outside, and are copied: ${name}`, async (t) => {
    if (!lendHugePages(t, 4)) return t.skip("no huge pages can be reserved here");
    const { target, odd } = await startOddPages(t);
    assert.notEqual(odd.hugetlb, 0);
    const image = run(target.pid);
    assertExact(image);
    assert.equal(stateAt(image, odd.hugetlb) & (PageState.counted | PageState.present), PageState.present);
    assert.equal(image.image.u8(odd.hugetlb + MIB), 0x41);
    assert.equal(image.totals.hugetlbBytes, 2 * MIB);
    await target.stop();
  });
}

test("a scan says of every page what its entry in the page map says", async (t) => {
  const { target, odd } = await startOddPages(t);
  const maps = readMaps(target.pid);
  assert.ok(maps.ok);
  // Entries take the huge zero page, which is nobody's, for a file's.
  const mappings = maps.value.filter(({ start, end }) => odd.hugeZeros < start || odd.hugeZeros >= end);
  const known = PageState.present | PageState.swapped | PageState.guard | PageState.fileOrShared;
  const runsOf = (native: NativeCalls | undefined) => {
    const scanner = ResidencyScanner.open(target.pid, native);
    assert.ok(scanner.ok);
    const builder = new PageRunsBuilder();
    const runs = scanner.value.scan(mappings);
    for (const mapping of mappings) {
      for (let run = 0; run < runs.length; run++) {
        const inside = runs.start[run] >= mapping.start && runs.end[run] <= mapping.end;
        if (inside) builder.add(runs.start[run], runs.end[run], runs.state[run] & known, mapping.start);
      }
    }
    assert.equal(scanner.value.knowsZeroPages, native !== undefined, "both ways are to be compared");
    scanner.value.close();
    return builder.finish();
  };
  const scanned = runsOf(loadNative());
  assert.ok(bytesInState(scanned, PageState.fileOrShared) > 0);
  assert.deepEqual(scanned, runsOf(undefined));
});

test("swapped pages are left where they are, unless they are asked for", async (t) => {
  if (!lendSwap(t, 64 * MIB)) return t.skip("no swap can be added here");
  const { target, odd } = await startOddPages(t);
  const image = take(target.pid);
  assertExact(image);
  assert.equal(stateAt(image, odd.pagedOut) & (PageState.swapped | PageState.counted), PageState.swapped);
  assert.ok(image.totals.swappedBytes >= 4 * MIB);
  assert.equal(image.pause.swappedBytesNotRead, image.totals.swappedBytes);
  assert.equal(image.image.u8(odd.pagedOut), 0);
  const plain = withoutNative(() => take(target.pid, { allowSigstop: true }));
  assertExact(plain);
  assert.equal(plain.totals.swappedBytes, image.totals.swappedBytes);

  const whole = take(target.pid, { readSwapped: true });
  assertExact(whole);
  assert.equal(whole.pause.swappedBytesNotRead, 0);
  for (let offset = 0; offset < 4 * MIB; offset += PAGE_BYTES) assert.equal(whole.image.u8(odd.pagedOut + offset), 0x41);
  await target.stop();
});

test("a reservation of 1 TiB costs nothing", async (t) => {
  const source = "import mmap\nreserved = mmap.mmap(-1, 1 << 40, flags=0x4022, prot=1)\nprint('ready')\ninput()";
  const target = startTarget(t, distributionPython(), source);
  await target.line();
  for (const { run } of WAYS) assertExact(run(target.pid));
});

test("an untouched shared mapping of 1 GiB stays untouched, live reads included", async (t) => {
  const { target, odd } = await startOddPages(t);
  const before = await settled(() => residentBytesOf(target.pid));
  const mappings = readMaps(target.pid);
  assert.ok(mappings.ok);
  const live = LiveMemory.open(target.pid, mappings.value);
  assert.ok(live.ok);
  for (let address = odd.untouched; address < odd.untouched + GIB; address += MIB) assert.equal(live.value.has(address), false);
  for (const mapping of mappings.value) {
    for (let address = mapping.start; address < Math.min(mapping.end, mapping.start + 64 * MIB); address += PAGE_BYTES)
      live.value.u64(address);
  }
  live.value.close();
  assert.equal(residentBytesOf(target.pid), before);
});

test("live memory agrees with the image, and reads untouched pages of a program from its file", async (t) => {
  const { target, odd } = await startOddPages(t);
  const image = take(target.pid).image;
  const mappings = readMaps(target.pid);
  assert.ok(mappings.ok);
  for (const way of ["native", "plain"] as const) {
    const open = () => LiveMemory.open(target.pid, mappings.value);
    const opened: Result<LiveMemory> = way === "native" ? open() : withoutNative(open);
    assert.ok(opened.ok);
    const live: LiveMemory = opened.value;
    for (const offset of [0, 1, 2, 3, 4091, 4092, 4095, 8192 + 5]) {
      const address = odd.known + offset;
      const numbers = [
        live.u8(address),
        live.u16(address),
        live.u32(address),
        live.i32(address),
        live.u64(address),
        live.i64(address),
      ];
      const expected = [
        image.u8(address),
        image.u16(address),
        image.u32(address),
        image.i32(address),
        image.u64(address),
        image.i64(address),
      ];
      assert.deepEqual(numbers, expected, `offset ${offset}`);
    }
    assert.equal(live.bytes(odd.known + PAGE_BYTES, 1), undefined);
    const program = mappings.value.find(({ path, permissions }) => path.includes("python") && permissions === "r-xp");
    assert.ok(program);
    for (let address = program.start; address < program.end; address += PAGE_BYTES) assert.ok(live.has(address));
    assert.equal(live.u32(mappings.value[0].start), 0x464c457f);
    live.close();
  }
});

test("a running target grows and shrinks under the copy, and every image is exact", async (t) => {
  const source = `
import threading
def churn(seed):
    keep = []
    while True:
        keep.append(bytearray(seed * 1000 + len(keep) * 37))
        if len(keep) > 500: del keep[:400]
for seed in (1, 3, 7, 20): threading.Thread(target=churn, args=(seed,), daemon=True).start()
print("ready")
input()`;
  const target = startTarget(t, distributionPython(), source);
  await target.line();
  for (let round = 0; round < 20; round++) assertExact(take(target.pid));
});

test("an image that must not take memory lies on disk and holds the same bytes", async (t) => {
  const source = "keep = [str(i) * 8 for i in range(300000)]\nprint('ready')\ninput()";
  // Otherwise the kernel notes in the thread's rseq area which processor it last ran on, and two images of it differ by that.
  const env = { GLIBC_TUNABLES: "glibc.pthread.rseq=0" };
  const target = startTarget(t, distributionPython(), source, { env });
  await target.line();
  const plain = take(target.pid);
  for (const webAssembly of [true, false]) {
    const spooled = take(target.pid, { webAssembly, maxMemoryBytes: 8 * MIB });
    assert.equal(spooled.pause.spooled, true);
    assertExact(spooled);
    assert.deepEqual([...spooled.image.slotAddresses], [...plain.image.slotAddresses]);
    for (const address of plain.image.slotAddresses) {
      assert.ok(
        Buffer.from(spooled.image.bytes(address, MIB) ?? []).equals(Buffer.from(plain.image.bytes(address, MIB) ?? [])),
      );
    }
  }
  assert.equal(plain.pause.spooled, false);
});

test("what the ceiling cannot hold, or the disk cannot take, is refused with figures", (t) => {
  const target = startTarget(t, distributionPython(), "input()");
  const tables = takeProcessImage(target.pid, { ...OPTIONS, expectedTablesBytes: () => 64 * MIB, maxMemoryBytes: 32 * MIB });
  assert.ok(!tables.ok && tables.failure.code === "limit");
  assert.match(tables.failure.sentence, /64 MiB of tables exceed the ceiling of 32 MiB/);
  const plain = withoutNative(() => takeProcessImage(target.pid, { ...OPTIONS, maxMemoryBytes: MIB }));
  assert.ok(!plain.ok && plain.failure.code === "limit");
  assert.match(plain.failure.sentence, /koffi/);
  const wholeFlat = take(target.pid, { tablesBytes: (imageBytes) => 4 * GIB - imageBytes });
  assert.equal(wholeFlat.image.memory.flat, true);
  const giant = takeProcessImage(target.pid, { ...OPTIONS, tablesBytes: () => 17 * GIB });
  assert.ok(!giant.ok && giant.failure.code === "limit");
});

test("released pages of an image read zero, their neighbours stay", async (t) => {
  const { target, odd } = await startOddPages(t);
  const { image } = take(target.pid);
  releaseImage(image, odd.known + 2 * PAGE_BYTES, odd.known + 3 * PAGE_BYTES);
  assert.equal(image.u32(odd.known + 2 * PAGE_BYTES), 0);
  assert.notEqual(image.u32(odd.known + 4 * PAGE_BYTES), 0);
});

test("a stop that its observer rejects is tried again, five times at most, and then said", async (t) => {
  const { target, odd } = await startOddPages(t);
  let calls = 0;
  const second = take(target.pid, { accept: () => ++calls === 2 });
  assert.equal(second.pause.attempts, 2);
  assertExact(second);
  assertKnownBytes(second, odd.known);
  const never = take(target.pid, { accept: () => false });
  assert.equal(never.pause.attempts, 5);
  assert.ok(never.pause.totalPausedMilliseconds >= never.pause.pausedMilliseconds);
  assert.deepEqual(
    never.problems.map(({ kind }) => kind),
    ["stopped-while-busy"],
  );
  assertKnownBytes(never, odd.known);
});

test("a pause that cannot suffice: refused before or during the stop, and the target runs on", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    "keep = bytearray(b'x') * (200 << 20)\nprint('ready')\nfor line in __import__('sys').stdin: print('still here')",
  );
  await target.line();
  const result = takeProcessImage(target.pid, { ...OPTIONS, maxPauseMilliseconds: 5 });
  assert.ok(!result.ok && result.failure.code === "limit");
  target.send("?\n");
  assert.equal(await target.line(), "still here");
});

test("exec in the middle is another program: the image is of the new one", async (t) => {
  const source =
    "import os, sys\nprint('one')\nsys.stdin.readline()\nos.execv(sys.executable, [sys.executable, '-c', 'print(\"two\"); input()'])";
  const target = startTarget(t, distributionPython(), source);
  await target.line();
  let calls = 0;
  // The request to exec is on its way when the first stop ends; the second stop may come before or after it was obeyed.
  const image = take(target.pid, {
    accept: () => {
      if (calls === 0) target.send("go\n");
      return ++calls > 3;
    },
  });
  assertExact(image);
});

test("a process that ends is named, wherever it is met", async (t) => {
  const target = startTarget(t, distributionPython(), "print('ready')\ninput()");
  await target.line();
  const result = takeProcessImage(target.pid, {
    ...OPTIONS,
    accept: () => {
      process.kill(target.pid, "SIGKILL");
      return false;
    },
  });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "no-such-process");
  await target.ended;
  const gone = takeProcessImage(target.pid, OPTIONS);
  assert.ok(!gone.ok && gone.failure.code === "no-such-process");
});
