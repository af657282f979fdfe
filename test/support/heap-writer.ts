import { PageSet } from "../../src/base/page-set.ts";
import { MIB, roundUp } from "../../src/base/units.ts";
import { ChunkState, type MallocHeap } from "../../src/strata/malloc/allocator.ts";
import type { Pymalloc } from "../../src/strata/pymalloc/pymalloc.ts";
import { LARGEST_BLOCK_BYTES, POOL_SIZES, PoolHeader } from "../../src/strata/pymalloc/structures.ts";
import type { LinearMemory } from "../../src/target/linear-memory.ts";
import { MemoryImage } from "../../src/target/memory-image.ts";
import { BufferMemory } from "./buffer-memory.ts";

/** Who hands out memory. A pool passes on to malloc what is too large for it. */
export const Home = { pool: 0, chunk: 1, fixed: 2 } as const;

/** What pymalloc or malloc handed out, in the order of the kernels' places. */
export interface WrittenPlace {
  /** First byte behind the headers of allocator and debug hooks. */
  readonly address: number;
  /** Bytes that it has room for. */
  readonly roomBytes: number;
  readonly free: boolean;
}

interface Pool {
  readonly address: number;
  readonly sizeClass: number;
  readonly blockBytes: number;
  readonly blocks: number;
  carved: number;
  readonly freed: number[];
}

interface Chunk {
  readonly address: number;
  readonly bytes: number;
  readonly leadBytes: number;
  free: boolean;
}

/** On both sides of a 4 GiB border, and of 1 MiB slots. */
const FIXED_START = 0x5555_ffff_0000;
const POOLS_START = 0x7f00_0000_0000;
const CHUNKS_START = 0x7f12_3400_0000;
const FIXED_BYTES = MIB;
const POOLS_BYTES = 4 * MIB;
const CHUNKS_BYTES = 4 * MIB;
/** glibc: size and flags before the memory; the next chunk's first word is ours. */
const CHUNK_HEADER_BYTES = 16;
const CHUNK_BORROWED_BYTES = 8;
const LEAST_CHUNK_BYTES = 32;

/**
 * Writes a heap as pymalloc and malloc leave it: pools with used, freed and never carved blocks, chunks in use and free, and
 * fixed data beside them. What is freed keeps its content but for the free list's link, as in life.
 */
export class HeapWriter {
  readonly fixed = new BufferMemory(FIXED_START, new Uint8Array(FIXED_BYTES));
  readonly poolBytes: number;
  readonly alignment: number;
  private readonly poolMemory = new BufferMemory(POOLS_START, new Uint8Array(POOLS_BYTES));
  private readonly chunkMemory = new BufferMemory(CHUNKS_START, new Uint8Array(CHUNKS_BYTES));
  private readonly pools: Pool[] = [];
  private readonly open = new Map<number, Pool>();
  private readonly chunks: Chunk[] = [];
  private fixedEnd = FIXED_START + 64;
  private chunksEnd = CHUNKS_START;

  /** @param debugBytes what debug hooks put before every block */
  constructor(
    minor: number,
    readonly debugBytes: 0 | 16,
  ) {
    this.poolBytes = minor >= 10 ? POOL_SIZES[1] : POOL_SIZES[0];
    this.alignment = minor >= 8 ? 16 : 8;
  }

  /** Address of `bytes` new bytes, all zero. */
  allocate(home: number, bytes: number): number {
    if (home === Home.fixed) {
      const address = this.fixedEnd;
      // A gap, since nothing says where fixed data ends.
      this.fixedEnd = roundUp(address + bytes + 1024, 16);
      if (this.fixedEnd > FIXED_START + FIXED_BYTES) throw new RangeError("fixed data is full");
      return address;
    }
    const wanted = bytes + 2 * this.debugBytes;
    if (home === Home.pool && wanted <= LARGEST_BLOCK_BYTES) return this.allocateBlock(Math.max(1, wanted));
    // What pymalloc passes on goes through the debug hooks of both.
    return this.allocateChunk(bytes, this.debugBytes * (home === Home.pool ? 2 : 1));
  }

  /** Gives back what `allocate` returned. */
  release(address: number): void {
    const pool = this.pools.find((each) => address >= each.address && address < each.address + this.poolBytes);
    if (pool) pool.freed.push(address - this.debugBytes);
    const chunk = this.chunks.find((each) => each.address + CHUNK_HEADER_BYTES + each.leadBytes === address);
    if (chunk) chunk.free = true;
  }

  put64(address: number, value: number): void {
    this.memoryAt(address).putU64(address, value);
  }

  put32(address: number, value: number): void {
    this.memoryAt(address).putU32(address, value);
  }

  put8(address: number, value: number): void {
    const memory = this.memoryAt(address);
    memory.content[address - memory.start] = value;
  }

  u64(address: number): number {
    return this.memoryAt(address).u64(address);
  }

  /** A NUL-terminated string in fixed data. */
  cString(text: string): number {
    const bytes = Buffer.from(`${text}\0`);
    const address = this.allocate(Home.fixed, bytes.length);
    for (const [index, byte] of bytes.entries()) this.put8(address + index, byte);
    return address;
  }

  /** Writes what the allocators keep in the heap itself, and the image of it all. */
  finish(memory: LinearMemory): { image: MemoryImage; resident: PageSet; pymalloc: Pymalloc; malloc: MallocHeap } {
    for (const pool of this.pools) this.writePool(pool);
    const parts = [this.fixed, this.poolMemory, this.chunkMemory];
    const ranges = parts.map(({ start, content }) => ({ start, end: start + content.length }));
    const image = MemoryImage.layOut(memory, ranges);
    const resident = new PageSet();
    for (const part of parts) {
      const end = part.start + part.content.length;
      resident.addRange(part.start, end);
      image.forEachSpan(part.start, end, (address, word, byteOffset, length) => {
        const from = address - part.start;
        memory.bytes(word, byteOffset + length).set(part.content.subarray(from, from + length), byteOffset);
      });
    }
    return { image, resident, pymalloc: this.pymalloc(), malloc: this.malloc() };
  }

