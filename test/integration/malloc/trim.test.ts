import assert from "node:assert/strict";
import { test } from "node:test";
import { residentPages } from "../../../src/analysis/ledger.ts";
import { trimOf } from "../../../src/analysis/trim.ts";
import { captured } from "../../support/captured.ts";
import { distributionPython } from "../../support/pythons.ts";
import { startPinnedTarget } from "./pins-target.ts";

const MOST_DIFFERENCE = 0.005;

const CASES: readonly (readonly [shapes: string, environment: Readonly<Record<string, string>>, least: number])[] = [
  ["string", {}, 30e6],
  ["scattered", {}, 20e6],
  ["fast", {}, 1e6],
  ["group,scattered", {}, 20e6],
  ["cached", {}, 20e6],
  ["pinned=4,cached", {}, 50e6],
  ["pinned=3,scattered,string", {}, 60e6],
  ["blocked,scattered", {}, 20e6],
  ["threads=3,scattered", { MALLOC_ARENA_MAX: "1" }, 20e6],
  ["fast,scattered", { GLIBC_TUNABLES: "glibc.malloc.tcache_count=0" }, 20e6],
  ["scattered,arenas=50000", { PYTHONMALLOC: "malloc" }, 20e6],
  ["string,scattered", { MALLOC_TRIM_THRESHOLD_: "1000000000", MALLOC_TOP_PAD_: "10000000" }, 20e6],
];

for (const [shapes, environment, least] of CASES) {
  const settings = Object.entries(environment).map(([name, value]) => ` ${name}=${value}`);
  test(`malloc_trim(0) returns what was said: ${shapes}${settings.join("")}`, async (t) => {
    const { target, command, residentBytes } = await startPinnedTarget(t, distributionPython(), shapes, environment);
    const snapshot = await captured(target.pid);
    const [malloc] = snapshot.malloc;
    const trim = trimOf(snapshot, malloc, residentPages(snapshot));
    assert.ok(trim);
    const before = residentBytes();
    await command("trim");
    const returned = before - residentBytes();
    assert.ok(returned >= least, `only ${returned} bytes to return: the shape is not what it should be`);
    assert.ok(
      Math.abs(trim.releasableBytes - returned) <= MOST_DIFFERENCE * returned,
      `said ${trim.releasableBytes}, returned ${returned}`,
    );
    assert.deepEqual(
      trim.byArena.reduce((sum, bytes) => sum + bytes, 0),
      trim.releasableBytes,
    );
    // What was returned is not promised again.
    const after = await captured(target.pid);
    const again = trimOf(after, after.malloc[0], residentPages(after));
    assert.ok(again && again.releasableBytes <= MOST_DIFFERENCE * returned, `${again?.releasableBytes} bytes promised again`);
  });
}

test("an allocator's own variables are kept, and no others", async (t) => {
  const environment = { MALLOC_ARENA_MAX: "3", GLIBC_TUNABLES: "glibc.malloc.tcache_count=5", MALLOC_SECRET: "no" };
  const { target } = await startPinnedTarget(t, distributionPython(), "fast", environment);
  const { process } = await captured(target.pid);
  assert.deepEqual(process.settings?.environment, { MALLOC_ARENA_MAX: "3", GLIBC_TUNABLES: "glibc.malloc.tcache_count=5" });
  assert.ok((process.settings?.cores ?? 0) >= 1);
});
