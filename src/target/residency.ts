import { closeSync, openSync, readSync } from "node:fs";
import { Float64Column, Uint8Column } from "../base/columns.ts";
import { PageSet } from "../base/page-set.ts";
import { type Result, succeed } from "../base/result.ts";
import { GIB, PAGE_BYTES } from "../base/units.ts";
import type { Mapping } from "./mapping.ts";
import { Errno, type NativeCalls } from "./native.ts";
import { type PageWalk, pageWalks } from "./page-walks.ts";
import { explainProcError } from "./proc/proc-file.ts";
import { readSmaps } from "./proc/smaps.ts";
import { type PageRuns, PageState } from "./process-image.ts";

const TWO_32 = 2 ** 32;

/** PAGEMAP_SCAN, _IOWR('f', 16, struct pm_scan_arg) (include/uapi/linux/fs.h, Linux 6.7 and later). */
const PAGEMAP_SCAN = 0xc0606610;
/** Categories of a page (PAGE_IS_…, include/uapi/linux/fs.h); guard is known since Linux 6.15. */
const Category = { file: 4, present: 8, swapped: 16, zero: 32, huge: 64, guard: 256 } as const;
/** 64-bit fields of struct pm_scan_arg, by index. */
const ScanField = {
  size: 0,
  flags: 1,
  start: 2,
  end: 3,
  walkEnd: 4,
  vector: 5,
  vectorLength: 6,
  anyOfMask: 10,
  returnMask: 11,
} as const;
const SCAN_ARGUMENT_BYTES = 96;
/** struct page_region { u64 start, end, categories } as 32-bit words. */
const REGION_WORDS = 6;
const REGIONS_PER_CALL = 16384;

/** Bits of the high word of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst). */
const EntryHigh = { present: 1 << 31, swapped: 1 << 30, fileOrShared: 1 << 29, guard: 1 << 26, exclusive: 1 << 24 } as const;
const ENTRY_BYTES = 8;
const ENTRIES_PER_READ = 65536;
const LARGE_BYTES = GIB;

/** Reads from the page table of a process which pages are there. About 3 ms for each GiB of 4 KiB pages. */
export class ResidencyScanner {
  private readonly argument = new Uint32Array(SCAN_ARGUMENT_BYTES / 4);
  private readonly regions = new Uint32Array(REGIONS_PER_CALL * REGION_WORDS);
  private readonly entries = new Uint32Array(ENTRIES_PER_READ * 2);
  /** Categories to ask for; 0 where the kernel has no PAGEMAP_SCAN. */
  private categories: number;

  private constructor(
    private readonly pid: number,
    private readonly fd: number,
    private readonly native: NativeCalls | undefined,
  ) {
    this.categories = native ? this.supportedCategories() : 0;
  }

  /** Fails with `no-such-process` or `not-permitted` as the kernel does for /proc/PID/pagemap. */
  static open(pid: number, native: NativeCalls | undefined): Result<ResidencyScanner> {
    try {
      return succeed(new ResidencyScanner(pid, openSync(`/proc/${pid}/pagemap`, "r"), native));
    } catch (error) {
      return explainProcError(pid, "pagemap", error);
    }
  }

  /** True where the kernel has PAGEMAP_SCAN, which tells zero pages apart; otherwise they look like any other present page. */
  get knowsZeroPages(): boolean {
    return this.categories !== 0;
  }

  /**
   * The touched pages of `mappings`; each run lies within one mapping. Throws a system error when the process is gone.
   */
  scan(mappings: readonly Mapping[]): PageRuns {
    if (this.categories !== 0) {
      const builder = new PageRunsBuilder();
      if (pageWalks(mappings).every((walk) => this.scanWalk(mappings, walk, builder))) return builder.finish();
    }
    return this.readAll(mappings);
  }

  close(): void {
    closeSync(this.fd);
  }

