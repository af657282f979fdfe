import { countBits } from "../../../base/bits.ts";
import { MIB, PAGE_BYTES } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { GrowingChunks } from "../growing-chunks.ts";
import { CHUNK } from "./layouts.ts";

/** Arena index of mapped chunks, which belong to none. */
export const NO_ARENA = 0xffff;

const SLOT_WORDS = MIB / 4;
/** Granules of 16 bytes: where a chunk can begin. One bit each, 32 to a word. */
const BITMAP_WORDS_PER_SLOT = MIB / CHUNK.alignment / 32;
const PAGES_PER_SLOT = MIB / PAGE_BYTES;
const BITMAP_WORDS_PER_PAGE = BITMAP_WORDS_PER_SLOT / PAGES_PER_SLOT;

/**
 * The chunks found so far as columns, with an index from address to chunk: a bitmap with one bit for each 16 bytes of the image
 * and, for each page, the number of the first chunk that begins on it. 19 bytes a chunk and 9 KiB for each MiB of image.
 *
 * Chunks are appended in address order, which makes a chunk's number the page's number plus the bits before it.
 * Writers of a hot loop write the columns directly after `reserve`, then call `mark`.
 */
export class ChunkColumns extends GrowingChunks {
  private readonly starts: Uint32Array;
  private readonly firstOfPage: Uint32Array;
  private lastPage = -1;

  /** @param expected upper bound of the number of chunks where one is known: memory that is not used is never touched. */
  constructor(
    private readonly image: MemoryImage,
    expected: number,
  ) {
    super(expected);
    this.starts = new Uint32Array(image.slotCount * BITMAP_WORDS_PER_SLOT);
    this.firstOfPage = new Uint32Array(image.slotCount * PAGES_PER_SLOT);
  }

  push(address: number, bytes: number, state: number, arena: number): void {
    this.reserve(1);
    const index = this.length++;
    this.address[index] = address;
    this.bytes[index] = bytes;
    this.state[index] = state;
    this.arena[index] = arena;
    const slot = this.slotOf(address);
    if (slot >= 0) this.mark(slot, address % MIB, index);
  }

  /** Enters chunk `index`, which begins `offset` bytes into a slot of the image, into the index. */
  mark(slot: number, offset: number, index: number): void {
    this.starts[slot * BITMAP_WORDS_PER_SLOT + (offset >>> 9)] |= 1 << ((offset >>> 4) & 31);
    const page = slot * PAGES_PER_SLOT + (offset >>> 12);
    if (page !== this.lastPage) {
      this.lastPage = page;
      this.firstOfPage[page] = index;
    }
  }

  /** Number of the chunk that begins at `address`, or -1. Never throws, whatever `address` is. */
  indexOf(address: number): number {
    if (address % CHUNK.alignment !== 0) return -1;
    const slot = this.slotOf(address);
    if (slot < 0) return -1;
    const offset = address % MIB;
    const word = slot * BITMAP_WORDS_PER_SLOT + (offset >>> 9);
    const bit = (offset >>> 4) & 31;
    if (((this.starts[word] >>> bit) & 1) === 0) return -1;
    const page = slot * PAGES_PER_SLOT + (offset >>> 12);
    let index = this.firstOfPage[page] + countBits(this.starts[word] & ((1 << bit) - 1));
    for (let before = page * BITMAP_WORDS_PER_PAGE; before < word; before++) index += countBits(this.starts[before]);
    return index;
  }

  /** Number of the image's slot that holds `address`, or -1. */
  slotOf(address: number): number {
    const word = this.image.wordOf(address);
    return word < this.image.firstSlot ? -1 : Math.floor((word - this.image.firstSlot) / SLOT_WORDS);
  }
}
