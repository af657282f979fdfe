/** Why pymalloc keeps arenas: an arena goes back only when its last block is free, so a few survivors hold all of it. */
import { descriptorState } from "../snapshot/states.ts";
import { ObjectState, type PymallocTables, type Snapshot } from "../snapshot/tables.ts";
import { keepsSpareArena } from "../strata/pymalloc/rules/spare-arena.ts";
import { blockBytesOf, blocksPerPool } from "./arenas.ts";
import { identifyPlace, type PinContext, type PinIdentity } from "./pin-owners.ts";
import { objectAt, placeAddress, placeBytes } from "./places.ts";

/** A block that is in use. */
export interface Survivor extends PinIdentity {
  /** Address of the object, else of the block. */
  readonly address: number;
  /** Bytes that are used of it. */
  readonly bytes: number;
}

/** An arena that few blocks hold. */
export interface PinnedArena {
  /** Index of the arena. */
  readonly arena: number;
  readonly survivors: number;
  readonly survivorBytes: number;
  /** Resident bytes of the arena: they come back when all its survivors are gone. */
  readonly recoverableBytes: number;
  /** Some of the survivors, largest first. */
  readonly pins: readonly Survivor[];
}

/** How much would come back if those survivors went that hold most. */
export interface CurvePoint {
  /** At most as many survivors go. */
  readonly survivors: number;
  /** Arenas without a survivor then, those that Python keeps left out. */
  readonly arenas: number;
  readonly recoverableBytes: number;
}

/** Survivors of one kind in all pinned arenas. */
export interface SurvivorGroup {
  readonly what: string;
  /** As of a pin, with keys and indexes left out. */
  readonly owner: string | undefined;
  readonly count: number;
  readonly bytes: number;
  /** Pinned arenas that they lie in. */
  readonly arenas: number;
}

export interface ArenaPins {
  /** Most recoverable for each survivor first. */
  readonly arenas: readonly PinnedArena[];
  /** Σ over them, less the arena that Python keeps. */
  readonly recoverableBytes: number;
  readonly survivors: number;
  readonly survivorBytes: number;
  /** Largest count first. */
  readonly groups: readonly SurvivorGroup[];
  /** False when there were more survivors than were looked at for `groups`. */
  readonly complete: boolean;
}

/** An arena is pinned when survivors take at most this share of it. */
const SPARSE_SHARE = 0.1;
const MOST_PINS_AN_ARENA = 16;
/** Survivors whose path is asked for; each takes as long as its path. */
const MOST_IDENTIFIED = 20_000;

/** The pinned arenas, who holds them, what would come back. O(arenas + pools + blocks of pinned arenas). */
export function arenaPins(context: PinContext, pymalloc: PymallocTables): ArenaPins {
  const used = usedBytesOfArenas(pymalloc);
  const { arenas } = pymalloc;
  const sparse = Array.from(used.keys()).filter(
    (arena) => arenas.usedBlocks[arena] > 0 && used[arena] <= SPARSE_SHARE * arenas.bytes[arena],
  );
  sparse.sort((a, b) => arenas.usedBlocks[a] - arenas.usedBlocks[b] || arenas.residentBytes[b] - arenas.residentBytes[a]);
  const places = placesOfArenas(context.snapshot, pymalloc, new Set(sparse));
  const groups = new GroupTable();
  let left = MOST_IDENTIFIED;
  const pinned = sparse.map((arena): PinnedArena => {
    const found = (places.get(arena) ?? []).slice(0, left);
    left -= found.length;
    const survivors = found.flatMap((place) => survivorAt(context, place) ?? []);
    for (const survivor of survivors) groups.add(survivor, arena);
    survivors.sort((a, b) => b.bytes - a.bytes || a.address - b.address);
    return {
      arena,
      survivors: arenas.usedBlocks[arena],
      survivorBytes: used[arena],
      recoverableBytes: arenas.residentBytes[arena],
      pins: survivors.slice(0, MOST_PINS_AN_ARENA),
    };
  });
  const survivors = pinned.reduce((sum, one) => sum + one.survivors, 0);
  return {
    arenas: pinned,
    recoverableBytes:
      pinned.reduce((sum, one) => sum + one.recoverableBytes, 0) - keptBytes(context.snapshot, pymalloc, sparse),
    survivors,
    survivorBytes: pinned.reduce((sum, one) => sum + one.survivorBytes, 0),
    groups: groups.rows(),
    complete: left > 0,
  };
}

/** What 1, 10, 100 … and all survivors hold, those of the arenas with fewest first. O(arenas log arenas). */
export function survivorCurve(snapshot: Snapshot, pymalloc: PymallocTables): CurvePoint[] {
  const { arenas } = pymalloc;
  const order = Array.from({ length: arenas.length }, (_, arena) => arena).filter((arena) => arenas.usedBlocks[arena] > 0);
  order.sort((a, b) => arenas.usedBlocks[a] - arenas.usedBlocks[b] || arenas.residentBytes[b] - arenas.residentBytes[a]);
  const all = order.reduce((sum, arena) => sum + arenas.usedBlocks[arena], 0);
  const points: CurvePoint[] = [];
  for (let survivors = 1; survivors < all * 10; survivors *= 10) {
    const most = Math.min(survivors, all);
    let left = most;
    let count = 0;
    while (count < order.length && arenas.usedBlocks[order[count]] <= left) left -= arenas.usedBlocks[order[count++]];
    const gone = order.slice(0, count);
    const kept = keptBytes(snapshot, pymalloc, gone);
    const bytes = gone.reduce((sum, arena) => sum + arenas.residentBytes[arena], 0);
    points.push({ survivors: most, arenas: count - (kept > 0 ? 1 : 0), recoverableBytes: bytes - kept });
  }
  return points;
}

