import { Float64Column, Uint32Column } from "../../../base/columns.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { HUGE_BLOCK_BYTES, type MimallocLayout, SLICE_BYTES } from "./layouts.ts";
import type { Segment } from "./segments.ts";

/** The pages of all segments and the free spans between them, ascending; together with the headers they tile the segments. */
export interface PageTable {
  readonly length: number;
  /** Address of the `mi_page_t`. */
  readonly page: Float64Array;
  readonly start: Float64Array;
  readonly bytes: Float64Array;
  /** Bytes of a block; 0 for a free span. */
  readonly blockBytes: Float64Array;
  /** Index of the segment. */
  readonly segment: Uint32Array;
}

/** Walks the slices of every segment. Bounded by the segments' slices. O(pages). */
export function readPages(image: MemoryImage, layout: MimallocLayout, segments: readonly Segment[]): PageTable {
  const [page, start, bytes, blockBytes] = [new Float64Column(), new Float64Column(), new Float64Column(), new Float64Column()];
  const owner = new Uint32Column();
  for (const [index, segment] of segments.entries()) {
    for (let at = segment.pagesStart; at < segment.entriesEnd; ) {
      const entry = segment.start + layout.segment.pages + ((at - segment.start) / SLICE_BYTES) * layout.page.bytes;
      // Segments were chosen by this chain.
      const slices = segment.unused ? Infinity : image.u32(entry + layout.page.sliceCount);
      const end = Math.min(segment.end, at + slices * SLICE_BYTES);
      const size = segment.unused ? 0 : image.u32(entry + layout.page.blockSize);
      page.push(entry);
      start.push(at);
      bytes.push(end - at);
      blockBytes.push(size >= HUGE_BLOCK_BYTES ? end - at : size);
      owner.push(index);
      at = end;
    }
  }
  return {
    length: page.length,
    page: page.view(),
    start: start.view(),
    bytes: bytes.view(),
    blockBytes: blockBytes.view(),
    segment: owner.view(),
  };
}

/** What a page has beside its blocks: begin, places never used, rounding at the end. */
const CHUNKS_BESIDE_BLOCKS = 3;

/** Chunks that all pages together take at most. */
export function countChunks(image: MemoryImage, layout: MimallocLayout, pages: PageTable): number {
  let chunks = 0;
  for (let page = 0; page < pages.length; page++) {
    const room = pages.blockBytes[page] === 0 ? 0 : Math.floor(pages.bytes[page] / pages.blockBytes[page]);
    chunks += CHUNKS_BESIDE_BLOCKS + Math.min(room, image.u16(pages.page[page] + layout.page.capacity));
  }
  return chunks;
}
