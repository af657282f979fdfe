import { sizeClassesOf, summarisePymalloc } from "../../analysis/arenas.ts";
import type { PymallocTables, Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** pymalloc's arenas and block sizes for programs (docs/schemas/arenas-1.json). */
export function arenasJson(snapshot: Snapshot): JsonObject {
  const { pymalloc } = snapshot;
  if (!pymalloc) return { ...envelope("arenas", snapshot), arenas: [], unusedPools: 0, sizeClasses: [] };
  return {
    ...envelope("arenas", snapshot),
    poolBytes: pymalloc.poolBytes,
    arenas: Array.from({ length: pymalloc.arenas.length }, (_, arena) => arenaJson(pymalloc, arena)),
    unusedPools: summarisePymalloc(pymalloc).unusedPools,
    sizeClasses: sizeClassesOf(pymalloc).map(({ blockBytes, pools, usedBlocks, freeBlocks }) => ({
      blockBytes,
      pools,
      usedBlocks,
      freeBlocks,
    })),
  };
}

function arenaJson({ arenas }: PymallocTables, arena: number): JsonObject {
  return {
    address: addressJson(arenas.address[arena]),
    interpreter: arenas.interpreter[arena],
    bytes: arenas.bytes[arena],
    residentBytes: arenas.residentBytes[arena],
    pools: arenas.pools[arena],
    freePools: arenas.freePools[arena],
    usedBlocks: arenas.usedBlocks[arena],
    freeBlocks: arenas.freeBlocks[arena],
  };
}
