import type { PageSet } from "../base/page-set.ts";
import type { Problem } from "../base/problems.ts";
import type { Mapping } from "./mapping.ts";
import type { MemoryImage } from "./memory-image.ts";

/** Bits of a page run's state. */
export const PageState = {
  /** Present in the page table. */
  present: 1,
  /** Present and counted in Rss: not the shared zero page, not a device or vvar page. */
  counted: 2,
  swapped: 4,
  /** Page of a file or of shared memory (pagemap bit 61). */
  fileOrShared: 8,
  /** Mapped by this process only (pagemap bit 56); known only where the page table was read entry by entry. */
  exclusive: 16,
  zero: 32,
  huge: 64,
  /** Guard page inside a mapping (pagemap bit 58); never read. */
  guard: 128,
} as const;

/** Runs of pages in the same state, ascending and disjoint; pages in no run were never touched. */
export interface PageRuns {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** `PageState` bits. */
  readonly state: Uint8Array;
}

/** What the kernel says about the whole process, in bytes; from smaps_rollup inside the stop, except as noted. */
export interface MemoryTotals {
  /** Rss of smaps_rollup: the ledger's total. */
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  /** Private_Clean + Private_Dirty. */
  readonly uniqueBytes: number;
  readonly privateDirtyBytes: number;
  readonly swappedBytes: number;
  readonly anonymousBytes: number;
  readonly anonymousHugeBytes: number;
  /** Shared_Hugetlb + Private_Hugetlb: outside Rss. */
  readonly hugetlbBytes: number;
  /** VmSize, VmHWM, VmPTE of status. */
  readonly virtualBytes: number;
  readonly peakResidentBytes: number;
  readonly pageTableBytes: number;
  /** Of stat, cumulative. */
  readonly minorFaults: number;
  readonly majorFaults: number;
}

/** A thread as the kernel sees it at the stop. */
export interface KernelThread {
  readonly tid: number;
  /** comm; hostile text. */
  readonly name: string;
  /** Registers, where they could be read: by ptrace, or rsp and rip from /proc/PID/task/TID/syscall. */
  readonly stackPointer: number | undefined;
  readonly instructionPointer: number | undefined;
  /** Base of the thread's control block (fs), by ptrace only. */
  readonly threadPointer: number | undefined;
}

/** How the copy was made. */
export interface PauseRecord {
  /** Longest single stop, from the first request to the last resume. */
  readonly pausedMilliseconds: number;
  /** Sum of all stops. */
  readonly totalPausedMilliseconds: number;
  readonly attempts: number;
  readonly bytesCopied: number;
  readonly method: "ptrace" | "sigstop" | "already-stopped";
  readonly reader: "process_vm_readv" | "proc-mem";
  /** Pages that were present but could not be read. */
  readonly unreadPages: number;
  readonly swappedBytesNotRead: number;
  readonly spooled: boolean;
}

/** Everything that was taken of a process inside one stop. */
export interface ProcessImage {
  readonly pid: number;
  readonly mappings: readonly Mapping[];
  readonly pages: PageRuns;
  /** The pages that make up Rss. */
  readonly resident: PageSet;
  readonly totals: MemoryTotals;
  readonly threads: readonly KernelThread[];
  readonly image: MemoryImage;
  readonly pause: PauseRecord;
  readonly problems: readonly Problem[];
}
