import { Float64Column, Uint8Column, Uint32Column } from "../../../base/columns.ts";
import type { PageSet } from "../../../base/page-set.ts";
import { MIB } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { SPAN, SPAN_PAGE_BYTES, SpanLocation } from "./layouts.ts";
import { forEachSpan, type PageMap } from "./page-map.ts";

/** Spans, ascending and disjoint: runs of pages that tcmalloc handles as one. */
export interface SpanTable {
  readonly length: number;
  /** Address of the `struct Span`. */
  readonly span: Float64Array;
  readonly start: Float64Array;
  readonly bytes: Float64Array;
  /** Size class of the blocks; 0 where the span is one allocation or free. */
  readonly sizeClass: Uint8Array;
  /** `SpanLocation`. */
  readonly location: Uint8Array;
  /** Blocks that the span handed out: to the program, or to caches. */
  readonly handedOut: Uint32Array;
}

/** Blocks of one span are counted in 16 bits. */
const MOST_BLOCKS = 0xffff;

/**
 * Reads every span that the page map knows. O(pages of the map).
 *
 * @param classBytes bytes of a block by size class
 * @returns undefined when a span cannot be: this is another layout
 */
export function readSpans(image: MemoryImage, map: PageMap, resident: PageSet, classBytes: Uint32Array): SpanTable | undefined {
  const [span, start, bytes] = [new Float64Column(), new Float64Column(), new Float64Column()];
  const [sizeClass, location, handedOut] = [new Uint8Column(), new Uint8Column(), new Uint32Column()];
  let plausible = true;
  forEachSpan(image, map, resident, (address) => {
    const bits = image.u32(address + SPAN.bits);
    const ownClass = (bits >>> 16) & 0xff;
    const ownLocation = (bits >>> 24) & 3;
    const ownBytes = image.u64(address + SPAN.pages) * SPAN_PAGE_BYTES;
    if (ownLocation > SpanLocation.returned || ownClass >= classBytes.length) plausible = false;
    else if (ownClass !== 0 && ownBytes / classBytes[ownClass] > MOST_BLOCKS + 1) plausible = false;
    span.push(address);
    start.push(image.u64(address + SPAN.firstPage) * SPAN_PAGE_BYTES);
    bytes.push(ownBytes);
    // A free span keeps the class that it had.
    sizeClass.push(ownLocation === SpanLocation.inUse ? ownClass : 0);
    location.push(ownLocation);
    handedOut.push(bits & 0xffff);
  });
  if (!plausible || span.length === 0) return undefined;
  return {
    length: span.length,
    span: span.view(),
    start: start.view(),
    bytes: bytes.view(),
    sizeClass: sizeClass.view(),
    location: location.view(),
    handedOut: handedOut.view(),
  };
}

const PAGES_PER_SLOT = MIB / SPAN_PAGE_BYTES;
const NO_SPAN = 0xffffffff;

/** From address to span of blocks, for what lies in the image: two array look-ups. 4 bytes for each 8 KiB of image. */
export class SpanIndex {
  private readonly spanOfPage: Uint32Array;

  constructor(
    private readonly image: MemoryImage,
    { length, start, bytes, sizeClass }: SpanTable,
  ) {
    this.spanOfPage = new Uint32Array(image.slotCount * PAGES_PER_SLOT).fill(NO_SPAN);
    for (let span = 0; span < length; span++) {
      if (sizeClass[span] === 0) continue;
      for (let page = 0; page < bytes[span]; page += SPAN_PAGE_BYTES) {
        const at = this.pageOf(start[span] + page);
        if (at >= 0) this.spanOfPage[at] = span;
      }
    }
  }

  /** Number of the span with blocks that `address` lies in, or -1. Never throws, whatever `address` is. */
  spanAt(address: number): number {
    const page = this.pageOf(address);
    if (page < 0 || this.spanOfPage[page] === NO_SPAN) return -1;
    return this.spanOfPage[page];
  }

  private pageOf(address: number): number {
    const word = this.image.wordOf(address);
    return word < this.image.firstSlot ? -1 : Math.floor(((word - this.image.firstSlot) * 4) / SPAN_PAGE_BYTES);
  }
}
