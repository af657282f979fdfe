import { sizeClassesOf, summarisePymalloc } from "../../analysis/arenas.ts";
import { arenaPins, fragmentationOf, type PinnedArena, type Survivor, survivorCurve } from "../../analysis/fragmentation.ts";
import { pinContext } from "../../analysis/pin-owners.ts";
import type { PymallocTables, Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** pymalloc's arenas and block sizes for programs (docs/schemas/arenas-1.json). */
export function arenasJson(snapshot: Snapshot): JsonObject {
  const { pymalloc } = snapshot;
  if (!pymalloc) return { ...envelope("arenas", snapshot), arenas: [], unusedPools: 0, sizeClasses: [] };
  const { arenas: pinned, groups, ...sums } = arenaPins(pinContext(snapshot), pymalloc);
  const byArena = new Map(pinned.map((one) => [one.arena, one]));
  const scattered = fragmentationOf(pymalloc);
  return {
    ...envelope("arenas", snapshot),
    poolBytes: pymalloc.poolBytes,
    arenas: Array.from({ length: pymalloc.arenas.length }, (_, arena) => arenaJson(pymalloc, arena, byArena.get(arena))),
    unusedPools: summarisePymalloc(pymalloc).unusedPools,
    pinned: { arenas: pinned.length, ...sums, groups: groups.map((group) => ({ ...group })) },
    curve: survivorCurve(snapshot, pymalloc).map((point) => ({ ...point })),
    sizeClasses: sizeClassesOf(pymalloc).map(({ blockBytes, pools, usedBlocks, freeBlocks, freeResidentBytes }, row) => ({
      blockBytes,
      pools,
      usedBlocks,
      freeBlocks,
      freeResidentBytes,
      neededPools: scattered[row].neededPools,
      sparsePools: scattered[row].sparsePools,
      sparseBlocks: scattered[row].sparseBlocks,
    })),
  };
}

function arenaJson({ arenas }: PymallocTables, arena: number, pinned: PinnedArena | undefined): JsonObject {
  return {
    address: addressJson(arenas.address[arena]),
    interpreter: arenas.interpreter[arena],
    bytes: arenas.bytes[arena],
    residentBytes: arenas.residentBytes[arena],
    pools: arenas.pools[arena],
    freePools: arenas.freePools[arena],
    usedBlocks: arenas.usedBlocks[arena],
    freeBlocks: arenas.freeBlocks[arena],
    pins: pinned?.pins.map((pin) => pinJson(pin, pinned)) ?? [],
  };
}

function pinJson({ address, bytes, what, owner }: Survivor, { recoverableBytes }: PinnedArena): JsonObject {
  return { address: addressJson(address), bytes, what, owner, recoverableBytes };
}
