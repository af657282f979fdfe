import type { NativeSurroundings, Surrounding, ThreadMemory } from "../strata/cpython/objects/native-memory.ts";
import { ChunkState, type MallocHeap } from "../strata/malloc/allocator.ts";
import { mergeRanges, type Range, subtractRanges } from "../strata/os/address-ranges.ts";
import { ClaimKind } from "../strata/os/claim-kind.ts";
import { MappingKind } from "../strata/os/mapping-kind.ts";
import type { OsMappings, OsStratum } from "../strata/os/os-stratum.ts";
import type { Pymalloc } from "../strata/pymalloc/pymalloc.ts";
import type { ProcessImage } from "../target/process-image.ts";

/** A function without calls may keep that much below the stack pointer (System V ABI for x86-64, §3.2.2). */
const RED_ZONE_BYTES = 128;
/** Of the control block's pointer to the vector (tcbhead_t, sysdeps/x86_64/nptl/tls.h). */
const VECTOR_IN_BLOCK = 8;
const VECTOR_ENTRY_BYTES = 16;
const MOST_VECTOR_ENTRIES = 65536;

/**
 * Where pointers at native memory may lie beside objects and libraries' data: stacks from their pointers on, thread-local data, and
 * all other memory but the allocators'.
 * @param allocators memory that allocators hand out, with their own structures
 */
export function nativeSurroundings(taken: ProcessImage, os: OsStratum, allocators: readonly Range[]): NativeSurroundings {
  const { mappings } = os;
  const threads = threadMemory(taken, os);
  const known = mergeRanges([...allocators, ...threads, ...stacks(mappings)]);
  const elsewhere = [...subtractRanges(otherMemory(mappings), known), ...storageOfFinished(os, threads)];
  const rowOf = (address: number) => {
    const row = rowAtOrBelow(mappings, address);
    return row >= 0 && address < mappings.end[row] ? row : -1;
  };
  return {
    threads,
    elsewhere,
    kindOf: (address) => {
      const row = address === 0 ? -1 : rowOf(address);
      return row < 0 ? "none" : kindOfRow(mappings, row);
    },
    libraryOf: (address) => {
      const row = rowOf(address);
      return row < 0 ? -1 : mappings.library[row];
    },
  };
}

/** What an allocator hands out and keeps for itself. */
export function allocatorRanges(mallocs: readonly MallocHeap[], pymalloc: Pymalloc | undefined): Range[] {
  const ranges: Range[] = [];
  for (const { arenas, stateRanges, chunks } of mallocs) {
    ranges.push(...arenas.flatMap((arena) => arena.ranges), ...stateRanges);
    for (let chunk = 0; chunk < chunks.length; chunk++) {
      if (chunks.state[chunk] !== ChunkState.mapped) continue;
      ranges.push({ start: chunks.address[chunk], end: chunks.address[chunk] + chunks.bytes[chunk] });
    }
  }
  pymalloc?.arenas.address.forEach((start, arena) => {
    ranges.push({ start, end: start + pymalloc.arenas.bytes[arena] });
  });
  return ranges;
}

function threadMemory(taken: ProcessImage, { mappings, claims }: OsStratum): ThreadMemory[] {
  const found: ThreadMemory[] = [];
  const rowOfThread = new Map(taken.threads.map(({ tid }, row) => [tid, row]));
  for (let row = 0; row < mappings.length; row++) {
    if (mappings.kind[row] !== MappingKind.stack) continue;
    const thread = rowOfThread.get(mappings.thread[row]);
    if (thread === undefined) continue;
    const { stackPointer } = taken.threads[thread];
    const inside = stackPointer !== undefined && stackPointer >= mappings.start[row] && stackPointer < mappings.end[row];
    const start = inside ? Math.max(mappings.start[row], stackPointer - RED_ZONE_BYTES) : mappings.start[row];
    // Its thread-local data lies at the end.
    found.push({ start, end: mappings.end[row], thread });
  }
  found.push(...taken.threads.flatMap((_, thread) => dynamicVector(taken, thread)));
  const main = rowOfThread.get(taken.pid);
  for (const { start, end, kind } of claims) {
    if (main === undefined || kind !== ClaimKind.threadLocal) continue;
    if (!stacks(mappings).some((stack) => stack.start <= start && start < stack.end)) found.push({ start, end, thread: main });
  }
  return found;
}

/**
 * A thread's vector of pointers to libraries' thread-local data, which the loader keeps in memory of its own for the main thread
 * (glibc sysdeps/generic/dl-dtv.h; the number of its entries lies before it).
 */
function dynamicVector({ image, threads }: ProcessImage, thread: number): ThreadMemory[] {
  const { threadPointer } = threads[thread];
  if (threadPointer === undefined || !image.has(threadPointer)) return [];
  const vector = image.u64(threadPointer + VECTOR_IN_BLOCK);
  const entries = image.has(vector) ? image.u64(vector - VECTOR_ENTRY_BYTES) : 0;
  if (entries === 0 || entries > MOST_VECTOR_ENTRIES) return [];
  return [{ start: vector, end: vector + (entries + 1) * VECTOR_ENTRY_BYTES, thread }];
}

/** Thread-local data of finished threads, which glibc keeps with their stacks for the next ones. */
function storageOfFinished({ claims }: OsStratum, threads: readonly ThreadMemory[]): Range[] {
  const storage = claims.filter(({ kind }) => kind === ClaimKind.threadLocal);
  return subtractRanges(storage, mergeRanges(threads));
}

/** Whole stacks: what lies below the stack pointer, or was a finished thread's, is no longer anybody's. */
function stacks({ kind, ...mappings }: OsMappings): Range[] {
  return rangesOf(mappings, (row) => kind[row] === MappingKind.stack);
}

/** Relro among it, which the loader wrote. */
function otherMemory({ kind, part, permissions, ...mappings }: OsMappings): Range[] {
  const others: readonly number[] = [MappingKind.library, MappingKind.kernel, MappingKind.device];
  const wanted = (row: number) => !others.includes(kind[row]) || part[row] === "relro";
  return rangesOf(mappings, (row) => wanted(row) && permissions[row].startsWith("r"));
}

function rangesOf(
  { length, start, end }: Pick<OsMappings, "length" | "start" | "end">,
  wanted: (row: number) => boolean,
): Range[] {
  const ranges: Range[] = [];
  for (let row = 0; row < length; row++) if (wanted(row)) ranges.push({ start: start[row], end: end[row] });
  return ranges;
}

function kindOfRow({ kind, part }: OsMappings, row: number): Surrounding {
  switch (kind[row]) {
    case MappingKind.stack:
      return "stack";
    case MappingKind.library:
      if (part[row] === "code") return "code";
      if (part[row] === "data" || part[row] === "bss") return "data";
      return part[row] === "gap" ? "none" : "constants";
    case MappingKind.kernel:
    case MappingKind.device:
      return "none";
    default:
      return "memory";
  }
}

function rowAtOrBelow({ start, length }: OsMappings, address: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (start[middle] <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
