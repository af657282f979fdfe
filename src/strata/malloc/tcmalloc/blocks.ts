import type { MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { BlockColumns } from "../block-columns.ts";
import { followLink } from "../follow-link.ts";
import { SpanIndex, type SpanTable } from "./spans.ts";

/** The blocks of all spans: takes them off the lists that hold free ones. */
export class SpanBlocks {
  private readonly index: SpanIndex;
  private readonly firstChunk: Uint32Array;

  /** @param classBytes bytes of a block by size class */
  constructor(
    private readonly image: MemoryImage,
    private readonly spans: SpanTable,
    private readonly classBytes: Uint32Array,
    private readonly columns: BlockColumns,
  ) {
    this.index = new SpanIndex(image, spans);
    this.firstChunk = new Uint32Array(spans.length);
  }

  /** Appends the blocks of a span, all as in use, and what is left at its end. */
  append(span: number, arena: number): void {
    const { start, bytes, sizeClass } = this.spans;
    const blockBytes = this.classBytes[sizeClass[span]];
    const count = this.countOf(span);
    this.firstChunk[span] = this.columns.pushBlocks(start[span], blockBytes, count, ChunkState.inUse, arena);
    this.columns.pushRange(start[span] + count * blockBytes, start[span] + bytes[span], ChunkState.overhead, arena);
  }

  /** Blocks that a span of a size class has. */
  countOf(span: number): number {
    return Math.floor(this.spans.bytes[span] / this.classBytes[this.spans.sizeClass[span]]);
  }

  /**
   * Follows a list of free blocks and settles their state. Bounded by `most`; each block is in one list only, so that a list that loops
   * ends at the first block that it meets again.
   *
   * @param sizeClass class of every block of the list
   * @returns how many there were, or -1 when the list is broken
   */
  settle(first: number, sizeClass: number, state: number, most: number): number {
    const { image, spans, firstChunk } = this;
    const { state: states } = this.columns;
    const blockBytes = this.classBytes[sizeClass];
    let count = 0;
    // Most blocks follow one of their own span.
    let start = 0;
    let end = 0;
    let chunks = 0;
    for (let block = first; block !== 0; block = followLink(image, block)) {
      if (block < start || block >= end) {
        const span = this.index.spanAt(block);
        if (span < 0 || spans.sizeClass[span] !== sizeClass) return -1;
        start = spans.start[span];
        end = start + this.countOf(span) * blockBytes;
        chunks = firstChunk[span];
      }
      const chunk = chunks + (block - start) / blockBytes;
      // What lies in the rest of a span, or within a block, has no chunk of this number.
      if (block >= end || states[chunk] !== ChunkState.inUse || count === most) return -1;
      states[chunk] = state;
      count++;
    }
    return count;
  }
}