/** Resident bytes of the arena that Python keeps when all of `gone` become empty: 0 when it has an empty one already. */
function keptBytes({ process }: Snapshot, { arenas }: PymallocTables, gone: readonly number[]): number {
  const minor = /^CPython 3\.(\d+)/.exec(process.python ?? "")?.[1];
  if (gone.length === 0 || !keepsSpareArena(minor === undefined ? undefined : Number(minor))) return 0;
  if (arenas.usedBlocks.subarray(0, arenas.length).includes(0)) return 0;
  return gone.reduce((most, arena) => Math.max(most, arenas.residentBytes[arena]), 0);
}

/** How scattered the blocks of one size are. */
export interface SizeClassFragmentation {
  readonly blockBytes: number;
  /** Pools that would do for the blocks in use. */
  readonly neededPools: number;
  /** Pools in use at most a tenth full, and the blocks that hold them. */
  readonly sparsePools: number;
  readonly sparseBlocks: number;
}

/** Fragmentation by block size, ascending; rows as of `sizeClassesOf`. O(pools). */
export function fragmentationOf(pymalloc: PymallocTables): SizeClassFragmentation[] {
  const { pools } = pymalloc;
  const used = new Float64Array(256);
  const sparsePools = new Float64Array(256);
  const sparseBlocks = new Float64Array(256);
  const present = new Uint8Array(256);
  for (let pool = 0; pool < pools.length; pool++) {
    const sizeClass = pools.sizeClass[pool];
    present[sizeClass] = 1;
    used[sizeClass] += pools.usedBlocks[pool];
    if (pools.usedBlocks[pool] * blockBytesOf(pymalloc, sizeClass) > SPARSE_SHARE * pymalloc.poolBytes) continue;
    sparsePools[sizeClass]++;
    sparseBlocks[sizeClass] += pools.usedBlocks[pool];
  }
  return Array.from(present.keys())
    .filter((sizeClass) => present[sizeClass] === 1)
    .map((sizeClass) => {
      const blockBytes = blockBytesOf(pymalloc, sizeClass);
      return {
        blockBytes,
        neededPools: Math.ceil(used[sizeClass] / blocksPerPool(pymalloc, blockBytes)),
        sparsePools: sparsePools[sizeClass],
        sparseBlocks: sparseBlocks[sizeClass],
      };
    });
}

function usedBytesOfArenas(pymalloc: PymallocTables): Float64Array {
  const used = new Float64Array(pymalloc.arenas.length);
  const { pools } = pymalloc;
  for (let pool = 0; pool < pools.length; pool++) {
    used[pools.arena[pool]] += pools.usedBlocks[pool] * blockBytesOf(pymalloc, pools.sizeClass[pool]);
  }
  return used;
}

/** Places of blocks in use by arena, for some arenas. */
function placesOfArenas({ objects }: Snapshot, pymalloc: PymallocTables, wanted: ReadonlySet<number>): Map<number, number[]> {
  const places = new Map<number, number[]>();
  const { pools } = pymalloc;
  for (let pool = 0; pool < pools.length && objects; pool++) {
    const arena = pools.arena[pool];
    if (!wanted.has(arena)) continue;
    const found = places.get(arena) ?? [];
    places.set(arena, found);
    const first = pools.firstObject[pool];
    const end = first + blocksPerPool(pymalloc, blockBytesOf(pymalloc, pools.sizeClass[pool]));
    for (let place = first; place < end; place++) {
      if (descriptorState(objects.descriptor[place]) !== ObjectState.free) found.push(place);
    }
  }
  return places;
}

function survivorAt(context: PinContext, place: number): Survivor | undefined {
  const identity = identifyPlace(context, place);
  const { objects } = context.snapshot;
  if (!identity || !objects) return undefined;
  const address = objectAt(context.snapshot, place)?.address ?? placeAddress(context.snapshot, place) ?? 0;
  return { ...identity, address, bytes: placeBytes(objects, place) };
}

/** Survivors summed by what they are and who holds them. */
class GroupTable {
  private readonly groups = new Map<
    string,
    { what: string; owner: string | undefined; count: number; bytes: number; arenas: Set<number> }
  >();

  add({ what, owner, bytes }: Survivor, arena: number): void {
    const kind = what.replace(/, [\d,]+ items?$/, "");
    const path = owner?.replace(/\[(?:'(?:[^'\\]|\\.)*'|[^\]]*)\]/g, "[…]");
    const key = `${kind}\0${path}`;
    const group = this.groups.get(key) ?? { what: kind, owner: path, count: 0, bytes: 0, arenas: new Set() };
    this.groups.set(key, group);
    group.count++;
    group.bytes += bytes;
    group.arenas.add(arena);
  }

  rows(): SurvivorGroup[] {
    const rows = [...this.groups.values()].map((group) => ({ ...group, arenas: group.arenas.size }));
    return rows.sort((a, b) => b.count - a.count || b.bytes - a.bytes);
  }
}
