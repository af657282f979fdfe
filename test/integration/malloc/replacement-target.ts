import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { ProblemReport } from "../../../src/base/problems.ts";
import { ChunkState, type MallocHeap } from "../../../src/strata/malloc/allocator.ts";
import { decodeMallocs } from "../../../src/strata/malloc/decode-mallocs.ts";
import type { ProcessImage } from "../../../src/target/process-image.ts";
import { distributionPython, type PythonTarget, pythons } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { type MallocTarget, waitForAccounts } from "./malloc-target.ts";

const SCRIPT = fileURLToPath(new URL("./replacement-target.py", import.meta.url));
const SOURCE = fileURLToPath(new URL("./replacement.c", import.meta.url));

/** How a target uses an allocator. */
export interface ReplacementUse {
  readonly threads: number;
  /** Preloaded in place of glibc's malloc, or loaded next to it and asked by hand. */
  readonly preloaded: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

let helper: string | undefined;

/** Starts replacement-target.py with an allocator's library and waits until it stands still. */
export async function startReplacementTarget(
  t: TestContext,
  python: PythonTarget,
  library: string,
  { threads, preloaded, env = {} }: ReplacementUse,
): Promise<MallocTarget> {
  helper ??= buildHelper();
  const args = [helper, preloaded ? "" : library, String(threads)];
  const preload: Record<string, string> = preloaded ? { LD_PRELOAD: library } : {};
  return waitForAccounts(
    startTarget(t, python, { script: SCRIPT }, { args, env: { PYTHONHASHSEED: "0", ...env, ...preload } }),
  );
}

function buildHelper(): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-replacement-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const built = join(folder, "replacement.so");
  execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-pthread", "-o", built, SOURCE, "-ldl"], { stdio: "pipe" });
  return built;
}

/** Every way to use an allocator that its accounts are compared in, with a name. */
export const REPLACEMENT_USES: Readonly<Record<string, ReplacementUse>> = {
  "one thread": { threads: 0, preloaded: true },
  "five threads": { threads: 4, preloaded: true },
  "PYTHONMALLOC=malloc": { threads: 4, preloaded: true, env: { PYTHONMALLOC: "malloc" } },
  "next to glibc's": { threads: 4, preloaded: false },
};

/** The distribution's Python, and the oldest and newest of the others. */
export function somePythons(): readonly PythonTarget[] {
  const others = pythons().filter((python) => !python.distribution);
  return [...new Set([distributionPython(), others[0], others.at(-1)])].filter((python) => python !== undefined);
}

/** The one heap of an allocator in an image; fails when anything about it is doubtful. */
export function decodeReplacement(taken: ProcessImage, allocator: MallocHeap["allocator"]): MallocHeap {
  const problems = new ProblemReport();
  const heaps = decodeMallocs(taken, problems).filter((heap) => heap.allocator === allocator);
  assert.deepEqual(problems.list(), []);
  assert.equal(heaps.length, 1);
  assert.deepEqual(heaps[0].problems, []);
  assert.equal(heaps[0].busy, false);
  checkTiling(heaps[0]);
  return heaps[0];
}

/** Chunks are ascending, tile what their arenas have, and sum to what arenas and size classes say. */
function checkTiling({ arenas, chunks, sizeClasses = [], freePages }: MallocHeap): void {
  const tiled = new Float64Array(arenas.length);
  const byState = new Float64Array(Object.keys(ChunkState).length);
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunk > 0) assert.ok(chunks.address[chunk] >= chunks.address[chunk - 1] + chunks.bytes[chunk - 1]);
    tiled[chunks.arena[chunk]] += chunks.bytes[chunk];
    byState[chunks.state[chunk]] += chunks.bytes[chunk];
  }
  for (const [index, arena] of arenas.entries()) {
    assert.equal(tiled[index], arena.systemBytes);
    assert.equal(arena.inUseBytes + arena.freeBytes + arena.cachedBytes + arena.topBytes, arena.systemBytes);
  }
  const bytesOf = (kind: "live" | "cached" | "free") => sizeClasses.reduce((sum, entry) => sum + entry.bytes * entry[kind], 0);
  assert.equal(bytesOf("live"), byState[ChunkState.inUse]);
  assert.equal(bytesOf("cached"), byState[ChunkState.cached]);
  assert.equal(bytesOf("free"), byState[ChunkState.free]);
  assert.equal(
    freePages.reduce((sum, { bytes }) => sum + bytes, 0),
    byState[ChunkState.top],
  );
}
