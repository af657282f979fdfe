import { PAGE_BYTES } from "../../../base/units.ts";
import { imageReleaser } from "../../../target/image-memory.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import * as P from "../kernels/parameters.ts";
import type { KernelTables } from "./kernel-tables.ts";

/** Runs of pools below this stay: a call for each would cost more time than their memory is worth. */
const LEAST_BYTES = 4 * PAGE_BYTES;

/** Gives the image of those of the pools [from, to) back to the system that nobody but their own decoding reads. */
export type PoolReleaser = (from: number, to: number) => void;

/**
 * The columns of released pools' objects take that memory's place, which keeps the peak near the size of the image.
 */
export function poolReleaser(image: MemoryImage, tables: KernelTables): PoolReleaser {
  const poolBytes = tables.poolWords * 4;
  const release = imageReleaser(image);
  return (from, to) => {
    let start = 0;
    let end = 0;
    for (let pool = from; pool < to; pool++) {
      const entry = tables.poolTable + pool * P.POOL_ENTRY_WORDS;
      if (image.memory.load(entry + 2) !== P.TURN_ALONE) continue;
      const address = image.addressOf(image.memory.load(entry));
      if (address !== end) {
        if (end - start >= LEAST_BYTES) release(start, end);
        start = address;
      }
      end = address + poolBytes;
    }
    if (end - start >= LEAST_BYTES) release(start, end);
  };
}
