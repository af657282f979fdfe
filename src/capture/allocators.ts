import { type Problem, ProblemReport } from "../base/problems.ts";
import { relocateInterpreters } from "../strata/cpython/locate/locate.ts";
import type { PythonRuntime } from "../strata/cpython/locate/python-runtime.ts";
import { isCollecting } from "../strata/cpython/runtime/gc.ts";
import type { MallocHeap } from "../strata/malloc/allocator.ts";
import { decodeMallocs } from "../strata/malloc/decode-mallocs.ts";
import { decodePymalloc } from "../strata/pymalloc/decode.ts";
import { countTornPools } from "../strata/pymalloc/free-lists.ts";
import type { Pymalloc } from "../strata/pymalloc/pymalloc.ts";
import type { ProcessImage } from "../target/process-image.ts";

/** The memory managers in a copy. They are decoded before all else, because they tell whether the stop was a good one. */
export interface Allocators {
  /** Undefined when no CPython is known, or when it was not found again in the copy. */
  readonly runtime: PythonRuntime | undefined;
  /** Every malloc that was recognised, the one with most in use first. */
  readonly mallocs: readonly MallocHeap[];
  readonly pymalloc: Pymalloc | undefined;
  /** False when the stop fell inside one of them: a lock held, a list or a count half changed, a collection under way. */
  readonly consistent: boolean;
  readonly problems: readonly Problem[];
}

/**
 * Decodes the allocators of a copy, touching nothing in its memory. O(chunks + pools + free blocks).
 * @param located the interpreter as found before the stop
 */
export function decodeAllocators(taken: ProcessImage, located: PythonRuntime | undefined): Allocators {
  const { image, mappings } = taken;
  const problems = new ProblemReport();
  const runtime = located && relocateInterpreters(located, image, mappings);
  const mallocs = decodeMallocs(taken, problems);
  const pymalloc = runtime && decodePymalloc(runtime.pymalloc, image);
  const disturbed =
    (located !== undefined && runtime === undefined) ||
    mallocs.some((heap) => heap.busy) ||
    (pymalloc !== undefined && (pymalloc.problems.length > 0 || countTornPools(pymalloc, image) > 0)) ||
    runtime?.interpreters.some(({ gc }) => isCollecting(image, runtime.layout, gc)) === true;
  for (const decoded of [...mallocs, pymalloc]) problems.addAll(decoded?.problems ?? []);
  return { runtime, mallocs, pymalloc, consistent: !disturbed, problems: problems.list() };
}
