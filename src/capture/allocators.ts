import { relocateInterpreters } from "../strata/cpython/locate/locate.ts";
import type { PythonRuntime } from "../strata/cpython/locate/python-runtime.ts";
import { isCollecting } from "../strata/cpython/runtime/gc.ts";
import type { MallocHeap } from "../strata/malloc/allocator.ts";
import { decodeGlibc } from "../strata/malloc/glibc/glibc.ts";
import { decodePymalloc } from "../strata/pymalloc/decode.ts";
import { countTornPools } from "../strata/pymalloc/free-lists.ts";
import type { Pymalloc } from "../strata/pymalloc/pymalloc.ts";
import type { ProcessImage } from "../target/process-image.ts";

/** The memory managers in a copy. They are decoded before all else, because they tell whether the stop was a good one. */
export interface Allocators {
  /** Undefined when no CPython is known, or when it was not found again in the copy. */
  readonly runtime: PythonRuntime | undefined;
  /** Undefined when the process uses another malloc. */
  readonly glibc: MallocHeap | undefined;
  readonly pymalloc: Pymalloc | undefined;
  /** False when the stop fell inside one of them: a lock held, a list or a count half changed, a collection under way. */
  readonly consistent: boolean;
}

/**
 * Decodes the allocators of a copy, touching nothing in its memory. O(chunks + pools + free blocks).
 * @param located the interpreter as found before the stop
 */
export function decodeAllocators(taken: ProcessImage, located: PythonRuntime | undefined): Allocators {
  const { image, mappings, resident, threads } = taken;
  const runtime = located && relocateInterpreters(located, image, mappings);
  const glibc = decodeGlibc({ image, mappings, resident, threads });
  const pymalloc = runtime && decodePymalloc(runtime.pymalloc, image);
  const disturbed =
    (located !== undefined && runtime === undefined) ||
    glibc?.busy === true ||
    (pymalloc !== undefined && (pymalloc.problems.length > 0 || countTornPools(pymalloc, image) > 0)) ||
    runtime?.interpreters.some(({ gc }) => isCollecting(image, runtime.layout, gc)) === true;
  return { runtime, glibc, pymalloc, consistent: !disturbed };
}
