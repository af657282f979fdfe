/** An address range [start, end). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** `ranges` without what lies in `taken`; both ascending and disjoint. Each piece keeps the other fields of its range. */
export function subtractRanges<T extends Range>(ranges: readonly T[], taken: readonly Range[]): T[] {
  const left: T[] = [];
  let next = 0;
  for (const range of ranges) {
    while (next < taken.length && taken[next].end <= range.start) next++;
    let start = range.start;
    // A taken range may reach into the following ranges too, so `next` stays at it.
    for (let index = next; index < taken.length && taken[index].start < range.end; index++) {
      if (taken[index].start > start) left.push({ ...range, start, end: taken[index].start });
      start = Math.max(start, taken[index].end);
    }
    if (start < range.end) left.push({ ...range, start });
  }
  return left;
}

/** Sorts ranges by address and cuts off what overlaps an earlier one, so that the result is ascending and disjoint. */
export function disjoint<T extends Range>(ranges: readonly T[]): T[] {
  const result: T[] = [];
  let cursor = 0;
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const start = Math.max(range.start, cursor);
    if (start >= range.end) continue;
    result.push({ ...range, start });
    cursor = range.end;
  }
  return result;
}

/** Ranges in any order as an ascending list in which overlapping and touching ones are one. */
export function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: { start: number; end: number }[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged.push({ start: range.start, end: range.end });
  }
  return merged;
}
