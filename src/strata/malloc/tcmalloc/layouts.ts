/**
 * Layouts of gperftools' tcmalloc on x86-64 with pages of 8 KiB, 2.8 to 2.18 (src/span.h, pagemap.h, thread_cache.h,
 * central_freelist.h, common.cc). Google's other tcmalloc, the one without gperftools, has nothing of this.
 */

/** kPageShift. Other sizes of page are a choice at compile time that distributions leave alone. */
export const SPAN_PAGE_BYTES = 8192;

/** TCMalloc_PageMap2<35>: a root in static data, leaves of pointers to spans. */
export const PAGE_MAP = { rootEntries: 2 ** 17, leafEntries: 2 ** 18 } as const;

/** struct Span. `bits` holds refcount:16, sizeclass:8, location:2. */
export const SPAN = { firstPage: 0, pages: 8, objects: 32, bits: 40, bytes: 48 } as const;

/** Span::location. */
export const SpanLocation = { inUse: 0, normal: 1, returned: 2 } as const;

/** SizeMap::class_to_size_: 32-bit sizes, ascending from class 1 up to kMaxSize, the same in every build with these pages. */
export const CLASS_TABLE = { entryBytes: 4, first: 8, second: 16, last: 256 * 1024, fewest: 32, most: 128 } as const;

/** ThreadCache: a free list for each class, then accounts, then the links between caches at an offset that depends on the build. */
export const THREAD_CACHE = {
  listBytes: 32,
  list: 0,
  length: 8,
  size: 24,
  /** The lists end here (kClassSizesMax of them). */
  listsEnd: 4096,
  /** The links are found within so many bytes behind. */
  tailBytes: 192,
} as const;

/** CentralFreeList, relative to `size_class_`: the lock before it, the transfer slots and their number behind it. */
export const CENTRAL_LIST = { lock: -8, slots: 120, slotBytes: 16, mostSlots: 64, usedSlots: 1144, bytes: 1160 } as const;

/** kMetadataAllocChunkSize: spans, leaves and thread caches are cut from pieces of this size. */
export const METADATA_CHUNK_BYTES = 8 * 2 ** 20;
