/**
 * Layout of pymalloc's own structures: the same in CPython 2.7 to 3.15 (Objects/obmalloc.c,
 * Include/internal/pycore_obmalloc.h), which is why they are no part of the tables per version.
 */

/** struct arena_object */
export const ArenaObject = {
  address: 0,
  poolAddress: 8,
  freePools: 16,
  totalPools: 20,
  freePoolList: 24,
  nextArena: 32,
  bytes: 48,
} as const;

/** struct pool_header; blocks begin right after it. */
export const PoolHeader = {
  usedBlocks: 0,
  freeBlock: 8,
  nextPool: 16,
  arenaIndex: 32,
  sizeClass: 36,
  nextOffset: 40,
  maxNextOffset: 44,
  bytes: 48,
} as const;

/** Requests above it go to malloc. */
export const LARGEST_BLOCK_BYTES = 512;

/** Bytes of a pool: one page up to 3.9, four from 3.10 (radix tree instead of address_in_range). */
export const POOL_SIZES = [4096, 16384] as const;

/** Bytes of an arena: up to 3.9, from 3.10, and with huge pages (3.15). */
export const ARENA_SIZES = [256 * 1024, 1024 * 1024, 2 * 1024 * 1024] as const;

/** Entries of a new table of arenas; it doubles when full. */
export const INITIAL_ARENA_OBJECTS = 16;

/** Bits of an address below the entries of the arena map: its leaves have an entry for each 1 MiB. */
export const ARENA_MAP_UNIT_BITS = 20;
/** A leaf entry is a pair of 32-bit numbers. */
export const ARENA_MAP_LEAF_ENTRY_BYTES = 8;
export const ARENA_MAP_POINTER_BYTES = 8;