  /** Asks about nothing: an unknown category or command is refused before any work is done. */
  private supportedCategories(): number {
    const known = Category.file | Category.present | Category.swapped | Category.zero | Category.huge;
    for (const categories of [known | Category.guard, known]) {
      if (this.call(0, PAGE_BYTES, categories) >= 0) return categories;
    }
    return 0;
  }

  private call(start: number, end: number, categories: number): number {
    if (!this.native) return -Errno.ENOTTY;
    const set = (field: number, value: number): void => {
      this.argument[field * 2] = value % TWO_32;
      this.argument[field * 2 + 1] = Math.floor(value / TWO_32);
    };
    set(ScanField.size, SCAN_ARGUMENT_BYTES);
    set(ScanField.start, start);
    set(ScanField.end, end);
    set(ScanField.vector, this.native.addressOf(this.regions));
    set(ScanField.vectorLength, REGIONS_PER_CALL);
    set(ScanField.anyOfMask, categories & (Category.present | Category.swapped));
    set(ScanField.returnMask, categories);
    return this.native.ioctl(this.fd, PAGEMAP_SCAN, this.native.addressOf(this.argument));
  }

  /** Many mappings at once, since a region may span them; false when the kernel gave up. */
  private scanWalk(mappings: readonly Mapping[], walk: PageWalk, builder: PageRunsBuilder): boolean {
    const { end } = mappings[walk.end - 1];
    const categories = walk.anonymous ? this.categories & ~Category.file : this.categories;
    let current = walk.first;
    for (let start = mappings[walk.first].start; start < end; ) {
      const count = this.call(start, end, categories);
      if (count < 0) return false;
      for (let region = 0; region < count; region++) {
        const word = region * REGION_WORDS;
        const from = this.regions[word] + this.regions[word + 1] * TWO_32;
        const to = this.regions[word + 2] + this.regions[word + 3] * TWO_32;
        while (current < walk.end && mappings[current].end <= from) current++;
        for (let at = current; at < walk.end && mappings[at].start < to; at++) {
          const mapping = mappings[at];
          const state = stateOfCategories(this.regions[word + 4], mapping);
          builder.add(Math.max(from, mapping.start), Math.min(to, mapping.end), state, mapping.start);
        }
      }
      // A walk that fills several of the kernel's own buffers of 512 regions reports where the last full one ended, not where
      // it ended itself (fs/proc/task_mmu.c do_pagemap_scan, Linux 6.7 to 6.18): only a full vector means that there is more.
      if (count < REGIONS_PER_CALL) return true;
      const walkEnd = this.argument[ScanField.walkEnd * 2] + this.argument[ScanField.walkEnd * 2 + 1] * TWO_32;
      if (walkEnd <= start) return false;
      start = walkEnd;
    }
    return true;
  }

  /** Entry by entry: 8 bytes for each page, touched or not, so that large reservations are worth a question first. */
  private readAll(mappings: readonly Mapping[]): PageRuns {
    const builder = new PageRunsBuilder();
    const large = mappings.some(({ start, end }) => end - start >= LARGE_BYTES);
    const empty = large ? this.emptyMappings() : new Set<number>();
    for (const mapping of mappings) {
      if (mapping.end - mapping.start < LARGE_BYTES || !empty.has(mapping.start)) this.readEntries(mapping, builder);
    }
    return builder.finish();
  }

  /** Starts of the mappings in which smaps counts nothing. */
  private emptyMappings(): ReadonlySet<number> {
    const smaps = readSmaps(this.pid);
    const entries = smaps.ok ? smaps.value : [];
    return new Set(
      entries
        .filter(({ residentBytes, swappedBytes, hugetlbBytes }) => residentBytes + swappedBytes + hugetlbBytes === 0)
        .map(({ start }) => start),
    );
  }

