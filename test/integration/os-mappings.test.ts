import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PAGE_BYTES, roundDown, roundUp } from "../../src/base/units.ts";
import { ClaimKind } from "../../src/strata/os/claim-kind.ts";
import { claimsOf } from "../../src/strata/os/claims.ts";
import { classifyMappings } from "../../src/strata/os/classify.ts";
import { MappingKind } from "../../src/strata/os/mapping-kind.ts";
import type { OsStratum } from "../../src/strata/os/os-stratum.ts";
import { totalMappings } from "../../src/strata/os/page-totals.ts";
import type { ProcessImage } from "../../src/target/process-image.ts";
import { takeLiveImage } from "../support/live-image.ts";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

/** Three threads that wait, two that have finished, memory of several kinds; says where glibc put stacks and errno. */
const TARGET = `
import ctypes, json, mmap, os, sys, tempfile, threading, time
libc = ctypes.CDLL(None)
libc.__errno_location.restype = ctypes.c_void_p
libc.pthread_self.restype = ctypes.c_void_p

def where():
    attributes = ctypes.create_string_buffer(64)
    assert libc.pthread_getattr_np(ctypes.c_void_p(libc.pthread_self()), attributes) == 0
    start, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert libc.pthread_attr_getstack(attributes, ctypes.byref(start), ctypes.byref(size)) == 0
    libc.pthread_attr_destroy(attributes)
    return {"tid": libc.syscall(186), "start": start.value, "end": start.value + size.value, "errno": libc.__errno_location()}

waiting, told = [], threading.Semaphore(0)
def wait():
    waiting.append(where())
    told.release()
    threading.Event().wait()
for _ in range(3):
    threading.Thread(target=wait, daemon=True).start()
    told.acquire()

finished, gate = [], threading.Barrier(2)
def finish():
    finished.append(where())
    gate.wait()
threads = [threading.Thread(target=finish) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
while len(os.listdir("/proc/self/task")) > 4: time.sleep(0.001)  # join returns a little before the kernel's thread is gone

shared = mmap.mmap(-1, 1 << 20); shared[0] = 1
file = tempfile.NamedTemporaryFile(); file.write(b"x" * 8192); file.flush()
mapped = mmap.mmap(file.fileno(), 8192, access=mmap.ACCESS_READ); mapped[0]
print(json.dumps({"main": where(), "waiting": waiting, "finished": finished, "file": file.name}))
sys.stdout.flush()
sys.stdin.read()
`;

interface Place {
  readonly tid: number;
  readonly start: number;
  readonly end: number;
  readonly errno: number;
}
interface Truth {
  readonly main: Place;
  readonly waiting: readonly Place[];
  readonly finished: readonly Place[];
  readonly file: string;
}

for (const registers of [true, false]) {
  const how = registers ? "with thread pointers" : "without thread pointers";
  testOnEveryPython(`every mapping is classified, ${how}`, async (t, python) => {
    const target = startTarget(t, python, TARGET);
    const truth: Truth = JSON.parse(await target.line());
    const image = takeLiveImage(target.pid, { registers });
    const os = classifyMappings(image);
    assertTiled(image, os);
    assertResidentSums(image, os);
    assertStacks(os, truth);
    assertThreadLocal(os, truth);
    assertLibraries(image, os);
    assertKinds(os, truth);
    assertClaims(image, os);
  });
}

function rowsOf(
  os: OsStratum,
): { readonly start: number; readonly end: number; readonly kind: number; readonly row: number }[] {
  const { mappings } = os;
  return Array.from({ length: mappings.length }, (_, row) => ({
    start: mappings.start[row],
    end: mappings.end[row],
    kind: mappings.kind[row],
    row,
  }));
}

function assertTiled(image: ProcessImage, os: OsStratum): void {
  const edges = (ranges: readonly { start: number; end: number }[]): string[] => {
    const merged: { start: number; end: number }[] = [];
    for (const { start, end } of ranges) {
      const last = merged.at(-1);
      assert.ok(last === undefined || last.end <= start, "ascending and disjoint");
      if (last?.end === start) last.end = end;
      else merged.push({ start, end });
    }
    return merged.map(({ start, end }) => `${start.toString(16)}-${end.toString(16)}`);
  };
  assert.deepEqual(edges(rowsOf(os)), edges(image.mappings));
}

function assertResidentSums(image: ProcessImage, os: OsStratum): void {
  const totals = totalMappings(os.mappings);
  const sum = totals.residentByKind.reduce((bytes, kind) => bytes + kind, 0);
  assert.equal(sum, image.resident.pages * PAGE_BYTES, "rows sum to the resident pages");
  assert.equal(sum, image.totals.residentBytes, "rows sum to Rss");
  assert.ok(totals.codeBytes > 0 && totals.libraryDataBytes > 0);
}

function assertStacks(os: OsStratum, truth: Truth): void {
  const { mappings } = os;
  const rowAt = (address: number) => rowsOf(os).find(({ start, end }) => address >= start && address < end)!;
  for (const place of truth.waiting) {
    const { row, start, end, kind } = rowAt(place.start);
    assert.deepEqual({ start, end, kind }, { start: place.start, end: place.end, kind: MappingKind.stack });
    assert.equal(mappings.thread[row], place.tid);
  }
  const main = rowAt(truth.main.end - 1);
  assert.equal(main.kind, MappingKind.stack);
  assert.equal(mappings.thread[main.row], truth.main.tid);
  // glibc keeps the stacks of finished threads, unless a later thread runs on one: there is none here.
  for (const place of truth.finished) {
    const { row, start, end } = rowAt(place.start);
    assert.deepEqual({ start, end }, { start: place.start, end: place.end });
    assert.equal(mappings.label[row], "stack of a finished thread");
    assert.equal(mappings.thread[row], -1);
  }
}

