import type { PageSet } from "../../base/page-set.ts";
import { type PageRuns, PageState } from "../../target/process-image.ts";
import type { Range } from "./address-ranges.ts";
import { MappingKind } from "./mapping-kind.ts";
import type { OsMappings } from "./os-stratum.ts";

/** Bytes of ranges by the state of their pages; one item a range. */
export interface PageTotals {
  readonly residentBytes: Float64Array;
  readonly swappedBytes: Float64Array;
  /** Present but the shared zero page. */
  readonly zeroBytes: Float64Array;
  /** Counted in Rss and on huge pages. */
  readonly hugeBytes: Float64Array;
  /** Counted in Rss and of no file: written since it was mapped. */
  readonly anonymousBytes: Float64Array;
}

/** Sums page states over ascending, disjoint ranges: one pass over ranges and runs together. */
export function totalPages(ranges: readonly Range[], pages: PageRuns, resident: PageSet): PageTotals {
  const totals = {
    residentBytes: Float64Array.from(ranges, (range) => resident.bytesWithin(range.start, range.end)),
    swappedBytes: new Float64Array(ranges.length),
    zeroBytes: new Float64Array(ranges.length),
    hugeBytes: new Float64Array(ranges.length),
    anonymousBytes: new Float64Array(ranges.length),
  };
  let run = 0;
  for (const [index, range] of ranges.entries()) {
    while (run < pages.length && pages.end[run] <= range.start) run++;
    for (let at = run; at < pages.length && pages.start[at] < range.end; at++) {
      const bytes = Math.min(range.end, pages.end[at]) - Math.max(range.start, pages.start[at]);
      const state = pages.state[at];
      const counted = (state & PageState.counted) !== 0;
      if ((state & PageState.swapped) !== 0) totals.swappedBytes[index] += bytes;
      if ((state & PageState.zero) !== 0) totals.zeroBytes[index] += bytes;
      if (counted && (state & PageState.huge) !== 0) totals.hugeBytes[index] += bytes;
      if (counted && (state & PageState.fileOrShared) === 0) totals.anonymousBytes[index] += bytes;
    }
  }
  return totals;
}

/** Resident bytes of a process by what the mappings are, and the states that the report mentions. */
export interface OsTotals {
  /** By `MappingKind`; sums to the Rss of the process. */
  readonly residentByKind: Float64Array;
  readonly codeBytes: number;
  /** Writable data, relro and bss of libraries. */
  readonly libraryDataBytes: number;
  readonly swappedBytes: number;
  readonly zeroBytes: number;
  readonly hugeBytes: number;
}

/** Sums the mapping table. */
export function totalMappings(mappings: OsMappings): OsTotals {
  const residentByKind = new Float64Array(Object.keys(MappingKind).length);
  let codeBytes = 0;
  let libraryDataBytes = 0;
  for (let row = 0; row < mappings.length; row++) {
    const bytes = mappings.residentBytes[row];
    const part = mappings.part[row];
    residentByKind[mappings.kind[row]] += bytes;
    if (part === "code") codeBytes += bytes;
    if (part === "data" || part === "relro" || part === "bss") libraryDataBytes += bytes;
  }
  const sum = (column: Float64Array): number => column.reduce((total, bytes) => total + bytes, 0);
  return {
    residentByKind,
    codeBytes,
    libraryDataBytes,
    swappedBytes: sum(mappings.swappedBytes),
    zeroBytes: sum(mappings.zeroBytes),
    hugeBytes: sum(mappings.hugeBytes),
  };
}
