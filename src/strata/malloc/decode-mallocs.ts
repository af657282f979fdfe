import type { ProblemReport } from "../../base/problems.ts";
import type { AddressRange } from "../../target/memory-image.ts";
import type { MallocHeap, MallocInput } from "./allocator.ts";
import { decodeGlibc } from "./glibc/glibc.ts";
import { decodeJemalloc } from "./jemalloc/jemalloc.ts";
import { decodeMimalloc } from "./mimalloc/mimalloc.ts";
import { decodeTcmalloc } from "./tcmalloc/tcmalloc.ts";

/**
 * Finds one allocator in an image by its structures, wherever it is linked in. It answers undefined when the allocator is not there,
 * and when it is but its structures do not verify: then it adds a problem that says so, and its memory is told by mappings only.
 */
type Decoder = (input: MallocInput, problems: ProblemReport) => MallocHeap | undefined;

const DECODERS: readonly Decoder[] = [decodeJemalloc, decodeTcmalloc, decodeMimalloc];

/**
 * Every malloc in an image, the one with most in use first: a process has glibc's and what was preloaded in its place, or what an
 * extension brought along. glibc's is decoded last, since it finds chunks with mappings of their own by pattern, in memory
 * that nobody else has.
 *
 * @param problems gets what is wrong with none of the heaps that are returned, which keep their own
 */
export function decodeMallocs(input: MallocInput, problems: ProblemReport): MallocHeap[] {
  const others = DECODERS.flatMap((decode) => decode(input, problems) ?? []);
  const glibc = decodeGlibc(input, others.flatMap(rangesOf).sort(byStart));
  const heaps = glibc ? [...others, glibc] : others;
  return heaps.sort((left, right) => inUseBytes(right) - inUseBytes(left));
}

function rangesOf({ arenas }: MallocHeap): readonly AddressRange[] {
  return arenas.flatMap(({ ranges }) => ranges);
}

function inUseBytes({ arenas, mapped }: MallocHeap): number {
  return arenas.reduce((sum, arena) => sum + arena.inUseBytes, mapped.bytes);
}

function byStart(left: AddressRange, right: AddressRange): number {
  return left.start - right.start;
}
