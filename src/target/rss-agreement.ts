import type { Problem } from "../base/problems.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { SmapsEntry } from "./proc/smaps.ts";
import { type PageRuns, PageState } from "./process-image.ts";
import { bytesInState, PageRunsBuilder } from "./residency.ts";

/** Flags of mappings whose pages smaps does not count: hugetlb, device memory, page frames of a driver. */
const UNCOUNTED_FLAGS: ReadonlySet<string> = new Set(["ht", "io", "pf"]);

export interface Agreement {
  readonly pages: PageRuns;
  readonly problems: readonly Problem[];
}

/**
 * Brings the counted pages into agreement with what smaps says about each mapping, both read inside the same stop.
 *
 * Page table and smaps differ where the page table does not tell: zero pages on kernels without PAGEMAP_SCAN (and huge zero
 * pages on some with it), pages on their way to another node (shown as swapped, counted in Rss) and driver pages.
 * @param isZero whether the page at an address holds nothing but zeros
 * @param residentBytes Rss of smaps_rollup; what cannot be explained is a problem with the difference
 */
export function agreeWithSmaps(
  pages: PageRuns,
  entries: readonly SmapsEntry[],
  residentBytes: number,
  isZero: (address: number) => boolean,
): Agreement {
  const builder = new PageRunsBuilder();
  let run = 0;
  for (const entry of entries) {
    while (run < pages.length && pages.start[run] < entry.start) run++;
    const first = run;
    while (run < pages.length && pages.start[run] < entry.end) run++;
    agreeOne(pages, first, run, entry, isZero, builder);
  }
  const agreed = builder.finish();
  const difference = bytesInState(agreed, PageState.counted) - residentBytes;
  if (difference === 0) return { pages: agreed, problems: [] };
  const sentence = `The page table shows ${Math.abs(difference)} bytes ${difference > 0 ? "more" : "less"} than the kernel counts in Rss.`;
  return { pages: agreed, problems: [{ kind: "resident-bytes-differ", sentence, count: 1 }] };
}

function agreeOne(
  pages: PageRuns,
  first: number,
  last: number,
  entry: SmapsEntry,
  isZero: (address: number) => boolean,
  builder: PageRunsBuilder,
): void {
  let surplus = -entry.residentBytes;
  for (let run = first; run < last; run++) {
    if (pages.state[run] & PageState.counted) surplus += pages.end[run] - pages.start[run];
  }
  const uncounted = entry.hugetlbBytes > 0 || entry.flags.some((flag) => UNCOUNTED_FLAGS.has(flag));
  for (let run = first; run < last; run++) {
    const state = pages.state[run];
    const { start, end } = { start: pages.start[run], end: pages.end[run] };
    if (surplus > 0 && state & PageState.counted && (uncounted || entry.residentBytes === 0)) {
      surplus -= end - start;
      builder.add(start, end, (state & ~PageState.counted) | (uncounted ? 0 : PageState.zero), entry.start);
    } else if (surplus > 0 && mayBeZero(state)) {
      for (let page = start; page < end; page += PAGE_BYTES) {
        const zero = surplus > 0 && isZero(page);
        if (zero) surplus -= PAGE_BYTES;
        builder.add(page, page + PAGE_BYTES, zero ? (state & ~PageState.counted) | PageState.zero : state, entry.start);
      }
    } else if (surplus < 0 && state & PageState.swapped) {
      // Pages in migration: as many as smaps counts beyond the present ones.
      const middle = Math.min(end, start - surplus);
      surplus += middle - start;
      builder.add(start, middle, state | PageState.counted, entry.start);
      builder.add(middle, end, state, entry.start);
    } else builder.add(start, end, state, entry.start);
  }
}

/** The zero page belongs to nobody: it is neither a file's nor exclusively ours. */
function mayBeZero(state: number): boolean {
  return (state & PageState.counted) !== 0 && (state & PageState.exclusive) === 0;
}
