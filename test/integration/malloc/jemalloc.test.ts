import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ProblemReport } from "../../../src/base/problems.ts";
import { chooseStyle } from "../../../src/cli/format/style.ts";
import { heapJson } from "../../../src/cli/json/heap-json.ts";
import { heapText } from "../../../src/cli/text/heap-text.ts";
import { openSnapshotFile } from "../../../src/snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../../../src/snapshot/file/write-snapshot.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeMallocs } from "../../../src/strata/malloc/decode-mallocs.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { distributionPython, type PythonTarget, pythons } from "../../support/pythons.ts";
import { assertFollowsSchema } from "../../support/schemas.ts";
import { snapshotFolder } from "../../support/snapshot-folder.ts";
import { startTarget, type TargetOptions } from "../../support/spawn.ts";
import { type MallocTarget, waitForAccounts } from "./malloc-target.ts";

const SCRIPT = fileURLToPath(new URL("./jemalloc-target.py", import.meta.url));
const LIBRARY = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
const skip = existsSync(LIBRARY) ? false : "no libjemalloc2 on this machine";
const PRELOADED = { LD_PRELOAD: LIBRARY };
/** Every object is an allocation then; so that those of the last turn change no account, caches and pages stay as they are. */
const OBJECTS_TOO = {
  PYTHONMALLOC: "malloc",
  MALLOC_CONF: "tcache_gc_incr_bytes:1073741824,dirty_decay_ms:-1,muzzy_decay_ms:-1",
};
const SMALL_CLASSES = 36;

/** jemalloc's own figures by name. */
type Accounts = ReadonlyMap<string, number>;

async function start(
  t: TestContext,
  python: PythonTarget,
  threads: number,
  env: TargetOptions["env"],
  library = "",
): Promise<MallocTarget> {
  const args = [library, String(threads)];
  return waitForAccounts(startTarget(t, python, { script: SCRIPT }, { args, env: { PYTHONHASHSEED: "0", ...env } }));
}

function decode(taken: ProcessImage): readonly MallocHeap[] {
  const problems = new ProblemReport();
  const heaps = decodeMallocs(taken, problems);
  assert.deepEqual(problems.list(), []);
  return heaps;
}

function ownAccounts({ lines, accountsAddress }: MallocTarget, { image }: ProcessImage): Accounts {
  const names = lines[0].split(" ");
  return new Map(names.map((name, index) => [name, image.u64(accountsAddress + 8 * index)]));
}

/** Holds what was decoded against what jemalloc says of itself, in total and by size class. */
function checkAgainstOwnAccounts(heap: MallocHeap, own: Accounts): void {
  assert.deepEqual(heap.problems, []);
  assert.equal(heap.busy, false);
  const said = (name: string) => own.get(name) ?? Number.NaN;
  const ofAll = (name: string) => said(`stats.arenas.4096.${name}`);
  const { chunks, arenas, sizeClasses = [], freePages } = heap;
  const systemBytes = arenas.reduce((sum, arena) => sum + arena.systemBytes, 0);
  const pages = (state: string) => freePages.find((kept) => kept.state === state)?.bytes ?? 0;
  const topBytes = arenas.reduce((sum, arena) => sum + arena.topBytes, 0);
  assert.equal(pages("retained"), said("stats.retained"));
  assert.equal(pages("dirty"), ofAll("pdirty") * 4096);
  assert.equal(pages("muzzy"), ofAll("pmuzzy") * 4096);
  assert.equal(pages("dirty") + pages("muzzy") + pages("retained"), topBytes);
  assert.equal(systemBytes, said("stats.mapped") + said("stats.retained"));

  const isBlock = (_: number, chunk: number) => chunks.state[chunk] === ChunkState.overhead && chunks.bytes[chunk] >= 2 ** 21;
  const blockBytes = chunks.bytes.filter(isBlock).reduce((total, bytes) => total + bytes, 0);
  assert.equal(systemBytes - topBytes - blockBytes, said("stats.active"));
  assert.ok(blockBytes > ofAll("base"), "jemalloc's own structures lie in its own blocks");

  // What jemalloc allocated for the caches' stacks it counts as allocated too; here that is structure, and of no size class.
  const allocated = sizeClasses.reduce((sum, { bytes, live, cached }) => sum + bytes * (live + cached), 0);
  assert.equal(allocated + ofAll("internal"), said("stats.allocated"));
  const small = sizeClasses.filter(({ bytes }) => bytes < 16384);
  const ownSmall = Array.from({ length: SMALL_CLASSES }, (_, bin) => ({
    handedOut: ofAll(`bins.${bin}.curregs`),
    slabs: ofAll(`bins.${bin}.curslabs`),
  }));
  assert.deepEqual(
    small.map(({ live, cached }) => live + cached),
    ownSmall.filter(({ slabs }) => slabs > 0).map(({ handedOut }) => handedOut),
  );
  const slabs = ownSmall.map((bin) => bin.slabs).filter((count) => count > 0);
  for (const [index, { live, cached, free }] of small.entries()) assert.equal((live + cached + free) % slabs[index], 0);
  const large = sizeClasses.filter(({ bytes }) => bytes >= 16384).map(({ live, cached }) => live + cached);
  assert.ok(large.length > 5 && small.length > 30);
  const ownLarge = Array.from({ length: 40 }, (_, index) => ofAll(`lextents.${index}.curlextents`));
  const caches = ownLarge.reduce((sum, count) => sum + count, 0) - large.reduce((sum, count) => sum + count, 0);
  assert.ok(caches >= 1 && ofAll("internal") % caches === 0, `${caches} caches for ${ofAll("internal")} internal bytes`);
  checkTiling(heap);
  assert.equal(chunks.length, chunks.address.length);
}

