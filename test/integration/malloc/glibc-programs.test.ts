import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { decodeGlibc } from "../../../src/strata/malloc/glibc/glibc.ts";
import { mallinfo } from "../../../src/strata/malloc/glibc/mallinfo.ts";
import { takeLiveImage } from "../../support/live-image.ts";
import { startProcess } from "../../support/spawn.ts";
import { readOwnAccounts, waitForAccounts } from "./malloc-target.ts";

const SOURCE = fileURLToPath(new URL("./malloc-target.c", import.meta.url));

/** Compiles the program of malloc-target.c; undefined where there is no compiler or no static libc. */
function compile(t: TestContext, flags: readonly string[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-malloc-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "target");
  const { status } = spawnSync("cc", ["-O1", ...flags, "-o", program, SOURCE], { stdio: "ignore" });
  return status === 0 ? program : undefined;
}

// Statically linked, the loader's thread-local storage lies in the brk heap before malloc's first chunk, and libc's data is the
// program's own. With brk blocked from the start, malloc's first break is a mapping.
for (const flags of [[], ["-static"]]) {
  for (const words of [[], ["blocked"]]) {
    test(`malloc of a program equals its own accounts: ${["cc", ...flags, ...words].join(" ")}`, async (t) => {
      const program = compile(t, flags);
      if (program === undefined) return t.skip("no C compiler here that can build it");
      const target = startProcess(t, program, words);
      const { accountsAddress } = await waitForAccounts(target);
      const taken = takeLiveImage(target.pid);
      const heap = decodeGlibc(taken);
      assert.ok(heap !== undefined);
      assert.deepEqual(heap.problems, []);
      assert.equal(heap.busy, false);
      assert.deepEqual(mallinfo(heap), readOwnAccounts(taken.image, accountsAddress));
      assert.deepEqual(heap.arenas[0].threads, [target.pid]);
      assert.equal(heap.arenas[0].ranges.length > 10, words.length > 0);
    });
  }
}
