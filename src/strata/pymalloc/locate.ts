import { roundUp, USER_SPACE_END } from "../../base/units.ts";
import type { MemoryReader } from "../../target/memory-reader.ts";
import type { MemoryWindow } from "../../target/memory-window.ts";
import type { ArenaMapLocation, ArenaMapShape } from "./location.ts";
import {
  ARENA_MAP_LEAF_ENTRY_BYTES,
  ARENA_MAP_POINTER_BYTES,
  ARENA_MAP_UNIT_BITS,
  ARENA_SIZES,
  ArenaObject,
  LARGEST_BLOCK_BYTES,
  POOL_SIZES,
  PoolHeader,
} from "./structures.ts";

const POINTER_BYTES = 8;
/** `usedpools` has two pointers for each size class. */
const CLASS_BYTES = 2 * POINTER_BYTES;
/** Size classes with 16-byte and with 8-byte alignment. */
const CLASS_COUNTS = [32, 64] as const;
/** Of the pools that `usedpools` names, how many must lie in an arena of a table: a running process may change one under our eyes. */
const REQUIRED_AGREEMENT = 0.75;
/** Classes of `usedpools` that must be empty or have a pool that could be read. */
const FEWEST_PROVEN_CLASSES = 8;

export interface UsedPools {
  readonly address: number;
  readonly alignment: number;
  /** First pool of each class that has one. */
  readonly samples: readonly number[];
}

/**
 * Finds `usedpools` in static data (up to 3.11, where it has no exported symbol) by what it must look like: for each class an
 * empty list, which points at itself minus the offset of `nextpool`, or pools of exactly that class.
 */
export function findUsedPools(reader: MemoryReader, windows: readonly MemoryWindow[]): UsedPools | undefined {
  for (const window of windows) {
    for (let address = window.start; address + CLASS_COUNTS[0] * CLASS_BYTES <= window.end; address += POINTER_BYTES) {
      if (!mayBeginUsedPools(window.pointer(address), address)) continue;
      const found = readUsedPools(reader, address);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/**
 * `usedpools` at a known address; undefined when what lies there is something else. A pool whose page could not be read (it is
 * swapped out, say) proves nothing, and is no sample.
 */
export function readUsedPools(reader: MemoryReader, address: number): UsedPools | undefined {
  const samples: number[] = [];
  let unread = 0;
  let classes = 0;
  for (; classes < CLASS_COUNTS[1]; classes++) {
    const entry = address + classes * CLASS_BYTES;
    const first = reader.u64(entry);
    if (isEmptyList(first, entry)) continue;
    if (!mayBePool(first)) break;
    if (isPoolOfClass(reader, first, classes)) samples.push(first);
    else if (isUnreadPool(reader, first)) unread++;
    else break;
  }
  if (classes < CLASS_COUNTS[0] || unread > CLASS_COUNTS[0] - FEWEST_PROVEN_CLASSES) return undefined;
  // What follows the 32 classes of 16-byte alignment never continues the pattern as far as 64.
  const count = classes >= CLASS_COUNTS[1] ? CLASS_COUNTS[1] : CLASS_COUNTS[0];
  return { address, alignment: LARGEST_BLOCK_BYTES / count, samples: samples.slice(0, count) };
}

interface KnownPool {
  readonly address: number;
  readonly arenaIndex: number;
  readonly poolBytes: number;
}

/**
 * Finds the static pointer to the table of arenas (up to 3.11) by the pools that are known: every pool names its arena's index,
 * and that entry of the table must hold the pool's address.
 *
 * @param mayPointTo filters pointers cheaply: true for memory that can come from malloc
 */
export function findArenasPointer(
  reader: MemoryReader,
  windows: readonly MemoryWindow[],
  { samples, alignment }: UsedPools,
  mayPointTo: (address: number) => boolean,
): number | undefined {
  if (samples.length === 0) return undefined;
  const known = samples.map((pool) => describePool(reader, pool, alignment));
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + POINTER_BYTES)) {
      const table = window.pointer(slot);
      if (mayPointTo(table) && holdsArenasOf(reader, table, known)) return slot;
    }
  }
  return undefined;
}

/** Finds the static top node of the arena map (3.10 and 3.11) by following it to the entries of known arenas. */
export function findArenaMap(
  reader: MemoryReader,
  windows: readonly MemoryWindow[],
  shape: ArenaMapShape,
  arenas: readonly number[],
  mayPointTo: (address: number) => boolean,
): ArenaMapLocation | undefined {
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + POINTER_BYTES)) {
      const middle = window.pointer(slot);
      if (!mayPointTo(middle)) continue;
      const address = slot - topIndex(shape, arenas[0]) * POINTER_BYTES;
      const map = { ...shape, address };
      if (address >= window.start && arenas.every((arena) => coversArena(reader, map, arena))) return map;
    }
  }
  return undefined;
}

