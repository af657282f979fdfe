import { Float64Column, Uint8Column, Uint32Column } from "../../../base/columns.ts";
import type { PageSet } from "../../../base/page-set.ts";
import { MIB } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
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
  /** Spans that cannot be: damaged, or caught half written. */
  readonly refused: number;
}

/** Blocks of one span are counted in 16 bits. */
const MOST_BLOCKS = 2 ** 16;

/**
 * Reads every span that the page map knows. O(pages of the map).
 *
 * @param memory anonymous memory, ascending
 * @param classBytes bytes of a block by size class
 */
export function readSpans(
  image: MemoryImage,
  map: PageMap,
  resident: PageSet,
  memory: readonly AddressRange[],
  classBytes: Uint32Array,
): SpanTable {
  const [span, start, bytes] = [new Float64Column(), new Float64Column(), new Float64Column()];
  const [sizeClass, location, handedOut] = [new Uint8Column(), new Uint8Column(), new Uint32Column()];
  let refused = 0;
  let range = 0;
  forEachSpan(image, map, resident, (address) => {
    const bits = image.u32(address + SPAN.bits);
    const ownLocation = (bits >>> 24) & 3;
    // A free span keeps the class that it had.
    const ownClass = ownLocation === SpanLocation.inUse ? (bits >>> 16) & 0xff : 0;
    const ownStart = image.u64(address + SPAN.firstPage) * SPAN_PAGE_BYTES;
    const ownBytes = image.u64(address + SPAN.pages) * SPAN_PAGE_BYTES;
    while (range < memory.length && memory[range].end <= ownStart) range++;
    const mapped = range < memory.length && memory[range].start <= ownStart && ownStart + ownBytes <= memory[range].end;
    const fits = ownClass === 0 || (ownClass < classBytes.length && ownBytes / classBytes[ownClass] < MOST_BLOCKS);
    if (!mapped || !fits || ownLocation > SpanLocation.returned) {
      refused++;
      return false;
    }
    span.push(address);
    start.push(ownStart);
    bytes.push(ownBytes);
    sizeClass.push(ownClass);
    location.push(ownLocation);
    handedOut.push(bits & 0xffff);
    return true;
  });
  return {
    length: span.length,
    span: span.view(),
    start: start.view(),
    bytes: bytes.view(),
    sizeClass: sizeClass.view(),
    location: location.view(),
    handedOut: handedOut.view(),
    refused,
  };
}

/** Chunks that all spans together take at most: the blocks of each, and what is left at its end. */
export function countChunks({ length, bytes, sizeClass }: SpanTable, classBytes: Uint32Array): number {
  let chunks = 0;
  for (let span = 0; span < length; span++)
    chunks += sizeClass[span] === 0 ? 1 : Math.floor(bytes[span] / classBytes[sizeClass[span]]) + 1;
  return chunks;
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
