import type { Mapping } from "./mapping.ts";
import type { AddressRange } from "./memory-image.ts";
import { isDeviceMapping, isKernelMapping } from "./proc/maps.ts";
import { type PageRuns, PageState } from "./process-image.ts";

/**
 * What of a process is worth copying: the present pages of private mappings that are writable or were once (relocated
 * read-only data has anonymous pages). Shared, device and kernel mappings, guard pages and zero pages are left out: the image reads
 * zero where nothing was copied.
 * @param which those in memory, or those in swap
 */
export function rangesToCopy(mappings: readonly Mapping[], runs: PageRuns, which: "present" | "swapped"): AddressRange[] {
  const ranges: AddressRange[] = [];
  let run = 0;
  for (const mapping of mappings) {
    while (run < runs.length && runs.start[run] < mapping.start) run++;
    const first = run;
    while (run < runs.length && runs.start[run] < mapping.end) run++;
    if (isPrivateData(mapping, runs, first, run)) addRanges(ranges, runs, first, run, which);
  }
  return ranges;
}

function isPrivateData(mapping: Mapping, runs: PageRuns, first: number, last: number): boolean {
  if (mapping.permissions[3] !== "p" || mapping.permissions[0] !== "r") return false;
  if (isDeviceMapping(mapping) || isKernelMapping(mapping)) return false;
  if (mapping.permissions[1] === "w") return true;
  for (let run = first; run < last; run++) {
    if ((runs.state[run] & (PageState.fileOrShared | PageState.guard)) === 0) return true;
  }
  return false;
}

function addRanges(ranges: AddressRange[], runs: PageRuns, first: number, last: number, which: "present" | "swapped"): void {
  for (let run = first; run < last; run++) {
    const state = runs.state[run];
    const present = (state & PageState.present) !== 0 && (state & PageState.zero) === 0;
    const wanted = which === "present" ? present : (state & PageState.swapped) !== 0;
    if (!wanted) continue;
    const previous = ranges.at(-1);
    if (previous?.end === runs.start[run]) ranges[ranges.length - 1] = { start: previous.start, end: runs.end[run] };
    else ranges.push({ start: runs.start[run], end: runs.end[run] });
  }
}

/** Bytes that `ranges` cover. */
export function totalBytes(ranges: readonly AddressRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The first `bytes` bytes of `ranges`, or all of them. */
export function firstBytes(ranges: readonly AddressRange[], bytes: number): AddressRange[] {
  const first: AddressRange[] = [];
  let left = bytes;
  for (const { start, end } of ranges) {
    if (left <= 0) break;
    first.push({ start, end: Math.min(end, start + left) });
    left -= end - start;
  }
  return first;
}

/** What of `ranges` lies outside `others`; both ascending and disjoint. */
export function rangesWithout(ranges: readonly AddressRange[], others: readonly AddressRange[]): AddressRange[] {
  const rest: AddressRange[] = [];
  let other = 0;
  for (const range of ranges) {
    let start = range.start;
    while (other < others.length && others[other].end <= start) other++;
    for (let at = other; at < others.length && others[at].start < range.end; at++) {
      if (others[at].start > start) rest.push({ start, end: others[at].start });
      start = Math.max(start, others[at].end);
    }
    if (start < range.end) rest.push({ start, end: range.end });
  }
  return rest;
}
