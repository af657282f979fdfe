import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { BlockColumns } from "../block-columns.ts";
import { followLink } from "../follow-link.ts";
import { DELAYED_FLAGS, type MimallocLayout, SEGMENT_BYTES, SLICE_BYTES } from "./layouts.ts";
import type { PageTable } from "./pages.ts";
import type { Segment } from "./segments.ts";

/** A page's blocks: where they are, and the counts that the page keeps. */
interface PageBlocks {
  readonly start: number;
  readonly bytes: number;
  /** Blocks that were ever put into the free list. */
  readonly capacity: number;
  /** Blocks that the page has room for. */
  readonly reserved: number;
}

/** The blocks of all pages: appends them, and takes them off the lists that hold free ones. */
export class PagedBlocks {
  /** Number of each page's first block among the chunks, and of the chunk behind its last. */
  readonly first: Uint32Array;
  readonly end: Uint32Array;
  private readonly blocksStart: Float64Array;

  constructor(
    private readonly image: MemoryImage,
    private readonly layout: MimallocLayout,
    private readonly pages: PageTable,
    private readonly columns: BlockColumns,
  ) {
    this.first = new Uint32Array(pages.length);
    this.end = new Uint32Array(pages.length);
    this.blocksStart = new Float64Array(pages.length);
  }

  /**
   * Appends a page, all its blocks as in use, or a free span. A page whose counts do not fit its size is one chunk in use, and
   * does not settle.
   */
  append(page: number, arena: number): void {
    const { columns } = this;
    const start = this.pages.start[page];
    const end = start + this.pages.bytes[page];
    this.first[page] = columns.length;
    this.end[page] = columns.length + 1;
    if (this.pages.blockBytes[page] === 0) {
      columns.pushRange(start, end, ChunkState.top, arena);
      return;
    }
    const blocks = this.blocksOf(page);
    if (blocks === undefined) {
      columns.pushRange(start, end, ChunkState.inUse, arena);
      return;
    }
    columns.pushRange(start, blocks.start, ChunkState.overhead, arena);
    this.first[page] = columns.pushBlocks(blocks.start, blocks.bytes, blocks.capacity, ChunkState.inUse, arena);
    this.end[page] = columns.length;
    this.blocksStart[page] = blocks.start;
    const usedEnd = blocks.start + blocks.capacity * blocks.bytes;
    const reservedEnd = blocks.start + blocks.reserved * blocks.bytes;
    columns.pushRange(usedEnd, reservedEnd, ChunkState.free, arena);
    columns.pushRange(reservedEnd, end, ChunkState.overhead, arena);
  }

  /** Places for blocks that a page never used. */
  neverUsed(page: number): number {
    const entry = this.pages.page[page];
    if (this.blocksStart[page] === 0) return 0;
    return this.image.u16(entry + this.layout.page.reserved) - this.image.u16(entry + this.layout.page.capacity);
  }

  /**
   * Takes the free blocks of a page off its lists.
   * @returns false when a list is broken, or leaves another number of blocks than the page counts as used
   */
  settle(page: number): boolean {
    const { image } = this;
    const offsets = this.layout.page;
    if (this.blocksStart[page] === 0) return this.pages.blockBytes[page] === 0;
    const entry = this.pages.page[page];
    const free = this.settleList(page, image.u64(entry + offsets.free), ChunkState.free);
    const localFree = this.settleList(page, image.u64(entry + offsets.localFree), ChunkState.free);
    // What other threads freed counts as used until the page's own thread takes it back.
    const threadFree = image.u64(entry + offsets.threadFree);
    const byOthers = this.settleList(page, threadFree - (threadFree % (DELAYED_FLAGS + 1)), ChunkState.cached);
    if (free < 0 || localFree < 0 || byOthers < 0) return false;
    return this.end[page] - this.first[page] - free - localFree === image.u32(entry + offsets.used);
  }

  /** Settles one block of `page`; false when there is none in use at this address. */
  settleBlock(page: number, address: number, state: number): boolean {
    const chunk = this.first[page] + (address - this.blocksStart[page]) / this.pages.blockBytes[page];
    const isBlock = address >= this.blocksStart[page] && chunk < this.end[page];
    if (!isBlock || this.columns.state[chunk] !== ChunkState.inUse) return false;
    this.columns.state[chunk] = state;
    return true;
  }

  /** Blocks of a page's list; -1 when it is broken. Each block is in one list, once, so a list that loops ends. */
  private settleList(page: number, list: number, state: number): number {
    const { image } = this;
    const { state: states } = this.columns;
    const start = this.blocksStart[page];
    const blockBytes = this.pages.blockBytes[page];
    const first = this.first[page];
    const end = this.end[page];
    let count = 0;
    for (let block = list; block !== 0; block = followLink(image, block)) {
      const chunk = first + (block - start) / blockBytes;
      // What lies within a block has no chunk of this number.
      if (block < start || chunk >= end || states[chunk] !== ChunkState.inUse) return -1;
      states[chunk] = state;
      count++;
    }
    return count;
  }

  private blocksOf(page: number): PageBlocks | undefined {
    const { image, pages } = this;
    const offsets = this.layout.page;
    const entry = pages.page[page];
    const bytes = pages.blockBytes[page];
    const capacity = image.u16(entry + offsets.capacity);
    const reserved = image.u16(entry + offsets.reserved);
    const lead = this.layout.leadBytes(bytes);
    if (capacity > reserved || bytes % 8 !== 0 || lead + reserved * bytes > pages.bytes[page]) return undefined;
    return { start: pages.start[page] + lead, bytes, capacity, reserved };
  }
}

/** From address to page, for lists that run through many pages. */
export class PageIndex {
  private readonly firstSlice = new Map<number, number>();
  private readonly pageOfSlice: Int32Array;

  constructor(segments: readonly Segment[], pages: PageTable) {
    let slices = 0;
    for (const { start, end } of segments) {
      for (let part = start; part < end; part += SEGMENT_BYTES) {
        this.firstSlice.set(part, slices);
        slices += SEGMENT_BYTES / SLICE_BYTES;
      }
    }
    this.pageOfSlice = new Int32Array(slices).fill(-1);
    for (let page = 0; page < pages.length; page++) {
      const first = this.sliceOf(pages.start[page]);
      this.pageOfSlice.fill(page, first, first + pages.bytes[page] / SLICE_BYTES);
    }
  }

  /** Number of the page that `address` lies in, or -1. */
  pageAt(address: number): number {
    const slice = this.sliceOf(address);
    return slice < 0 ? -1 : this.pageOfSlice[slice];
  }

  private sliceOf(address: number): number {
    const offset = address % SEGMENT_BYTES;
    const first = this.firstSlice.get(address - offset);
    return first === undefined ? -1 : first + Math.floor(offset / SLICE_BYTES);
  }
}
