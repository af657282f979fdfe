import { Float64Column, Uint8Column, Uint32Column } from "../../base/columns.ts";
import { ProblemReport } from "../../base/problems.ts";
import type { MemoryReader } from "../../target/memory-reader.ts";
import { type Arena, type ArenaTable, readArenaTable } from "./arena-table.ts";
import { arenaMapLeaf, arenaMapMiddle } from "./locate.ts";
import type { ArenaMapLocation, PymallocLocation, PymallocState } from "./location.ts";
import type { Pymalloc, PymallocArenaTable } from "./pymalloc.ts";
import {
  ARENA_MAP_LEAF_ENTRY_BYTES,
  ARENA_MAP_POINTER_BYTES,
  ArenaObject,
  LARGEST_BLOCK_BYTES,
  POOL_SIZES,
  PoolHeader,
} from "./structures.ts";

/** A 2 MiB arena of 4 KiB pools. */
const MAX_POOLS_PER_ARENA = 512;

type StateRange = Pymalloc["stateRanges"][number];

/**
 * Reads all arenas and pools of a process. The arenas are walked, not `usedpools`, which lists only pools that are neither full
 * nor empty. O(pools), 25 bytes a pool.
 *
 * What contradicts itself (a pool outside its arena, a count that cannot be) is left out and counted in `problems`.
 */
export function decodePymalloc(location: PymallocLocation, memory: MemoryReader): Pymalloc {
  const problems = new ProblemReport();
  const ranges: StateRange[] = [];
  const arenas: Arena[] = [];
  for (const state of location.states) {
    const table = readArenaTable(memory, state, location.alignment, problems);
    if (table !== undefined) for (const arena of table.arenas) arenas.push(arena);
    addStateRanges(memory, state, table, ranges);
  }
  arenas.sort((left, right) => left.address - right.address);
  const pools = new PoolReader(memory, location.alignment, problems);
  for (const [index, arena] of arenas.entries()) pools.readArena(arena, index);
  return {
    poolBytes: arenas[0]?.poolBytes ?? POOL_SIZES[1],
    alignment: location.alignment,
    poolHeaderBytes: PoolHeader.bytes,
    arenas: arenaColumns(arenas),
    pools: pools.table(),
    stateRanges: ranges,
    problems: problems.list(),
  };
}

/** Reads the pools of one arena after the other into columns. */
class PoolReader {
  private readonly address = new Float64Column();
  private readonly arena = new Uint32Column();
  private readonly sizeClass = new Uint8Column();
  private readonly usedBlocks = new Uint32Column();
  /** By position in the arena: 1 for the pools of its list of empty ones. */
  private readonly empty = new Uint8Array(MAX_POOLS_PER_ARENA);

  constructor(
    private readonly memory: MemoryReader,
    private readonly alignment: number,
    private readonly problems: ProblemReport,
  ) {}

  readArena(arena: Arena, arenaIndex: number): void {
    const emptied = this.markEmptyPools(arena);
    const carved = (arena.nextPool - arena.firstPool) / arena.poolBytes;
    if (emptied + arena.totalPools - carved !== arena.freePools) {
      this.problems.add("pymalloc-free-pools", "An arena's count of free pools differs from its list of them.", arena.address);
    }
    for (let position = 0; position < carved; position++) {
      if (this.empty[position] === 0) this.readPool(arena, arenaIndex, arena.firstPool + position * arena.poolBytes);
    }
  }

  table(): Pymalloc["pools"] {
    return {
      length: this.address.length,
      address: this.address.view(),
      arena: this.arena.view(),
      sizeClass: this.sizeClass.view(),
      usedBlocks: Uint16Array.from(this.usedBlocks.view()),
    };
  }

  private readPool(arena: Arena, arenaIndex: number, pool: number): void {
    const { memory } = this;
    const sizeClass = memory.u32(pool + PoolHeader.sizeClass);
    const used = memory.u32(pool + PoolHeader.usedBlocks);
    const blockBytes = (sizeClass + 1) * this.alignment;
    const capacity = Math.floor((arena.poolBytes - PoolHeader.bytes) / blockBytes);
    const consistent =
      memory.u32(pool + PoolHeader.arenaIndex) === arena.index &&
      blockBytes <= LARGEST_BLOCK_BYTES &&
      used > 0 &&
      used <= capacity;
    if (!consistent) {
      this.problems.add("pymalloc-pool", "A pool's header contradicts its arena.", pool);
      return;
    }
    this.address.push(pool);
    this.arena.push(arenaIndex);
    this.sizeClass.push(sizeClass);
    this.usedBlocks.push(used);
  }

  /** Follows the arena's list of pools that are empty now; returns their number. */
  private markEmptyPools(arena: Arena): number {
    this.empty.fill(0);
    let marked = 0;
    for (let pool = arena.freePoolList; pool !== 0; pool = this.memory.u64(pool + PoolHeader.nextPool)) {
      const position = (pool - arena.firstPool) / arena.poolBytes;
      const inside = Number.isInteger(position) && pool >= arena.firstPool && pool < arena.nextPool;
      if (!inside || this.empty[position] === 1) {
        this.problems.add(
          "pymalloc-free-list",
          "An arena's list of free pools leaves the arena or runs in a circle.",
          arena.address,
        );
        break;
      }
      this.empty[position] = 1;
      marked++;
    }
    return marked;
  }
}

function arenaColumns(arenas: readonly Arena[]): PymallocArenaTable {
  return {
    length: arenas.length,
    address: Float64Array.from(arenas, (arena) => arena.address),
    bytes: Float64Array.from(arenas, (arena) => arena.bytes),
    interpreter: Uint16Array.from(arenas, (arena) => arena.interpreter),
    pools: Uint16Array.from(arenas, (arena) => arena.totalPools),
    freePools: Uint16Array.from(arenas, (arena) => arena.freePools),
  };
}

/** What the allocator keeps for itself in memory that it got from malloc. */
function addStateRanges(memory: MemoryReader, state: PymallocState, table: ArenaTable | undefined, ranges: StateRange[]): void {
  if (state.stateRange !== undefined) ranges.push({ ...state.stateRange, what: "pymalloc state" });
  if (table === undefined) return;
  ranges.push({ start: table.address, end: table.address + table.entries * ArenaObject.bytes, what: "pymalloc arena table" });
  if (state.arenaMap !== undefined) addArenaMapNodes(memory, state.arenaMap, table.arenas, ranges);
}

/** The nodes of the arena map below its top: those on the way to the first and last byte of each arena. */
function addArenaMapNodes(memory: MemoryReader, map: ArenaMapLocation, arenas: readonly Arena[], ranges: StateRange[]): void {
  const nodes = new Map<number, number>();
  for (const arena of arenas) {
    for (const address of [arena.address, arena.address + arena.bytes - 1]) {
      nodes.set(arenaMapMiddle(memory, map, address), 2 ** map.middleBits * ARENA_MAP_POINTER_BYTES);
      nodes.set(arenaMapLeaf(memory, map, address), 2 ** map.leafBits * ARENA_MAP_LEAF_ENTRY_BYTES);
    }
  }
  nodes.delete(0);
  for (const [start, bytes] of nodes) ranges.push({ start, end: start + bytes, what: "pymalloc arena map" });
}
