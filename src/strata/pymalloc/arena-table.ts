import type { ProblemReport } from "../../base/problems.ts";
import { PAGE_BYTES, roundUp, USER_SPACE_END } from "../../base/units.ts";
import type { MemoryReader } from "../../target/memory-reader.ts";
import type { PymallocState } from "./location.ts";
import { ARENA_SIZES, ArenaObject, INITIAL_ARENA_OBJECTS, POOL_SIZES, PoolHeader } from "./structures.ts";

/** 2^20 arenas of 256 KiB are 256 GiB: more entries than that are garbage. */
const MAX_ARENAS = 2 ** 20;

/** An allocated arena as its entry of the table describes it. */
export interface Arena {
  /** Position in the table: every pool of the arena names it. */
  readonly index: number;
  readonly interpreter: number;
  readonly address: number;
  readonly bytes: number;
  readonly poolBytes: number;
  /** First pool: the arena's address rounded up to the size of a pool. */
  readonly firstPool: number;
  /** Pools at and after it were never carved. */
  readonly nextPool: number;
  readonly totalPools: number;
  readonly freePools: number;
  /** First of the pools that were in use once and are empty now, linked by their `nextpool`. */
  readonly freePoolList: number;
}

export interface ArenaTable {
  readonly address: number;
  /** Number of entries, unused ones included. */
  readonly entries: number;
  readonly arenas: readonly Arena[];
}

/** The table of arenas of one allocator state; undefined while it has none. Entries that contradict themselves are left out and counted. */
export function readArenaTable(
  memory: MemoryReader,
  state: PymallocState,
  alignment: number,
  problems: ProblemReport,
): ArenaTable | undefined {
  const address = state.arenasPointerAddress === undefined ? 0 : memory.u64(state.arenasPointerAddress);
  if (!isAddress(address) || !memory.has(address)) return undefined;
  const poolBytes = detectPoolBytes(memory, address, alignment);
  if (poolBytes === undefined) return undefined;
  const known = state.maxArenasAddress === undefined ? 0 : memory.u32(state.maxArenasAddress);
  const entries = known >= INITIAL_ARENA_OBJECTS && known <= MAX_ARENAS ? known : countEntries(memory, address, poolBytes);
  const arenas: Arena[] = [];
  for (let index = 0; index < entries; index++) {
    const entry = address + index * ArenaObject.bytes;
    if (memory.u64(entry + ArenaObject.address) === 0) continue;
    const arena = readArena(memory, entry, index, poolBytes, state.interpreter);
    if (arena !== undefined) arenas.push(arena);
    else problems.add("pymalloc-arena", "An entry of pymalloc's table of arenas contradicts itself.", entry);
  }
  return { address, entries, arenas };
}

/**
 * Bytes of a pool, from the first pool of any arena: the last block that fits begins at `maxnextoffset`.
 * Undefined when no arena has a pool that was ever used.
 */
function detectPoolBytes(memory: MemoryReader, table: number, alignment: number): number | undefined {
  for (let index = 0; index < MAX_ARENAS; index++) {
    const entry = table + index * ArenaObject.bytes;
    if (!memory.has(entry)) return undefined;
    const address = memory.u64(entry + ArenaObject.address);
    if (!isArenaAddress(address)) continue;
    for (const poolBytes of POOL_SIZES) {
      const pool = roundUp(address, poolBytes);
      const blockBytes = (memory.u32(pool + PoolHeader.sizeClass) + 1) * alignment;
      const fits = memory.u32(pool + PoolHeader.maxNextOffset) + blockBytes === poolBytes;
      if (fits && memory.u32(pool + PoolHeader.arenaIndex) === index) return poolBytes;
    }
  }
  return undefined;
}

/**
 * Entries of the table where their number is not known: it is a power of two from 16 up, and the table is doubled only when it is
 * full, so it goes on as long as the next doubling holds an arena.
 */
function countEntries(memory: MemoryReader, table: number, poolBytes: number): number {
  let entries = INITIAL_ARENA_OBJECTS;
  while (entries < MAX_ARENAS && hasArena(memory, table, entries, entries * 2, poolBytes)) entries *= 2;
  return entries;
}

/** True when one of the entries is an arena that a pool of its own confirms; what follows the table in memory is not. */
function hasArena(memory: MemoryReader, table: number, from: number, to: number, poolBytes: number): boolean {
  for (let index = from; index < to; index++) {
    const entry = table + index * ArenaObject.bytes;
    const arena = readArena(memory, entry, index, poolBytes, 0);
    if (arena === undefined || arena.nextPool === arena.firstPool) continue;
    if (memory.u32(arena.firstPool + PoolHeader.arenaIndex) === index) return true;
  }
  return false;
}

function readArena(
  memory: MemoryReader,
  entry: number,
  index: number,
  poolBytes: number,
  interpreter: number,
): Arena | undefined {
  const address = memory.u64(entry + ArenaObject.address);
  const totalPools = memory.u32(entry + ArenaObject.totalPools);
  const freePools = memory.u32(entry + ArenaObject.freePools);
  const nextPool = memory.u64(entry + ArenaObject.poolAddress);
  if (!isArenaAddress(address) || totalPools === 0 || freePools > totalPools) return undefined;
  const firstPool = roundUp(address, poolBytes);
  const bytes = ARENA_SIZES.find((size) => Math.floor((address + size - firstPool) / poolBytes) === totalPools);
  if (bytes === undefined || nextPool < firstPool || nextPool > firstPool + totalPools * poolBytes) return undefined;
  const freePoolList = memory.u64(entry + ArenaObject.freePoolList);
  return { index, interpreter, address, bytes, poolBytes, firstPool, nextPool, totalPools, freePools, freePoolList };
}

/** Arenas come from mmap, or from an allocator that aligns large blocks to pages no worse than 16 bytes. */
function isArenaAddress(address: number): boolean {
  return isAddress(address) && address % 16 === 0 && address >= PAGE_BYTES;
}

function isAddress(address: number): boolean {
  return address > 0 && address < USER_SPACE_END;
}
