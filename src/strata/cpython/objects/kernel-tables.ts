import { countBits } from "../../../base/bits.ts";
import type { PageSet } from "../../../base/page-set.ts";
import { MIB, PAGE_BYTES } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState, type MallocHeap } from "../../malloc/allocator.ts";
import type { Pymalloc } from "../../pymalloc/pymalloc.ts";
import { PoolHeader } from "../../pymalloc/structures.ts";
import * as P from "../kernels/parameters.ts";

const WORDS_PER_SLOT = MIB / 4;
const WORDS_PER_PAGE = PAGE_BYTES / 4;
/** Objects outside pools and chunks: static ones, and everything where the allocator was not recognised. */
const OTHER_CAPACITY = 2 ** 21;
/** Twice the capacity, so that probing stays short; touched as far as it is grown. */
const OTHER_HASH_ENTRIES = 2 ** 22;
const WORK_CAPACITY = 2 ** 20;
const FREE_TAG_WORDS = 4096;
/** Pointers of objects into the midst of chunks. */
const INSIDE_CAPACITY = 2 ** 18;

/** Tables of the kernels in linear memory: word indexes, and how many places there are. */
export interface KernelTables {
  readonly pageInfo: number;
  readonly residentBits: number;
  readonly chunkBits: number;
  readonly chunkRanks: number;
  readonly chunkOrdinals: number;
  readonly chunkWords: number;
  readonly chunkStarts: number;
  readonly poolTable: number;
  readonly poolAccounts: number;
  readonly freeTags: number;
  readonly otherHash: number;
  readonly otherWords: number;
  readonly descriptor: number;
  readonly bytes: number;
  readonly link: number;
  readonly typeCache: number;
  readonly workStack: number;
  readonly insides: number;
  readonly poolPlaces: number;
  readonly chunkPlaces: number;
  /** Chunks in use, in order of address in `chunkOrdinals`. */
  readonly chunksInUse: number;
  readonly pools: number;
  readonly poolWords: number;
  readonly poolHeaderWords: number;
  readonly firstPlaces: Uint32Array;
}

export const OTHERS = { capacity: OTHER_CAPACITY, workCapacity: WORK_CAPACITY, insideCapacity: INSIDE_CAPACITY };

/**
 * Lays out and fills the tables that kernels work on: which place each pool block and each chunk is, which pages are
 * resident. Costs some 12 bytes a place, and 1.6 % of the image for the chunk bitmap (virtual where there are no chunks).
 */
export function buildKernelTables(
  image: MemoryImage,
  resident: PageSet,
  pymalloc: Pymalloc | undefined,
  mallocs: readonly MallocHeap[],
): KernelTables {
  const { memory } = image;
  const imageWords = image.slotCount * WORDS_PER_SLOT;
  const poolWords = (pymalloc?.poolBytes ?? 16384) / 4;
  const residentBits = memory.allocate(Math.ceil(imageWords / WORDS_PER_PAGE / 32));
  fillResidentBits(image, resident, residentBits);

  const pageInfo = memory.allocate((imageWords / poolWords + 1) * P.PAGE_INFO_WORDS, 4);
  const pools = pymalloc?.pools.length ?? 0;
  const poolTable = memory.allocate(pools * P.POOL_ENTRY_WORDS);
  const poolAccounts = memory.allocate(pools * P.ACCOUNT_WORDS);
  const { poolPlaces, firstPlaces } = fillPools(image, pymalloc, pageInfo, poolTable);

  const chunkPlaces = mallocs.reduce((sum, heap) => sum + heap.chunks.length, 0);
  const chunkBits = memory.allocate(Math.ceil(imageWords / 128));
  const chunkRanks = memory.allocate(Math.ceil(imageWords / 128));
  const chunkOrdinals = memory.allocate(chunkPlaces);
  const chunkWords = memory.allocate(chunkPlaces);
  const chunkStarts = memory.allocate(chunkPlaces);
  const chunksInUse = fillChunks(image, mallocs, { chunkBits, chunkRanks, chunkOrdinals, chunkWords, chunkStarts }, imageWords);

  const places = poolPlaces + chunkPlaces + OTHER_CAPACITY;
  return {
    pageInfo,
    residentBits,
    chunkBits,
    chunkRanks,
    chunkOrdinals,
    chunkWords,
    chunkStarts,
    poolTable,
    poolAccounts,
    freeTags: memory.allocate(FREE_TAG_WORDS),
    otherHash: memory.allocate(OTHER_HASH_ENTRIES * 2),
    otherWords: memory.allocate(OTHER_CAPACITY),
    descriptor: memory.allocate(places),
    bytes: memory.allocate(places),
    link: memory.allocate(places),
    typeCache: memory.allocate(P.TYPE_CACHE_ENTRIES * 4),
    workStack: memory.allocate(WORK_CAPACITY * 2),
    insides: memory.allocate(INSIDE_CAPACITY * 2),
    poolPlaces,
    chunkPlaces,
    chunksInUse,
    pools,
    poolWords,
    poolHeaderWords: PoolHeader.bytes / 4,
    firstPlaces,
  };
}

