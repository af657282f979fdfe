import { type Result, succeed } from "../../base/result.ts";
import { USER_SPACE_END } from "../../base/units.ts";
import { parseKilobyteLines, readProcessFile } from "./proc-file.ts";

/** What smaps says about one mapping, in bytes. */
export interface SmapsEntry {
  readonly start: number;
  readonly end: number;
  readonly residentBytes: number;
  readonly swappedBytes: number;
  /** Private_Hugetlb + Shared_Hugetlb: such a mapping's pages lie outside Rss. */
  readonly hugetlbBytes: number;
  readonly anonymousHugeBytes: number;
  /** Two-letter codes of VmFlags (fs/proc/task_mmu.c show_smap_vma_flags): `io`, `pf`, `ht`, `gu` and so on. */
  readonly flags: readonly string[];
}

/** Sums of smaps or smaps_rollup in bytes. */
export interface SmapsTotals {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  /** Private_Clean + Private_Dirty. */
  readonly uniqueBytes: number;
  readonly privateDirtyBytes: number;
  readonly swappedBytes: number;
  readonly anonymousBytes: number;
  readonly anonymousHugeBytes: number;
  /** Private_Hugetlb + Shared_Hugetlb. */
  readonly hugetlbBytes: number;
}

const HEADER = /^([0-9a-f]+)-([0-9a-f]+) [r-][w-][x-][ps] /;

/** The entries of an smaps text, in address order; [vsyscall], which smaps_rollup does not count, is left out. */
export function parseSmaps(text: string): SmapsEntry[] {
  const entries: SmapsEntry[] = [];
  let header: RegExpExecArray | undefined;
  let body: string[] = [];
  const close = (): void => {
    if (header && Number.parseInt(header[2], 16) <= USER_SPACE_END) entries.push(entryOf(header, body.join("\n")));
    body = [];
  };
  for (const line of text.split("\n")) {
    const match = HEADER.exec(line);
    if (match) {
      close();
      header = match;
    } else body.push(line);
  }
  close();
  return entries;
}

/** Sums `Name: n kB` lines by name, so it serves smaps_rollup and smaps alike. */
export function parseSmapsTotals(text: string): SmapsTotals {
  const sums = new Map<string, number>();
  // Whole lines between newlines: a mapping's path may hold other ends of lines, and what looks like a sum behind them.
  for (const match of text.matchAll(/(?<![^\n])(\w+): +(\d+) kB(?![^\n])/g))
    sums.set(match[1], (sums.get(match[1]) ?? 0) + Number(match[2]) * 1024);
  const of = (name: string): number => sums.get(name) ?? 0;
  return {
    residentBytes: of("Rss"),
    proportionalBytes: of("Pss"),
    uniqueBytes: of("Private_Clean") + of("Private_Dirty"),
    privateDirtyBytes: of("Private_Dirty"),
    swappedBytes: of("Swap"),
    anonymousBytes: of("Anonymous"),
    anonymousHugeBytes: of("AnonHugePages"),
    hugetlbBytes: of("Private_Hugetlb") + of("Shared_Hugetlb"),
  };
}

export function readSmaps(pid: number): Result<SmapsEntry[]> {
  const text = readProcessFile(pid, "smaps");
  return text.ok ? succeed(parseSmaps(text.value)) : text;
}

/**
 * Totals of smaps_rollup (Linux 4.14 and later), else the sum of smaps. The kernel walks every page table for it: about
 * 40 ms for each GiB of 4 KiB pages.
 */
export function readSmapsTotals(pid: number): Result<SmapsTotals> {
  const rollup = readProcessFile(pid, "smaps_rollup");
  if (rollup.ok) return succeed(parseSmapsTotals(rollup.value));
  const text = readProcessFile(pid, "smaps");
  return text.ok ? succeed(parseSmapsTotals(text.value)) : text;
}

function entryOf(header: RegExpExecArray, body: string): SmapsEntry {
  const bytes = parseKilobyteLines(body);
  const of = (name: string): number => bytes.get(name) ?? 0;
  return {
    start: Number.parseInt(header[1], 16),
    end: Number.parseInt(header[2], 16),
    residentBytes: of("Rss"),
    swappedBytes: of("Swap"),
    hugetlbBytes: of("Private_Hugetlb") + of("Shared_Hugetlb"),
    anonymousHugeBytes: of("AnonHugePages"),
    flags: (/^VmFlags: (.*)$/m.exec(body)?.[1] ?? "").trim().split(" "),
  };
}
