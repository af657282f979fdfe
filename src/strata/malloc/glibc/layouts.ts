/**
 * Layouts of glibc's malloc on x86-64 as rows of data; which row holds is detected in the target, never taken from a
 * version string. Source: glibc malloc/malloc.c and malloc/arena.c, tags 2.17 to 2.43.
 */

/** First and last minor version (2.x) with a layout, both included. */
export interface VersionRange {
  readonly first: number;
  readonly last: number;
}

/** Offsets in `struct malloc_state`, an arena. */
export interface ArenaLayout {
  readonly versions: VersionRange;
  readonly flags: number;
  /** fastbinsY, where there are fastbins. */
  readonly fastBins: number | undefined;
  readonly top: number;
  readonly bins: number;
  readonly next: number;
  readonly attachedThreads: number | undefined;
  readonly systemBytes: number;
  readonly maxSystemBytes: number;
  /** sizeof(struct malloc_state) */
  readonly bytes: number;
}

const OLDEST_MINOR = 12;
const NEWEST_MINOR = 43;

export const ARENA_LAYOUTS: readonly ArenaLayout[] = [
  {
    versions: { first: 43, last: NEWEST_MINOR },
    flags: 4,
    fastBins: undefined,
    top: 8,
    bins: 24,
    next: 2072,
    attachedThreads: 2088,
    systemBytes: 2096,
    maxSystemBytes: 2104,
    bytes: 2112,
  },
  {
    versions: { first: 27, last: 42 },
    flags: 4,
    fastBins: 16,
    top: 96,
    bins: 112,
    next: 2160,
    attachedThreads: 2176,
    systemBytes: 2184,
    maxSystemBytes: 2192,
    bytes: 2200,
  },
  {
    versions: { first: 23, last: 26 },
    flags: 4,
    fastBins: 8,
    top: 88,
    bins: 104,
    next: 2152,
    attachedThreads: 2168,
    systemBytes: 2176,
    maxSystemBytes: 2184,
    bytes: 2192,
  },
  {
    versions: { first: OLDEST_MINOR, last: 22 },
    flags: 4,
    fastBins: 8,
    top: 88,
    bins: 104,
    next: 2152,
    attachedThreads: undefined,
    systemBytes: 2168,
    maxSystemBytes: 2176,
    bytes: 2184,
  },
];

/** Offsets in `struct malloc_par`, the global `mp_`. */
export interface ParametersLayout {
  readonly versions: VersionRange;
  readonly trimThreshold: number;
  readonly topPad: number;
  readonly mmapThreshold: number;
  readonly arenaTest: number;
  readonly arenaMax: number;
  /** int: mapped chunks now. */
  readonly mappedCount: number;
  /** int: M_MMAP_MAX. */
  readonly mappedCountLimit: number;
  readonly maxMappedCount: number;
  readonly noDynamicThreshold: number;
  readonly mappedBytes: number;
  readonly maxMappedBytes: number;
  /** Where the first sbrk of malloc began. */
  readonly firstBreak: number;
  readonly cacheBins: number | undefined;
  readonly cacheCount: number | undefined;
  readonly bytes: number;
}

const THRESHOLDS = { trimThreshold: 0, topPad: 8, mmapThreshold: 16, arenaTest: 24, arenaMax: 32 } as const;
const COUNTS_BEFORE_HUGE_PAGES = { mappedCount: 40, mappedCountLimit: 44, maxMappedCount: 48, noDynamicThreshold: 52 } as const;

export const PARAMETERS_LAYOUTS: readonly ParametersLayout[] = [
  {
    versions: { first: 43, last: NEWEST_MINOR },
    ...THRESHOLDS,
    mappedCount: 68,
    mappedCountLimit: 72,
    maxMappedCount: 76,
    noDynamicThreshold: 80,
    mappedBytes: 88,
    maxMappedBytes: 96,
    firstBreak: 104,
    cacheBins: 112,
    cacheCount: 128,
    bytes: 144,
  },
  {
    versions: { first: 35, last: 42 },
    ...THRESHOLDS,
    mappedCount: 60,
    mappedCountLimit: 64,
    maxMappedCount: 68,
    noDynamicThreshold: 72,
    mappedBytes: 80,
    maxMappedBytes: 88,
    firstBreak: 96,
    cacheBins: 104,
    cacheCount: 120,
    bytes: 136,
  },
  {
    versions: { first: 26, last: 34 },
    ...THRESHOLDS,
    ...COUNTS_BEFORE_HUGE_PAGES,
    mappedBytes: 56,
    maxMappedBytes: 64,
    firstBreak: 72,
    cacheBins: 80,
    cacheCount: 96,
    bytes: 112,
  },
  {
    versions: { first: 24, last: 25 },
    ...THRESHOLDS,
    ...COUNTS_BEFORE_HUGE_PAGES,
    mappedBytes: 56,
    maxMappedBytes: 64,
    firstBreak: 72,
    cacheBins: undefined,
    cacheCount: undefined,
    bytes: 80,
  },
  {
    // max_total_mem stands between max_mmapped_mem and sbrk_base
    versions: { first: OLDEST_MINOR, last: 23 },
    ...THRESHOLDS,
    ...COUNTS_BEFORE_HUGE_PAGES,
    mappedBytes: 56,
    maxMappedBytes: 64,
    firstBreak: 80,
    cacheBins: undefined,
    cacheCount: undefined,
    bytes: 88,
  },
];