function assertThreadLocal(os: OsStratum, truth: Truth): void {
  for (const place of [truth.main, ...truth.waiting]) {
    const claim = os.claims.find(({ start, end }) => place.errno >= start && place.errno < end);
    assert.equal(claim?.kind, ClaimKind.threadLocal, `errno of thread ${place.tid}`);
  }
}

/** Libraries end where their program headers say, so a bss takes no byte of a neighbour. */
function assertLibraries(image: ProcessImage, os: OsStratum): void {
  const { mappings } = os;
  const names = os.libraries.map((library) => library.name);
  assert.ok(names.some((name) => name.startsWith("libc.so") || name.startsWith("libc-2")));
  for (const [index, library] of os.libraries.entries()) {
    const rows = rowsOf(os).filter(({ row }) => mappings.library[row] === index);
    const end = library.starts[0] + loadedBytes(library.path);
    assert.equal(rows.at(-1)?.end, end, `${library.path} ends`);
    assert.deepEqual(library.starts, [rows[0].start]);
    const parts = new Set(rows.map(({ row }) => mappings.part[row]));
    assert.ok(parts.has("code"), `${library.name} has code`);
    assert.ok(parts.has("data") || parts.has("relro"), `${library.name} has data`);
  }
  const executable = os.libraries.findIndex((library) => library.path === image.mappings[0].path);
  assert.ok(executable >= 0);
}

/** Bytes from the first to the last page of an ELF file's PT_LOAD segments. */
function loadedBytes(path: string): number {
  const file = readFileSync(path);
  const [table, entryBytes, entries] = [Number(file.readBigUInt64LE(32)), file.readUInt16LE(54), file.readUInt16LE(56)];
  let first = Infinity;
  let end = 0;
  for (let entry = table; entry < table + entries * entryBytes; entry += entryBytes) {
    if (file.readUInt32LE(entry) !== 1) continue;
    const address = Number(file.readBigUInt64LE(entry + 16));
    first = Math.min(first, roundDown(address, PAGE_BYTES));
    end = Math.max(end, roundUp(address + Number(file.readBigUInt64LE(entry + 40)), PAGE_BYTES));
  }
  return end - first;
}

function assertKinds(os: OsStratum, truth: Truth): void {
  const { mappings } = os;
  const kindOf = (path: RegExp) =>
    new Set(rowsOf(os).flatMap(({ row, kind }) => (path.test(mappings.path[row]) ? [kind] : [])));
  assert.deepEqual(kindOf(/^\[heap\]$/), new Set([MappingKind.heap]));
  assert.deepEqual(kindOf(/^\/dev\/zero/), new Set([MappingKind.shared]));
  assert.deepEqual(kindOf(/^\[v(dso|var)/), new Set([MappingKind.kernel]));
  assert.deepEqual(kindOf(new RegExp(`^${truth.file}`)), new Set([MappingKind.file]));
}

function assertClaims(image: ProcessImage, os: OsStratum): void {
  const taken = [
    { start: image.mappings.at(-1)!.start, end: image.mappings.at(-1)!.end },
    { start: os.claims[0].start + 4096, end: os.claims[0].start + 8192 },
  ];
  const claims = claimsOf(os, taken);
  for (const [index, claim] of claims.entries()) {
    assert.ok(claim.start < claim.end);
    if (index > 0) assert.ok(claims[index - 1].end <= claim.start, "ascending and disjoint");
    for (const other of taken) assert.ok(claim.end <= other.start || claim.start >= other.end, "what others claim is theirs");
  }
  assert.ok(
    claims.some((claim) => claim.kind === ClaimKind.loader),
    "the loader's memory is found",
  );
}

test("a child that a thread forked: its stack is a thread's, and the main thread's storage is still found", async (t) => {
  const code = TARGET.replace(
    "shared = mmap",
    `
def fork():
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"r")
        while True: time.sleep(1000)
    forked.append(child)
ready = os.pipe()
forked = []
thread = threading.Thread(target=fork)
thread.start()
thread.join()
os.read(ready[0], 1)
shared = mmap`,
  ).replace('"file": file.name', '"file": file.name, "forked": forked[0]');
  const target = startTarget(t, distributionPython(), code);
  const truth: Truth & { readonly forked: number } = JSON.parse(await target.line());
  const image = takeLiveImage(truth.forked);
  const os = classifyMappings(image);
  assertTiled(image, os);
  assertResidentSums(image, os);
  const claimAt = (address: number) => os.claims.find(({ start, end }) => address >= start && address < end);
  assert.equal(claimAt(truth.main.errno)?.kind, ClaimKind.threadLocal);
  const own = rowsOf(os).filter(({ row }) => os.mappings.thread[row] === truth.forked && os.mappings.path[row] === "");
  assert.equal(own.length, 1, "the forking thread's stack is the child's");
  // The stacks of threads that the child does not have lie there as copies.
  for (const place of truth.waiting) assert.equal(claimAt(place.start)?.label, "stack of a finished thread");
});
