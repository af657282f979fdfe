import type { PymallocTables } from "../snapshot/tables.ts";

/** Resident bytes of all arenas by use; the five parts sum to `residentBytes`. */
export interface PymallocSummary {
  readonly arenas: number;
  readonly poolBytes: number;
  /** Address space of all arenas. */
  readonly bytes: number;
  readonly residentBytes: number;
  /** Blocks in use, without what rounding to the block size costs. */
  readonly inUseBytes: number;
  readonly roundingBytes: number;
  /** Pool headers and tails. */
  readonly headerBytes: number;
  /** Free blocks of pools in use. */
  readonly freeBlockBytes: number;
  /** Pools without a block in use. */
  readonly emptyPoolBytes: number;
  /** Σ nfreepools. */
  readonly unusedPools: number;
}

/** One block size, counted as sys._debugmallocstats() counts it. */
export interface SizeClass {
  readonly blockBytes: number;
  readonly pools: number;
  readonly usedBlocks: number;
  /** Never carved blocks included. */
  readonly freeBlocks: number;
  /** Resident bytes of the blocks in use, rounding included. */
  readonly inUseResidentBytes: number;
  /** Resident bytes of the free ones. */
  readonly freeResidentBytes: number;
}

/** Blocks that a pool has room for (CPython Objects/obmalloc.c NUMBLOCKS, 3.6–3.13). */
export function blocksPerPool(pymalloc: PymallocTables, blockBytes: number): number {
  return Math.floor((pymalloc.poolBytes - pymalloc.poolHeaderBytes) / blockBytes);
}

/** Block bytes of a size class (CPython Objects/obmalloc.c INDEX2SIZE). */
export function blockBytesOf(pymalloc: PymallocTables, sizeClass: number): number {
  return (sizeClass + 1) * pymalloc.alignment;
}

/** Sums over arenas and pools. O(arenas + pools). */
export function summarisePymalloc(pymalloc: PymallocTables): PymallocSummary {
  const { arenas, pools } = pymalloc;
  const inUseBytes =
    total(pools.objectBytes, pools.length) +
    total(pools.freeListBytes, pools.length) +
    total(pools.runtimeBytes, pools.length) +
    total(pools.unownedBytes, pools.length);
  const roundingBytes = total(pools.roundingBytes, pools.length);
  const headerBytes = total(pools.headerBytes, pools.length);
  const freeBlockBytes = total(pools.freeBytes, pools.length);
  const residentBytes = total(arenas.residentBytes, arenas.length);
  return {
    arenas: arenas.length,
    poolBytes: pymalloc.poolBytes,
    bytes: total(arenas.bytes, arenas.length),
    residentBytes,
    inUseBytes,
    roundingBytes,
    headerBytes,
    freeBlockBytes,
    emptyPoolBytes: residentBytes - inUseBytes - roundingBytes - headerBytes - freeBlockBytes,
    unusedPools: total(arenas.freePools, arenas.length),
  };
}

/** The block sizes that have a pool in use, ascending. O(pools). */
export function sizeClassesOf(pymalloc: PymallocTables): SizeClass[] {
  const pools = new Float64Array(256);
  const used = new Float64Array(256);
  const inUseBytes = new Float64Array(256);
  const freeBytes = new Float64Array(256);
  const table = pymalloc.pools;
  for (let pool = 0; pool < table.length; pool++) {
    const sizeClass = table.sizeClass[pool];
    pools[sizeClass]++;
    used[sizeClass] += table.usedBlocks[pool];
    inUseBytes[sizeClass] +=
      table.objectBytes[pool] +
      table.freeListBytes[pool] +
      table.runtimeBytes[pool] +
      table.unownedBytes[pool] +
      table.roundingBytes[pool];
    freeBytes[sizeClass] += table.freeBytes[pool];
  }
  const classes: SizeClass[] = [];
  for (let sizeClass = 0; sizeClass < pools.length; sizeClass++) {
    if (pools[sizeClass] === 0) continue;
    const blockBytes = blockBytesOf(pymalloc, sizeClass);
    classes.push({
      blockBytes,
      pools: pools[sizeClass],
      usedBlocks: used[sizeClass],
      freeBlocks: pools[sizeClass] * blocksPerPool(pymalloc, blockBytes) - used[sizeClass],
      inUseResidentBytes: inUseBytes[sizeClass],
      freeResidentBytes: freeBytes[sizeClass],
    });
  }
  return classes;
}

/** Share of each arena's bytes that blocks in use take, 0 to 1, by arena. O(arenas + pools). */
export function arenaFill(pymalloc: PymallocTables): Float64Array {
  const fill = new Float64Array(pymalloc.arenas.length);
  const { pools } = pymalloc;
  for (let pool = 0; pool < pools.length; pool++) {
    fill[pools.arena[pool]] += pools.usedBlocks[pool] * blockBytesOf(pymalloc, pools.sizeClass[pool]);
  }
  return fill.map((bytes, arena) => Math.min(1, bytes / pymalloc.arenas.bytes[arena]));
}

function total(column: { readonly [index: number]: number }, length: number): number {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += column[index];
  return sum;
}
