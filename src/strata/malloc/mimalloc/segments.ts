import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES, roundUp, USER_SPACE_END } from "../../../base/units.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { anonymousRanges, dataRanges, subtractRanges } from "../glibc/memory-map.ts";
import { type MimallocLayout, SEGMENT_BYTES, SegmentKind, SLICE_BYTES, SLICES_PER_SEGMENT } from "./layouts.ts";

/** A segment: what mimalloc takes from the kernel at once. */
export interface Segment extends AddressRange {
  /** Where its pages begin; before them lies the segment's header. */
  readonly pagesStart: number;
  /** Pages begin before this address: the header has no entries for what lies behind, the rest of a huge page. */
  readonly entriesEnd: number;
  /** Base of the control block of the thread that it belongs to; 0 when its thread has ended, or when it is unused. */
  readonly threadId: number;
  /** Kept for later, with no page in use; its slices are as they were left. */
  readonly unused: boolean;
}

/** All segments of one mimalloc, ascending and disjoint. */
export interface SegmentDiscovery {
  readonly layout: MimallocLayout;
  readonly segments: readonly Segment[];
  /** Where a segment begins that carries the cookie, but whose slices make no chain: damaged, or caught half written. */
  readonly broken: readonly number[];
  /** The main thread's heap, in static data. */
  readonly mainHeap: number;
}

interface Candidates {
  readonly segments: Segment[];
  /** Halves of the cookie that all of them carry, each xor its own address. */
  readonly low: number;
  readonly high: number;
}

/** The header takes one slice; with guard pages a few more. */
const MOST_INFO_SLICES = 8;

/**
 * Finds mimalloc's segments: aligned to their size, their slices chained from the first to the last, and each with the process's one
 * secret cookie, xor its own address. The cookie itself stands in the main heap, in static data.
 *
 * @returns undefined when there are none; "unknown" when there is memory like this, but no cookie in any static data
 */
export function findSegments(
  image: MemoryImage,
  mappings: readonly Mapping[],
  resident: PageSet,
  layout: MimallocLayout,
): SegmentDiscovery | "unknown" | undefined {
  const memory = anonymousRanges(mappings);
  const candidates = [...candidatesByCookie(image, layout, memory, resident).values()];
  candidates.sort((left, right) => right.segments.length - left.segments.length);
  for (const { segments, low, high } of candidates) {
    const cookie = findWord(image, dataRanges(mappings), resident, low, high);
    if (cookie === undefined) continue;
    const broken = findBroken(image, layout, memory, resident, { segments, low, high });
    return { layout, segments, broken, mainHeap: cookie - layout.heap.cookie };
  }
  return candidates.length > 0 ? "unknown" : undefined;
}

function candidatesByCookie(
  image: MemoryImage,
  layout: MimallocLayout,
  memory: readonly AddressRange[],
  resident: PageSet,
): Map<string, Candidates> {
  const found = new Map<string, Candidates>();
  for (const range of memory) {
    for (let start = roundUp(range.start, SEGMENT_BYTES); start < range.end; ) {
      const segment = resident.has(start) ? readSegment(image, layout, start) : undefined;
      if (segment === undefined) {
        start += SEGMENT_BYTES;
        continue;
      }
      const { low, high } = cookieOf(image, layout, start);
      const key = `${high}:${low}`;
      const same = found.get(key) ?? { segments: [], low, high };
      same.segments.push(segment);
      found.set(key, same);
      start = roundUp(segment.end, SEGMENT_BYTES);
    }
  }
  return found;
}

/** What carries the cookie outside of the segments. */
function findBroken(
  image: MemoryImage,
  layout: MimallocLayout,
  memory: readonly AddressRange[],
  resident: PageSet,
  { segments, low, high }: Candidates,
): number[] {
  const broken: number[] = [];
  for (const range of subtractRanges(memory, segments)) {
    for (let start = roundUp(range.start, SEGMENT_BYTES); start < range.end; start += SEGMENT_BYTES) {
      if (!resident.has(start)) continue;
      const own = cookieOf(image, layout, start);
      if (own.low === low && own.high === high) broken.push(start);
    }
  }
  return broken;
}

/** The cookie, if there is a segment at `start`. */
function cookieOf(image: MemoryImage, layout: MimallocLayout, start: number): { readonly low: number; readonly high: number } {
  const at = start + layout.segment.cookie;
  return {
    low: (image.i32(at) ^ start) >>> 0,
    high: (image.i32(at + 4) ^ Math.floor(start / 2 ** 32)) >>> 0,
  };
}

/** The segment whose header lies at `start`, or undefined when its slices make no chain. */
function readSegment(image: MemoryImage, layout: MimallocLayout, start: number): Segment | undefined {
  const { segment, page } = layout;
  const kind = image.u32(start + segment.kind);
  const slices = image.u64(start + segment.slices);
  const entries = image.u64(start + segment.sliceEntries);
  const infoSlices = image.u64(start + segment.infoSlices);
  if (kind > SegmentKind.huge || infoSlices < 1 || infoSlices > MOST_INFO_SLICES) return undefined;
  if (entries <= infoSlices || entries > SLICES_PER_SEGMENT || slices < entries) return undefined;
  // The slices of a huge segment's only page are more than there are entries.
  const end = kind === SegmentKind.huge ? slices : entries;
  let at = 0;
  while (at < entries) {
    const count = image.u32(start + segment.pages + at * page.bytes + page.sliceCount);
    if (count === 0 || at + count > end || (at === 0 && count !== infoSlices)) return undefined;
    at += count;
  }
  if (start + slices * SLICE_BYTES > USER_SPACE_END) return undefined;
  return {
    start,
    end: start + slices * SLICE_BYTES,
    entriesEnd: start + entries * SLICE_BYTES,
    pagesStart: start + infoSlices * SLICE_BYTES,
    threadId: image.u64(start + segment.threadId),
    unused: image.u64(start + segment.used) === 0,
  };
}

/** Where a 64-bit word stands in static data. */
function findWord(
  image: MemoryImage,
  ranges: readonly AddressRange[],
  resident: PageSet,
  low: number,
  high: number,
): number | undefined {
  const { memory } = image;
  for (const { start, end } of ranges) {
    for (let page = start; page < end; page += PAGE_BYTES) {
      if (!resident.has(page) || !image.has(page)) continue;
      const words = memory.int32(image.wordOf(page), PAGE_BYTES / 4);
      for (let at = words.indexOf(low | 0); at >= 0; at = words.indexOf(low | 0, at + 1)) {
        if (at % 2 === 0 && words[at + 1] === (high | 0)) return page + at * 4;
      }
    }
  }
  return undefined;
}