  private readEntries(mapping: Mapping, builder: PageRunsBuilder): void {
    for (let start = mapping.start; start < mapping.end; ) {
      const wanted = Math.min((mapping.end - start) / PAGE_BYTES, ENTRIES_PER_READ);
      const got = Math.floor(
        readSync(this.fd, this.entries, 0, wanted * ENTRY_BYTES, (start / PAGE_BYTES) * ENTRY_BYTES) / ENTRY_BYTES,
      );
      if (got === 0) return;
      for (let first = 0; first < got; ) {
        const state = stateOfEntry(this.entries[first * 2 + 1], mapping);
        let last = first + 1;
        while (last < got && stateOfEntry(this.entries[last * 2 + 1], mapping) === state) last++;
        if (state !== 0) builder.add(start + first * PAGE_BYTES, start + last * PAGE_BYTES, state, mapping.start);
        first = last;
      }
      start += got * PAGE_BYTES;
    }
  }
}

function stateOfCategories(categories: number, mapping: Mapping): number {
  let state = 0;
  if (categories & Category.present) state |= PageState.present;
  if (categories & Category.guard) state |= PageState.guard;
  else if (categories & Category.swapped) state |= PageState.swapped;
  if (categories & Category.file) state |= PageState.fileOrShared;
  if (categories & Category.zero) state |= PageState.zero;
  if (categories & Category.huge) state |= PageState.huge;
  return isCounted(state, mapping) ? state | PageState.counted : state;
}

function stateOfEntry(high: number, mapping: Mapping): number {
  let state = 0;
  if (high & EntryHigh.present) state |= PageState.present;
  if (high & EntryHigh.guard) state |= PageState.guard;
  else if (high & EntryHigh.swapped) state |= PageState.swapped;
  if (state === 0) return 0;
  if (high & EntryHigh.fileOrShared) state |= PageState.fileOrShared;
  if (high & EntryHigh.exclusive) state |= PageState.exclusive;
  return isCounted(state, mapping) ? state | PageState.counted : state;
}

/**
 * Whether smaps counts such a page in Rss, as far as the page table tells: it counts what vm_normal_page knows
 * (mm/memory.c), so neither zero pages nor pages that a driver put in place, and hugetlb pages apart.
 */
function isCounted(state: number, mapping: Mapping): boolean {
  if (!(state & PageState.present) || state & PageState.zero) return false;
  if (mapping.path.startsWith("[vvar") || mapping.path.startsWith("/anon_hugepage")) return false;
  // A shared mapping has no anonymous pages: what is not a page of its file is not a page of the kernel's at all.
  return mapping.permissions[3] !== "s" || (state & PageState.fileOrShared) !== 0;
}

/** Collects runs in ascending order; neighbours of one mapping in the same state become one run. */
export class PageRunsBuilder {
  private readonly starts = new Float64Column();
  private readonly ends = new Float64Column();
  private readonly states = new Uint8Column();
  private lastEnd = -1;
  private lastState = 0;
  private lastMapping = -1;

  /** @param mapping start of the mapping that the run lies in */
  add(start: number, end: number, state: number, mapping: number): void {
    if (end <= start) return;
    if (start === this.lastEnd && state === this.lastState && mapping === this.lastMapping) {
      this.ends.view()[this.ends.length - 1] = end;
    } else {
      this.starts.push(start);
      this.ends.push(end);
      this.states.push(state);
    }
    this.lastEnd = end;
    this.lastState = state;
    this.lastMapping = mapping;
  }

  finish(): PageRuns {
    return { length: this.starts.length, start: this.starts.view(), end: this.ends.view(), state: this.states.view() };
  }
}

/** Bytes of the runs whose state has all bits of `mask`. */
export function bytesInState(runs: PageRuns, mask: number): number {
  let bytes = 0;
  for (let run = 0; run < runs.length; run++) {
    if ((runs.state[run] & mask) === mask) bytes += runs.end[run] - runs.start[run];
  }
  return bytes;
}

/** The pages that make up Rss. */
export function countedPages(runs: PageRuns): PageSet {
  const pages = new PageSet();
  for (let run = 0; run < runs.length; run++) {
    if (runs.state[run] & PageState.counted) pages.addRange(runs.start[run], runs.end[run]);
  }
  return pages;
}