  /** Every block of every pool, then every chunk. */
  places(): WrittenPlace[] {
    const places: WrittenPlace[] = [];
    for (const pool of this.usedPools()) {
      const freed = new Set(pool.freed);
      for (let block = 0; block < pool.blocks; block++) {
        const start = pool.address + PoolHeader.bytes + block * pool.blockBytes;
        const address = start + this.debugBytes;
        const free = block >= pool.carved || freed.has(start);
        places.push({ address, roomBytes: pool.blockBytes - this.debugBytes, free });
      }
    }
    for (const { address, bytes, leadBytes, free } of this.chunks) {
      const start = address + CHUNK_HEADER_BYTES + leadBytes;
      const end = address + bytes + CHUNK_BORROWED_BYTES;
      places.push({ address: start, roomBytes: end - start, free });
    }
    return places;
  }

  private usedPools(): Pool[] {
    return this.pools.filter((pool) => pool.carved > pool.freed.length);
  }

  private memoryAt(address: number): BufferMemory {
    const memory = [this.fixed, this.poolMemory, this.chunkMemory].find((each) => each.has(address));
    if (memory === undefined) throw new RangeError(`nothing at 0x${address.toString(16)}`);
    return memory;
  }

  private allocateBlock(bytes: number): number {
    const sizeClass = Math.ceil(bytes / this.alignment) - 1;
    let pool = this.open.get(sizeClass);
    if (pool === undefined || pool.carved === pool.blocks) {
      const blockBytes = (sizeClass + 1) * this.alignment;
      const address = POOLS_START + this.pools.length * this.poolBytes;
      if (address + this.poolBytes > POOLS_START + POOLS_BYTES) throw new RangeError("pools are full");
      const blocks = Math.floor((this.poolBytes - PoolHeader.bytes) / blockBytes);
      pool = { address, sizeClass, blockBytes, blocks, carved: 0, freed: [] };
      this.pools.push(pool);
      this.open.set(sizeClass, pool);
    }
    return pool.address + PoolHeader.bytes + pool.carved++ * pool.blockBytes + this.debugBytes;
  }

  private allocateChunk(bytes: number, leadBytes: number): number {
    const address = this.chunksEnd;
    const wanted = CHUNK_HEADER_BYTES - CHUNK_BORROWED_BYTES + bytes + 2 * leadBytes;
    const chunkBytes = Math.max(LEAST_CHUNK_BYTES, roundUp(wanted, 16));
    this.chunksEnd += chunkBytes;
    if (this.chunksEnd + CHUNK_HEADER_BYTES > CHUNKS_START + CHUNKS_BYTES) throw new RangeError("chunks are full");
    this.chunks.push({ address, bytes: chunkBytes, leadBytes, free: false });
    this.put64(address + 8, chunkBytes | 1);
    return address + CHUNK_HEADER_BYTES + leadBytes;
  }

  private writePool(pool: Pool): void {
    this.put32(pool.address + PoolHeader.usedBlocks, pool.carved - pool.freed.length);
    this.put32(pool.address + PoolHeader.sizeClass, pool.sizeClass);
    this.put32(pool.address + PoolHeader.nextOffset, PoolHeader.bytes + pool.carved * pool.blockBytes);
    this.put32(pool.address + PoolHeader.maxNextOffset, this.poolBytes - pool.blockBytes);
    let link = pool.address + PoolHeader.freeBlock;
    for (const block of pool.freed) {
      this.put64(link, block);
      link = block;
    }
    // A pool without freed blocks that is not full has its next block carved in life; the list ends all the same.
    this.put64(link, 0);
  }

  private pymalloc(): Pymalloc {
    const pools = this.usedPools();
    return {
      poolBytes: this.poolBytes,
      alignment: this.alignment,
      poolHeaderBytes: PoolHeader.bytes,
      arenas: {
        length: 1,
        address: Float64Array.of(POOLS_START),
        bytes: Float64Array.of(POOLS_BYTES),
        interpreter: Uint16Array.of(0),
        pools: Uint16Array.of(POOLS_BYTES / this.poolBytes),
        freePools: Uint16Array.of(POOLS_BYTES / this.poolBytes - pools.length),
      },
      pools: {
        length: pools.length,
        address: Float64Array.from(pools, (pool) => pool.address),
        arena: new Uint32Array(pools.length),
        sizeClass: Uint8Array.from(pools, (pool) => pool.sizeClass),
        usedBlocks: Uint16Array.from(pools, (pool) => pool.carved - pool.freed.length),
      },
      stateRanges: [],
      problems: [],
    };
  }

  private malloc(): MallocHeap {
    const { chunks } = this;
    return {
      allocator: "glibc",
      variant: "synthetic",
      arenas: [],
      chunks: {
        length: chunks.length,
        address: Float64Array.from(chunks, (chunk) => chunk.address),
        bytes: Float64Array.from(chunks, (chunk) => chunk.bytes),
        state: Uint8Array.from(chunks, (chunk) => (chunk.free ? ChunkState.free : ChunkState.inUse)),
        arena: new Uint16Array(chunks.length),
      },
      headerBytes: CHUNK_HEADER_BYTES,
      borrowedBytes: CHUNK_BORROWED_BYTES,
      mapped: { count: 0, bytes: 0 },
      sizeClasses: undefined,
      freePages: [],
      settings: undefined,
      stateRanges: [],
      busy: false,
      problems: [],
    };
  }
}
