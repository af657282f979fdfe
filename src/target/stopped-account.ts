import type { Problem } from "../base/problems.ts";
import { type Result, succeed } from "../base/result.ts";
import type { Mapping } from "./mapping.ts";
import { readSmaps, readSmapsTotals } from "./proc/smaps.ts";
import { readStat } from "./proc/stat.ts";
import { readStatus } from "./proc/status.ts";
import { type MemoryTotals, type PageRuns, PageState } from "./process-image.ts";
import { bytesInState, type ResidencyScanner } from "./residency.ts";
import { agreeWithSmaps } from "./rss-agreement.ts";

/** The kernel's totals and the pages that make them up, read inside one stop. */
export interface Account {
  readonly totals: MemoryTotals;
  readonly pages: PageRuns;
  readonly problems: readonly Problem[];
}

/** Reads the totals of a stopped process; `pages` are those of the same stop. */
export function takeAccount(pid: number, pages: PageRuns): Result<Account> {
  const sums = readSmapsTotals(pid);
  if (!sums.ok) return sums;
  const status = readStatus(pid);
  if (!status.ok) return status;
  const stat = readStat(pid);
  if (!stat.ok) return stat;
  const { virtualBytes, peakResidentBytes, pageTableBytes } = status.value;
  const { minorFaults, majorFaults } = stat.value;
  const totals = { ...sums.value, virtualBytes, peakResidentBytes, pageTableBytes, minorFaults, majorFaults };
  return succeed({ totals, pages, problems: [] });
}

/**
 * Makes pages and Rss agree. The kernel itself moves pages while a process is stopped (reclaim, compaction, huge pages), so the
 * first thing to do about a difference is to look again; only then is each mapping asked about.
 * @param isZero whether the page at an address was copied and holds nothing but zeros
 */
export function settleAccount(
  pid: number,
  first: Account,
  mappings: readonly Mapping[],
  scanner: ResidencyScanner,
  isZero: (address: number) => boolean,
): Result<Account> {
  if (agrees(first)) return succeed(first);
  const second = takeAccount(pid, scanner.scan(mappings));
  if (!second.ok || agrees(second.value)) return second;
  const smaps = readSmaps(pid);
  if (!smaps.ok) return smaps;
  const { totals, pages } = second.value;
  return succeed({ totals, ...agreeWithSmaps(pages, smaps.value, totals.residentBytes, isZero) });
}

function agrees({ pages, totals }: Account): boolean {
  return bytesInState(pages, PageState.counted) === totals.residentBytes;
}