/** Address of the leaf of the arena map that has the entry of `address`; 0 when there is none. */
export function arenaMapLeaf(reader: MemoryReader, map: ArenaMapLocation, address: number): number {
  const middle = arenaMapMiddle(reader, map, address);
  if (middle === 0) return 0;
  const leaf = reader.u64(middle + middleIndex(map, address) * ARENA_MAP_POINTER_BYTES);
  return isUserAddress(leaf) ? leaf : 0;
}

/** Address of the middle node on the way there; 0 when there is none. */
export function arenaMapMiddle(reader: MemoryReader, map: ArenaMapLocation, address: number): number {
  const middle = reader.u64(map.address + topIndex(map, address) * ARENA_MAP_POINTER_BYTES);
  return isUserAddress(middle) ? middle : 0;
}

function topIndex(shape: ArenaMapShape, address: number): number {
  return Math.floor(address / 2 ** (ARENA_MAP_UNIT_BITS + shape.leafBits + shape.middleBits)) % 2 ** shape.topBits;
}

function middleIndex(shape: ArenaMapShape, address: number): number {
  return Math.floor(address / 2 ** (ARENA_MAP_UNIT_BITS + shape.leafBits)) % 2 ** shape.middleBits;
}

/** An arena that is not aligned reaches into two entries: the first says where in its unit the arena begins, or -1. */
function coversArena(reader: MemoryReader, map: ArenaMapLocation, arena: number): boolean {
  const leaf = arenaMapLeaf(reader, map, arena);
  if (leaf === 0 || leaf % POINTER_BYTES !== 0) return false;
  const unit = 2 ** ARENA_MAP_UNIT_BITS;
  const entry = leaf + (Math.floor(arena / unit) % 2 ** map.leafBits) * ARENA_MAP_LEAF_ENTRY_BYTES;
  return reader.i32(entry) === (arena % unit === 0 ? -1 : arena % unit);
}

function mayBeginUsedPools(first: number, entry: number): boolean {
  return isEmptyList(first, entry) || mayBePool(first);
}

function mayBePool(address: number): boolean {
  return address % POOL_SIZES[0] === 0 && isUserAddress(address);
}

function isEmptyList(first: number, entry: number): boolean {
  return first === entry - PoolHeader.nextPool;
}

function isPoolOfClass(reader: MemoryReader, pool: number, sizeClass: number): boolean {
  return reader.u32(pool + PoolHeader.sizeClass) === sizeClass && reader.u32(pool + PoolHeader.usedBlocks) > 0;
}

function isUnreadPool(reader: MemoryReader, pool: number): boolean {
  return reader.u64(pool + PoolHeader.nextPool) === 0 && reader.u32(pool + PoolHeader.maxNextOffset) === 0;
}

function describePool(reader: MemoryReader, address: number, alignment: number): KnownPool {
  const blockBytes = (reader.u32(address + PoolHeader.sizeClass) + 1) * alignment;
  const poolBytes = reader.u32(address + PoolHeader.maxNextOffset) + blockBytes;
  return { address, arenaIndex: reader.u32(address + PoolHeader.arenaIndex), poolBytes };
}

function holdsArenasOf(reader: MemoryReader, table: number, pools: readonly KnownPool[]): boolean {
  // Nearly every pointer fails at once: do not look at all pools for it.
  if (!liesInItsArena(reader, table, pools[0]) && !liesInItsArena(reader, table, pools[pools.length - 1])) return false;
  const agreeing = pools.filter((pool) => liesInItsArena(reader, table, pool)).length;
  return agreeing >= pools.length * REQUIRED_AGREEMENT;
}

/** The entry must be an arena's through and through: with few pools known, an address that fits may be a coincidence. */
function liesInItsArena(reader: MemoryReader, table: number, { address, arenaIndex, poolBytes }: KnownPool): boolean {
  const entry = table + arenaIndex * ArenaObject.bytes;
  const arena = reader.u64(entry + ArenaObject.address);
  if (arena === 0 || arena > address || address >= arena + ARENA_SIZES[2]) return false;
  const totalPools = reader.u32(entry + ArenaObject.totalPools);
  const nextPool = reader.u64(entry + ArenaObject.poolAddress);
  return (
    ARENA_SIZES.some((bytes) => totalPools === bytes / poolBytes || totalPools === bytes / poolBytes - 1) &&
    nextPool > address &&
    nextPool <= roundUp(arena, poolBytes) + totalPools * poolBytes &&
    reader.u32(entry + ArenaObject.freePools) < totalPools
  );
}

function isUserAddress(address: number): boolean {
  return address >= POOL_SIZES[0] && address < USER_SPACE_END;
}