/** Chunks are ascending and tile what their arenas have. */
function checkTiling({ arenas, chunks }: MallocHeap): void {
  const covered = new Float64Array(arenas.length);
  const cached = new Float64Array(arenas.length);
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunk > 0) assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
    covered[chunks.arena[chunk]] += chunks.bytes[chunk];
    if (chunks.state[chunk] === ChunkState.cached) cached[chunks.arena[chunk]] += chunks.bytes[chunk];
  }
  for (const [index, arena] of arenas.entries()) {
    assert.equal(covered[index], arena.systemBytes);
    assert.equal(cached[index], arena.cachedBytes);
    assert.equal(arena.inUseBytes + arena.freeBytes + arena.cachedBytes + arena.topBytes, arena.systemBytes);
  }
}

/** The distribution's Python, and the oldest and newest of the others. */
function somePythons(): readonly PythonTarget[] {
  const others = pythons().filter((python) => !python.distribution);
  return [...new Set([distributionPython(), others[0], others.at(-1)])].filter((python) => python !== undefined);
}

for (const python of somePythons()) {
  for (const env of [{}, OBJECTS_TOO]) {
    for (const threads of [0, 4]) {
      const title = `jemalloc equals its own accounts, ${"PYTHONMALLOC" in env ? "PYTHONMALLOC=malloc, " : ""}${threads} threads more: CPython ${python.label}`;
      test(title, { skip }, async (t) => {
        const target = await start(t, python, threads, { ...PRELOADED, ...env });
        const taken = takeLiveImage(target.target.pid);
        const heaps = decode(taken);
        assert.equal(heaps[0].allocator, "jemalloc");
        checkAgainstOwnAccounts(heaps[0], ownAccounts(target, taken));
        const tids = heaps[0].arenas.flatMap((arena) => arena.threads);
        assert.deepEqual(
          tids.sort((a, b) => a - b),
          taken.threads.map(({ tid }) => tid).sort((a, b) => a - b),
        );
        const snapshot = await captured(target.target.pid);
        assert.equal(snapshot.capture.consistent, true);
        assertExactLedger(snapshot);
      });
    }
  }
}

test("a jemalloc that was loaded next to glibc's malloc has a branch of its own", { skip }, async (t) => {
  // Its thread-local data are larger than what a process keeps for libraries that come later.
  const env = { GLIBC_TUNABLES: "glibc.rtld.optional_static_tls=32768" };
  const target = await start(t, distributionPython(), 2, env, LIBRARY);
  const taken = takeLiveImage(target.target.pid);
  const heaps = decode(taken);
  assert.deepEqual(heaps.map(({ allocator }) => allocator).sort(), ["glibc", "jemalloc"]);
  const jemalloc = heaps.find(({ allocator }) => allocator === "jemalloc");
  const glibc = heaps.find(({ allocator }) => allocator === "glibc");
  assert.ok(jemalloc && glibc);
  checkAgainstOwnAccounts(jemalloc, ownAccounts(target, taken));
  assert.deepEqual(glibc.problems, []);
  const snapshot = await captured(target.target.pid);
  const ledger = assertExactLedger(snapshot);
  const native = ledger.root.children?.find(({ key }) => key === "mallocNative")?.children ?? [];
  assert.deepEqual(native.map(({ label }) => label).sort(), ["glibc", "jemalloc"]);
  const jemallocNative = native.find(({ label }) => label === "jemalloc")?.residentBytes ?? 0;
  const live = (jemalloc.sizeClasses ?? []).reduce((sum, { bytes, live }) => sum + bytes * live, 0);
  assert.ok(jemallocNative > 0.9 * live && jemallocNative <= live, `${jemallocNative} resident of ${live} live`);
  checkHeapVerb(t, snapshot);
});

/** The heap verb says the same of a process and of its file, follows its schema, and has a section for each allocator. */
function checkHeapVerb(t: TestContext, snapshot: Snapshot): void {
  const answer = JSON.parse(JSON.stringify(heapJson(snapshot)));
  assertFollowsSchema(answer);
  const sections = [answer, ...answer.others];
  const jemalloc = sections.find(({ allocator }) => allocator === "jemalloc");
  assert.deepEqual(sections.map(({ allocator }) => allocator).sort(), ["glibc", "jemalloc"]);
  const system = sum(jemalloc.arenas, "systemBytes");
  assert.equal(sum(jemalloc.freePages, "bytes"), sum(jemalloc.arenas, "topBytes"));
  assert.ok(sum(jemalloc.sizeClasses, "residentBytes") <= system);
  const file = snapshotFolder(t)();
  assert.ok(writeSnapshotFile(snapshot, file, { archive: false, withValues: false }).ok);
  const opened = openSnapshotFile(file);
  assert.ok(opened.ok);
  assert.deepEqual(JSON.parse(JSON.stringify(heapJson(opened.value))), answer);
  const style = chooseStyle({ colour: false, verbose: false, width: 100, terminalColumns: undefined, environment: {} });
  const lines = heapText(opened.value, style);
  assert.equal(lines.filter((line) => line.startsWith("malloc  ")).length, 2);
  assert.equal(lines.filter((line) => line.startsWith("Most free space by size of allocation")).length, 1);
  assert.ok(lines.some((line) => /^Free pages: .* dirty/.test(line)));
}

function sum(rows: readonly Readonly<Record<string, number>>[], key: string): number {
  return rows.reduce((total, row) => total + row[key], 0);
}
