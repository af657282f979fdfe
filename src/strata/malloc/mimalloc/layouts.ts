/**
 * Layouts of mimalloc 2 on x86-64: segments of 32 MiB, cut into slices of 64 KiB, runs of which are pages of equal blocks. Which row
 * holds is detected in the target. Source: mimalloc include/mimalloc-types.h and src/segment.c, v2.0.9 and v2.1.2.
 */

export const SEGMENT_BYTES = 32 * 2 ** 20;
export const SLICE_BYTES = 64 * 2 ** 10;
/** MI_SLICES_PER_SEGMENT */
export const SLICES_PER_SEGMENT = 512;
/** MI_HUGE_BLOCK_SIZE: a block of a page of its own, whose size the segment tells. */
export const HUGE_BLOCK_BYTES = 2 ** 31;
/** MI_SEGMENT_NORMAL, MI_SEGMENT_HUGE. */
export const SegmentKind = { normal: 0, huge: 1 } as const;
/** Low bits of `xthread_free` that are no part of the pointer (mi_delayed_t). */
export const DELAYED_FLAGS = 3;

/** Offsets in `mi_segment_t`. */
export interface SegmentLayout {
  readonly used: number;
  readonly cookie: number;
  readonly slices: number;
  readonly infoSlices: number;
  readonly kind: number;
  readonly sliceEntries: number;
  readonly threadId: number;
  readonly pages: number;
}

/** Offsets in `mi_page_t`, which is also `mi_slice_t`. */
export interface PageLayout {
  readonly sliceCount: number;
  readonly capacity: number;
  readonly reserved: number;
  readonly free: number;
  readonly used: number;
  readonly blockSize: number;
  readonly localFree: number;
  readonly threadFree: number;
  readonly heap: number;
  readonly bytes: number;
}

/** Offsets in `mi_heap_t`, a thread's. */
export interface HeapLayout {
  readonly delayedFree: number;
  readonly threadId: number;
  readonly cookie: number;
  /** sizeof(mi_thread_data_t): the heap of a thread other than the first, and what follows it in a mapping of its own. */
  readonly dataBytes: number;
}

export interface MimallocLayout {
  readonly versions: string;
  readonly segment: SegmentLayout;
  readonly page: PageLayout;
  readonly heap: HeapLayout;
  /** Bytes from the begin of a page to its first block, by size of its blocks. */
  readonly leadBytes: (blockBytes: number) => number;
}

const SEGMENT: SegmentLayout = {
  used: 208,
  cookie: 216,
  slices: 224,
  infoSlices: 232,
  kind: 240,
  sliceEntries: 248,
  threadId: 256,
  pages: 264,
};

const PAGE: PageLayout = {
  sliceCount: 0,
  capacity: 10,
  reserved: 12,
  free: 16,
  used: 24,
  blockSize: 28,
  localFree: 32,
  threadFree: 40,
  heap: 48,
  bytes: 80,
};

const HEAP: HeapLayout = { delayedFree: 2840, threadId: 2848, cookie: 2864, dataBytes: 4600 };

/** Three times MI_MAX_ALIGN_GUARANTEE. */
const LEAD_BYTES = 384;

function leadOf20(blockBytes: number): number {
  return blockBytes >= 8 && blockBytes <= 1024 ? LEAD_BYTES : 0;
}

function leadOf21(blockBytes: number): number {
  if (blockBytes < 8 || blockBytes > 512) return 0;
  return blockBytes <= 64 ? 3 * blockBytes : blockBytes;
}

export const MIMALLOC_LAYOUTS: readonly MimallocLayout[] = [
  { versions: "2.0", segment: SEGMENT, page: PAGE, heap: HEAP, leadBytes: leadOf20 },
  { versions: "2.1.0–2.1.2", segment: SEGMENT, page: PAGE, heap: HEAP, leadBytes: leadOf21 },
];
