import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import type { GcLocation } from "../locate/python-runtime.ts";

export const GENERATIONS = 3;
/** Number that `GcList.generation` gives to what gc.freeze() set aside. */
export const PERMANENT_GENERATION = 3;
/** `_gc_next` and `_gc_prev` carry flags in their low bits (3.8 and later). */
const LINK_FLAGS = 4;
const POINTER_BYTES = 8;
/** _PyGC_REFS_REACHABLE, and the bit below the count that says whether a finalizer ran. */
const REACHABLE = -3;
const FINALIZED_BITS = 1;

/** A garbage collector as it was at the stop. */
export interface GcState {
  /** gc.isenabled(); undefined where the version keeps it in a variable that has no name (3.6). */
  readonly enabled: boolean | undefined;
  /** True while a collection runs: lists are then incomplete and `_gc_prev` holds reference counts. Undefined as for `enabled`. */
  readonly collecting: boolean | undefined;
  readonly generations: readonly GcGeneration[];
  /** Address of the list gc.garbage; 0 when there is none yet, undefined as for `enabled`. */
  readonly garbage: number | undefined;
}

/** gc.get_threshold(), gc.get_count() and gc.get_stats() of a generation; 0 is the youngest. */
export interface GcGeneration {
  readonly threshold: number;
  readonly count: number;
  readonly collections: number | undefined;
  readonly collected: number | undefined;
  readonly uncollectable: number | undefined;
}

/** A doubly linked list of collector headers; each is followed by its object after `gcHeadBytes`. */
export interface GcList {
  /** 0, 1, 2, or `PERMANENT_GENERATION`. */
  readonly generation: number;
  /** Address of the list's head, which is no object's header: the list ends where it comes back to it. */
  readonly headAddress: number;
}

export function readGcState(reader: MemoryReader, layout: Layout, gc: GcLocation): GcState {
  const flag = (field: string): boolean | undefined =>
    gc.stateAddress === undefined ? undefined : reader.u32(gc.stateAddress + layout.offset("_gc_runtime_state", field)) !== 0;
  return {
    enabled: flag("enabled"),
    collecting: flag("collecting"),
    generations: Array.from({ length: GENERATIONS }, (_, generation) => readGeneration(reader, layout, gc, generation)),
    garbage:
      gc.stateAddress === undefined ? undefined : reader.u64(gc.stateAddress + layout.offset("_gc_runtime_state", "garbage")),
  };
}

/**
 * True when the process stands inside a collection, or inside the change of a list (Modules/gcmodule.c; `_PyObject_GC_TRACK`).
 * Looks at both ends of each list only: new members come last, and a collection goes through from the first to the last.
 */
export function isCollecting(reader: MemoryReader, layout: Layout, gc: GcLocation): boolean {
  if (gc.stateAddress !== undefined && readGcState(reader, layout, gc).collecting === true) return true;
  return gcLists(gc).some(({ headAddress }) => {
    const last = reader.u64(headAddress + POINTER_BYTES);
    if (nextOf(reader, last) !== headAddress) return true;
    const first = nextOf(reader, headAddress);
    // Without the state's variable (3.6), the reference counts that a collection writes into the headers tell.
    return (
      gc.stateAddress === undefined &&
      [first, last].some((head) => head !== headAddress && isBeingCounted(reader, layout, head))
    );
  });
}

/** Before 3.8 a header's count is REACHABLE in every list, except while a collection works on it (Include/objimpl.h, 3.6). */
function isBeingCounted(reader: MemoryReader, layout: Layout, head: number): boolean {
  return reader.i64(head + layout.offset("PyGC_Head", "gc.gc_refs")) >> FINALIZED_BITS !== REACHABLE;
}

/** The lists of tracked objects of an interpreter, youngest first, the permanent one last (3.7 and later). */
export function gcLists(gc: GcLocation): readonly GcList[] {
  const lists: GcList[] = [];
  for (let generation = 0; generation < GENERATIONS; generation++) {
    lists.push({ generation, headAddress: gc.generationsAddress + generation * gc.headStride });
  }
  if (gc.permanentAddress !== undefined) lists.push({ generation: PERMANENT_GENERATION, headAddress: gc.permanentAddress });
  return lists;
}

/**
 * Number of objects in a list, for a look at a single list: captures walk all lists with their kernel.
 *
 * @param limit stops there, so that a broken list ends
 * @returns undefined when the list does not come back to its head within `limit` steps
 */
export function countGcList(reader: MemoryReader, list: GcList, limit: number): number | undefined {
  let count = 0;
  for (let node = nextOf(reader, list.headAddress); node !== list.headAddress; node = nextOf(reader, node)) {
    if (node === 0 || count >= limit) return undefined;
    count++;
  }
  return count;
}

function nextOf(reader: MemoryReader, node: number): number {
  const link = reader.u64(node);
  return link - (link % LINK_FLAGS);
}

function readGeneration(reader: MemoryReader, layout: Layout, gc: GcLocation, generation: number): GcGeneration {
  const head = gc.generationsAddress + generation * gc.headStride;
  const stats =
    gc.stateAddress === undefined
      ? undefined
      : gc.stateAddress +
        layout.offset("_gc_runtime_state", "generation_stats") +
        generation * layout.size("gc_generation_stats");
  const statistic = (field: string) =>
    stats === undefined ? undefined : reader.u64(stats + layout.offset("gc_generation_stats", field));
  return {
    threshold: reader.i32(head + layout.offset("gc_generation", "threshold")),
    count: reader.i32(head + layout.offset("gc_generation", "count")),
    collections: statistic("collections"),
    collected: statistic("collected"),
    uncollectable: statistic("uncollectable"),
  };
}
