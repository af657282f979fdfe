import type { PageSet } from "../base/page-set.ts";
import type { PymallocTables } from "../snapshot/tables.ts";
import * as P from "../strata/cpython/kernels/parameters.ts";
import type { DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";
import type { Pymalloc } from "../strata/pymalloc/pymalloc.ts";

/** The tables of pymalloc, with what the object decoder found in each pool. */
export function buildPymallocTables(pymalloc: Pymalloc, resident: PageSet, objects: DecodedObjects): PymallocTables {
  const { arenas, pools } = pymalloc;
  const usedBlocks = new Float64Array(arenas.length);
  const freeBlocks = new Float64Array(arenas.length);
  const account = (field: number) => {
    const bytes = new Uint16Array(pools.length);
    for (let pool = 0; pool < pools.length; pool++) bytes[pool] = objects.poolAccounts[pool * P.ACCOUNT_WORDS + field];
    return bytes;
  };
  for (let pool = 0; pool < pools.length; pool++) {
    const blockBytes = (pools.sizeClass[pool] + 1) * pymalloc.alignment;
    const blocks = Math.floor((pymalloc.poolBytes - pymalloc.poolHeaderBytes) / blockBytes);
    usedBlocks[pools.arena[pool]] += pools.usedBlocks[pool];
    freeBlocks[pools.arena[pool]] += blocks - pools.usedBlocks[pool];
  }
  return {
    poolBytes: pymalloc.poolBytes,
    alignment: pymalloc.alignment,
    poolHeaderBytes: pymalloc.poolHeaderBytes,
    arenas: {
      ...arenas,
      residentBytes: arenas.address.map((start, arena) => resident.bytesWithin(start, start + arenas.bytes[arena])),
      usedBlocks,
      freeBlocks,
    },
    pools: {
      ...pools,
      firstObject: objects.firstPlaces,
      objectBytes: account(P.ACCOUNT_OBJECTS),
      roundingBytes: account(P.ACCOUNT_ROUNDING),
      freeBytes: account(P.ACCOUNT_FREE),
      freeListBytes: account(P.ACCOUNT_FREE_LIST),
      runtimeBytes: account(P.ACCOUNT_RUNTIME),
      unownedBytes: account(P.ACCOUNT_UNOWNED),
      headerBytes: account(P.ACCOUNT_HEADER),
    },
  };
}
