import assert from "node:assert/strict";
import { readGlibcVersion } from "../../../src/strata/malloc/glibc/version.ts";
import { LiveMemory } from "../../../src/target/live-memory.ts";
import { readMaps } from "../../../src/target/proc/maps.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

testOnEveryPython("reads the version that glibc itself names", async (t, python) => {
  const code = "import os, sys; print(os.confstr('CS_GNU_LIBC_VERSION'), flush=True); sys.stdin.read()";
  const target = startTarget(t, python, code);
  const named = await target.line();
  const mappings = readMaps(target.pid);
  assert.ok(mappings.ok);
  const live = LiveMemory.open(target.pid, mappings.value);
  assert.ok(live.ok);
  t.after(() => live.value.close());
  assert.equal(`glibc ${readGlibcVersion(live.value, mappings.value)}`, named);
});
