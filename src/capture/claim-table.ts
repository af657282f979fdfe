import type { PageSet } from "../base/page-set.ts";
import { ClaimKind, type ClaimTable, type TypeTable } from "../snapshot/tables.ts";
import type { RuntimeRange } from "../strata/cpython/runtime/state-ranges.ts";
import type { MallocHeap } from "../strata/malloc/allocator.ts";
import { ChunkState } from "../strata/malloc/allocator.ts";
import { disjoint, mergeRanges, type Range, subtractRanges } from "../strata/os/address-ranges.ts";
import { claimsOf } from "../strata/os/claims.ts";
import { findLibraryMappings } from "../strata/os/library-mappings.ts";
import { MappingKind } from "../strata/os/mapping-kind.ts";
import type { OsStratum } from "../strata/os/os-stratum.ts";
import type { Pymalloc } from "../strata/pymalloc/pymalloc.ts";
import type { MemoryImage } from "../target/memory-image.ts";

interface Claimed extends Range {
  readonly kind: number;
  readonly label: string;
}

/** Private memory that an object mapped for itself, and the index of the object's type. */
export interface ObjectRange extends Range {
  readonly type: number;
}

/**
 * Who recognises which part of anonymous memory: allocators first, since their structures verify most precisely, then the
 * runtime, then objects, then stacks and loader, then libraries for what is left. What objects mapped is added to the
 * resident bytes of their types.
 */
export function buildClaimTable(
  image: MemoryImage,
  os: OsStratum,
  mallocs: readonly MallocHeap[],
  pymalloc: Pymalloc | undefined,
  runtimeRanges: readonly RuntimeRange[],
  objectRanges: readonly ObjectRange[],
  resident: PageSet,
  types: TypeTable,
): ClaimTable {
  const allocators = [...mallocs.flatMap(mallocRanges), ...(pymalloc ? arenaRanges(pymalloc) : [])];
  const runtime = subtractRanges(
    disjoint(runtimeRanges).map(({ start, end, what }) => ({ start, end, kind: ClaimKind.runtime, label: what })),
    mergeRanges(allocators),
  );
  const anonymous = anonymousMappings(os);
  const elsewhere = subtractRanges(disjoint(objectRanges), anonymous);
  const objects = subtractRanges(disjoint(objectRanges), mergeRanges([...allocators, ...runtime, ...elsewhere]));
  for (const { start, end, type } of objects) types.residentBytes[type] += resident.bytesWithin(start, end);
  const owned = objects.map(({ start, end, type }) => ({ start, end, kind: ClaimKind.object, label: types.name[type] }));
  const taken = [...allocators, ...runtime, ...owned];
  const own = claimsOf(os, taken);
  const unclaimed = subtractRanges(anonymous, mergeRanges([...taken, ...own]));
  const claims = [...taken, ...claimsOf(os, taken, findLibraryMappings(image, os, unclaimed))];
  claims.sort((a, b) => a.start - b.start);
  return {
    length: claims.length,
    start: Float64Array.from(claims, (claim) => claim.start),
    end: Float64Array.from(claims, (claim) => claim.end),
    kind: Uint8Array.from(claims, (claim) => claim.kind),
    label: claims.map((claim) => claim.label),
  };
}

function mallocRanges(heap: MallocHeap): Claimed[] {
  const ranges: Claimed[] = [];
  const label = heap.allocator;
  for (const arena of heap.arenas)
    for (const { start, end } of arena.ranges) ranges.push({ start, end, kind: ClaimKind.malloc, label });
  const { chunks } = heap;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunks.state[chunk] !== ChunkState.mapped) continue;
    const start = chunks.address[chunk];
    ranges.push({ start, end: start + chunks.bytes[chunk], kind: ClaimKind.malloc, label });
  }
  return ranges;
}

function arenaRanges({ arenas }: Pymalloc): Claimed[] {
  return Array.from(arenas.address, (start, arena) => ({
    start,
    end: start + arenas.bytes[arena],
    kind: ClaimKind.pymalloc,
    label: "pymalloc",
  }));
}

function anonymousMappings({ mappings }: OsStratum): Range[] {
  const ranges: Range[] = [];
  for (let row = 0; row < mappings.length; row++) {
    if (mappings.kind[row] === MappingKind.anonymous || mappings.kind[row] === MappingKind.heap) {
      ranges.push({ start: mappings.start[row], end: mappings.end[row] });
    }
  }
  return ranges;
}
