import assert from "node:assert/strict";
import { locatePython, relocateInterpreters } from "../../src/strata/cpython/locate/locate.ts";
import type { PythonRuntime } from "../../src/strata/cpython/locate/python-runtime.ts";
import { LiveMemory } from "../../src/target/live-memory.ts";
import { readMaps } from "../../src/target/proc/maps.ts";
import type { ProcessImage } from "../../src/target/process-image.ts";
import { takeLiveImage } from "./live-image.ts";

/** The CPython of a test's process, found while it runs and verified in an image of it, as a capture does. */
export interface LocatedTarget {
  readonly runtime: PythonRuntime;
  readonly taken: ProcessImage;
}

/** Fails the test when there is no CPython in the process. */
export function locateTarget(pid: number, options: { readonly registers?: boolean } = {}): LocatedTarget {
  const mappings = readMaps(pid);
  assert.ok(mappings.ok);
  const memory = LiveMemory.open(pid, mappings.value);
  assert.ok(memory.ok);
  try {
    const located = locatePython(memory.value, mappings.value, () => memory.value.forget());
    assert.ok(located.ok, located.ok ? "" : located.failure.sentence);
    const taken = takeLiveImage(pid, options);
    const runtime = relocateInterpreters(located.value, taken.image, taken.mappings);
    assert.ok(runtime, "the interpreters are where they were");
    return { runtime, taken };
  } finally {
    memory.value.close();
  }
}