function fillResidentBits(image: MemoryImage, resident: PageSet, table: number): void {
  const bits = image.memory.uint32(table, Math.ceil((image.slotCount * MIB) / PAGE_BYTES / 32));
  for (let slot = 0; slot < image.slotCount; slot++) {
    const address = image.slotAddresses[slot];
    for (let page = 0; page < MIB / PAGE_BYTES; page++) {
      if (resident.has(address + page * PAGE_BYTES)) bits[slot * 8 + (page >>> 5)] |= 1 << (page & 31);
    }
  }
}

/** Gives every pool its first place and enters it in the page information. Pools were read in the image, so they lie in it. */
function fillPools(image: MemoryImage, pymalloc: Pymalloc | undefined, pageInfo: number, poolTable: number) {
  const { memory } = image;
  let poolPlaces = 0;
  const firstPlaces = new Uint32Array(pymalloc?.pools.length ?? 0);
  if (pymalloc !== undefined) {
    const poolWords = pymalloc.poolBytes / 4;
    const { pools } = pymalloc;
    for (let pool = 0; pool < pools.length; pool++) {
      const blockWords = ((pools.sizeClass[pool] + 1) * pymalloc.alignment) / 4;
      const blocks = Math.floor((pymalloc.poolBytes - pymalloc.poolHeaderBytes) / (blockWords * 4));
      firstPlaces[pool] = poolPlaces;
      const word = image.wordOf(pools.address[pool]);
      const info = pageInfo + ((word - image.firstSlot) / poolWords) * P.PAGE_INFO_WORDS;
      // Block number by multiplication: exact for pools of up to 16 KiB, whose offsets are below 2^12 words.
      memory.store(info, Math.ceil(2 ** 20 / blockWords));
      memory.store(info + 1, poolPlaces);
      memory.store(info + 2, blockWords);
      memory.store(info + 3, blocks);
      memory.store(poolTable + pool * P.POOL_ENTRY_WORDS, word | 0);
      memory.store(poolTable + pool * P.POOL_ENTRY_WORDS + 1, poolPlaces);
      poolPlaces += blocks;
    }
  }
  return { poolPlaces, firstPlaces };
}

interface ChunkTables {
  readonly chunkBits: number;
  readonly chunkRanks: number;
  readonly chunkOrdinals: number;
  readonly chunkWords: number;
  readonly chunkStarts: number;
}

/** Marks where the memory of each chunk in use begins and returns how many there are; ordinals follow the order of the marks. */
function fillChunks(image: MemoryImage, mallocs: readonly MallocHeap[], tables: ChunkTables, imageWords: number): number {
  const { memory } = image;
  const bits = memory.uint32(tables.chunkBits, Math.ceil(imageWords / 128));
  const ranks = memory.uint32(tables.chunkRanks, bits.length);
  let place = 0;
  for (const heap of mallocs) {
    const { chunks } = heap;
    for (let chunk = 0; chunk < chunks.length; chunk++, place++) {
      const mapped = chunks.state[chunk] === ChunkState.mapped;
      if (!mapped && chunks.state[chunk] !== ChunkState.inUse) continue;
      const start = chunks.address[chunk] + heap.headerBytes;
      const usable = chunks.bytes[chunk] - heap.headerBytes + (mapped ? 0 : heap.borrowedBytes);
      if (usable < 8 || start % 16 !== 0 || !image.has(start)) continue;
      const word = image.wordOf(start);
      const granule = (word - image.firstSlot) >>> 2;
      bits[granule >>> 5] |= 1 << (granule & 31);
      memory.store(tables.chunkWords + place, Math.floor(usable / 4) | 0);
      memory.store(tables.chunkStarts + place, word | 0);
    }
  }
  let rank = 0;
  for (let index = 0; index < bits.length; index++) {
    if (bits[index] === 0) continue; // Nobody asks: the page of the table stays untouched.
    ranks[index] = rank;
    rank += countBits(bits[index]);
  }
  for (let chunk = 0; chunk < place; chunk++) {
    const start = memory.load(tables.chunkStarts + chunk) >>> 0;
    if (start === 0) continue;
    const granule = (start - image.firstSlot) >>> 2;
    const before = countBits(bits[granule >>> 5] & ((1 << (granule & 31)) - 1));
    memory.store(tables.chunkOrdinals + ranks[granule >>> 5] + before, chunk);
  }
  return rank;
}
