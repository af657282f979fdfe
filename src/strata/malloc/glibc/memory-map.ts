import { PAGE_BYTES, roundUp } from "../../../base/units.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { AddressRange } from "../../../target/memory-image.ts";

/** Static data of one file: its writable mappings with the .bss behind them. */
export interface DataRange extends AddressRange {
  readonly path: string;
}

/** Data larger than this is a mapped file of somebody's, not a library's. */
const MAX_DATA_BYTES = 64 * 2 ** 20;
const LIBC_NAME = /\/libc[.-][^/]*$/;
const HUGE_PAGE_FILE = "/anon_hugepage";

/** Writable static data of every file of the target, that of a libc first: glibc's malloc keeps its global state in it. */
export function dataRanges(mappings: readonly Mapping[]): DataRange[] {
  const ranges: DataRange[] = [];
  for (const [index, mapping] of mappings.entries()) {
    if (!isPrivateWritable(mapping) || !mapping.path.startsWith("/") || mapping.path.startsWith(HUGE_PAGE_FILE)) continue;
    if (mapping.end - mapping.start > MAX_DATA_BYTES) continue;
    const next = mappings[index + 1];
    const bssFollows = next !== undefined && next.start === mapping.end && next.path === "" && isPrivateWritable(next);
    ranges.push({ start: mapping.start, end: bssFollows ? next.end : mapping.end, path: mapping.path });
  }
  const isLibc = (range: DataRange) => LIBC_NAME.test(range.path.replace(/ \(deleted\)$/, ""));
  return [...ranges.filter(isLibc), ...ranges.filter((range) => !isLibc(range))];
}

/** Anonymous private writable memory, neighbours joined: madvise and mprotect split one piece of malloc's into several mappings. */
export function anonymousRanges(mappings: readonly Mapping[]): AddressRange[] {
  return joinNeighbours(mappings.filter((mapping) => isPrivateWritable(mapping) && isAnonymous(mapping)));
}

/** The brk heap, as one range. */
export function breakRange(mappings: readonly Mapping[]): AddressRange | undefined {
  return joinNeighbours(mappings.filter((mapping) => mapping.path === "[heap]"))[0];
}

/** The parts of `ranges` that `taken` does not cover; both ascending and disjoint. Widened to whole pages on the side of `taken`. */
export function subtractRanges(ranges: readonly AddressRange[], taken: readonly AddressRange[]): AddressRange[] {
  const left: AddressRange[] = [];
  let next = 0;
  for (const range of ranges) {
    let start = range.start;
    while (next < taken.length && taken[next].end <= start) next++;
    for (let at = next; at < taken.length && taken[at].start < range.end; at++) {
      if (taken[at].start > start) left.push({ start, end: taken[at].start });
      start = Math.max(start, roundUp(taken[at].end, PAGE_BYTES));
    }
    if (start < range.end) left.push({ start, end: range.end });
  }
  return left;
}

function joinNeighbours(ranges: readonly AddressRange[]): AddressRange[] {
  const joined: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else joined.push({ start, end });
  }
  return joined;
}

function isPrivateWritable(mapping: Mapping): boolean {
  return mapping.permissions.startsWith("rw") && mapping.permissions[3] === "p";
}

function isAnonymous(mapping: Mapping): boolean {
  return (
    mapping.path === "" ||
    mapping.path === "[heap]" ||
    mapping.path.startsWith("[anon:") ||
    mapping.path.startsWith(HUGE_PAGE_FILE)
  );
}
