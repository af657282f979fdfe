/**
 * Layout of jemalloc 5.3 on x86-64: include/jemalloc/internal/edata.h, rtree.h, base.h, cache_bin.h, tcache_structs.h, sc.h,
 * with pages of 4 KiB, 48 bits of address and statistics, as distributions build it. What differs from that fails to verify.
 */

/** Versions that have this layout. */
export const VERSIONS = "5.3";

/** rtree_t: a root in static data, leaves that tell 1 GiB each, an entry a page. */
export const RADIX_TREE = { entries: 2 ** 18, entryBytes: 8, levelBits: 18 } as const;

/** rtree_leaf_elm_t packs size class:8 from bit 48, descriptor in bits 47–7, state:3 from bit 2, head:1, slab:1. */
export const LEAF_ENTRY = { descriptorMask: ~0x7f, highMask: 0xffff, sizeClassShift: 16, slabMask: 1 } as const;

/** edata_t, aligned to its size. A large allocation begins at a random cache line of its first page: `allocation` is where. */
export const DESCRIPTOR = { bits: 0, allocation: 8, size: 16, bitmap: 64, bytes: 128 } as const;

/** Fields of the first word of edata_t: bit and width. */
export const DESCRIPTOR_BITS = {
  arena: { bit: 0, width: 12 },
  slab: { bit: 12, width: 1 },
  state: { bit: 17, width: 3 },
  sizeClass: { bit: 20, width: 8 },
  free: { bit: 28, width: 10 },
} as const;

/** extent_state_t; later ones are extents on their way from one to another. */
export const ExtentState = { active: 0, dirty: 1, muzzy: 2, retained: 3 } as const;

/** base_block_t: its size, the block before it, and a descriptor of what is left at its end. */
export const BASE_BLOCK = { alignment: 2 ** 21, size: 0, next: 8, freeStart: 24, freeBytes: 32, bytes: 144 } as const;

/** base_t, behind the header of a base's first block; begins with its arena's number. */
export const BASE = { offset: 192, arena: 0, mostBytes: 2 ** 18 } as const;

/** tcache_slow_t, linked in a ring by arena. */
export const CACHE_LINK = { next: 0, bins: 32, arena: 40 } as const;

/** tcache_t: a pointer back to its tcache_slow_t, then its bins. */
export const CACHE = { link: 0, bins: 8, mostBins: 73 } as const;

/** cache_bin_t: a stack of pointers that grows down; where it ends is known by 16 low bits. */
export const CACHE_BIN = { head: 0, lowFull: 18, lowEmpty: 20, bytes: 24 } as const;

/** SC_NBINS: sizes that share slabs; larger ones have pages of their own. */
export const SMALL_CLASSES = 36;
/** SC_SLAB_MAXREGS. */
export const MOST_REGIONS = 512;

/** Sizes up to here are 8, 16 and then multiples of 16; above there are four to a doubling (SC_LG_NGROUP). */
const FIRST_CLASSES = [8, 16, 32, 48, 64];
const LARGEST_CLASS_LOG2 = 46;

/** Bytes of an allocation by size class (sc.c). */
export const CLASS_BYTES: Float64Array = classBytes();

function classBytes(): Float64Array {
  const bytes = [...FIRST_CLASSES];
  for (let log2 = 6; log2 < LARGEST_CLASS_LOG2; log2++) {
    for (let quarter = 1; quarter <= 4; quarter++) bytes.push(2 ** log2 + quarter * 2 ** (log2 - 2));
  }
  return Float64Array.from(bytes);
}