/** `struct tcache_perthread_struct`, which lives in a chunk of its own. */
export interface CacheLayout {
  readonly versions: VersionRange;
  /** Bytes of the chunk that holds it. */
  readonly chunkBytes: number;
  readonly bins: number;
  /** Bins for one chunk size each; the others hold ranges of sizes. */
  readonly exactBins: number;
  /** Bytes of one count. */
  readonly countBytes: 1 | 2;
  /** The count says how many more fit, not how many there are. */
  readonly countsRemaining: boolean;
  /** Offset of the list heads. */
  readonly entries: number;
}

export const CACHE_LAYOUTS: readonly CacheLayout[] = [
  {
    versions: { first: 42, last: NEWEST_MINOR },
    chunkBytes: 0x300,
    bins: 76,
    exactBins: 64,
    countBytes: 2,
    countsRemaining: true,
    entries: 152,
  },
  {
    versions: { first: 30, last: 41 },
    chunkBytes: 0x290,
    bins: 64,
    exactBins: 64,
    countBytes: 2,
    countsRemaining: false,
    entries: 128,
  },
  {
    versions: { first: 26, last: 29 },
    chunkBytes: 0x250,
    bins: 64,
    exactBins: 64,
    countBytes: 1,
    countsRemaining: false,
    entries: 64,
  },
];

/** Links of fastbins and thread caches are xor-ed with their own position >> 12 from this version on. */
export const SAFE_LINKING_VERSIONS: VersionRange = { first: 32, last: NEWEST_MINOR };
export const PLAIN_LINKING_VERSIONS: VersionRange = { first: OLDEST_MINOR, last: 31 };

/** Offsets in `struct malloc_chunk`. */
export const CHUNK = {
  previousBytes: 0,
  size: 8,
  forward: 16,
  backward: 24,
  /** Bytes from a chunk's first byte to the pointer that malloc returns. */
  header: 16,
  /** Bytes of the next chunk that a chunk in use may write: the next one's prev_size. */
  borrowed: 8,
  minimum: 32,
  alignment: 16,
  fencepost: 16,
} as const;

/** Low bits of a chunk's size. */
export const ChunkFlag = { previousInUse: 1, mapped: 2, otherArena: 4, all: 7 } as const;

/** bins[NBINS * 2 - 2] as pairs (fd, bk); bin 1 is the unsorted one. */
export const BIN_PAIRS = 127;
export const BIN_PAIR_BYTES = 16;
export const FAST_BINS = 10;
export const FAST_BIN_STEP_BYTES = 16;
/** Bit of `flags` of an arena whose memory is not one piece. */
export const NON_CONTIGUOUS = 2;

/** Offsets in `heap_info`, at the start of each heap of a thread's arena. */
export const HEAP_INFO = { arena: 0, previous: 8, bytes: 16 } as const;
/** sizeof(heap_info) where it tells versions apart; it is read off the address of an arena. */
export const HEAP_INFO_BYTES_BEFORE_35 = 0x20;
/** HEAP_MAX_SIZE: 64 MiB, or four huge pages with glibc.malloc.hugetlb=2; heaps are aligned to it. */
export const HEAP_RESERVES: readonly number[] = [64 * 2 ** 20, 8 * 2 ** 20, 4 * 2 ** 30];

/** Offsets in the thread control block (sysdeps/x86_64/nptl/tls.h, nptl/descr.h). */
export const THREAD_BLOCK = { self: 0, selfAgain: 16, tid: 0x2d0, alignment: 64 } as const;

/** The versions that all of `ranges` allow, such as "2.35–2.41"; "2.x" when they contradict each other. */
export function describeVersions(ranges: readonly VersionRange[]): string {
  const first = Math.max(...ranges.map((range) => range.first));
  const last = Math.min(...ranges.map((range) => range.last));
  if (first > last) return "2.x";
  if (first === last) return last === NEWEST_MINOR ? `2.${first} or later` : `2.${first}`;
  return first === OLDEST_MINOR ? `2.${last} or earlier` : `2.${first}–2.${last}`;
}
