import { ProblemReport } from "../../../base/problems.ts";
import type { AddressRange } from "../../../target/memory-image.ts";
import { accountBlocks } from "../account-blocks.ts";
import { ChunkState, type MallocHeap, type MallocInput } from "../allocator.ts";
import { BlockColumns } from "../block-columns.ts";
import { anonymousRanges, dataRanges, subtractRanges } from "../glibc/memory-map.ts";
import { SizeClassSums } from "../size-class-sums.ts";
import { SpanBlocks } from "./blocks.ts";
import { findThreadCaches, type ThreadCaches } from "./caches.ts";
import { PAGE_MAP, SPAN, SpanLocation } from "./layouts.ts";
import { findMetadata } from "./metadata.ts";
import { findPageMap, LEAF_BYTES, type PageMap } from "./page-map.ts";
import { settleCentralLists, settleSpans, settleThreadCaches } from "./settle.ts";
import { findSizeClasses } from "./size-classes.ts";
import { countChunks, readSpans, type SpanTable } from "./spans.ts";

/** tcmalloc has one heap of pages. */
const ARENA = 0;
const UNRECOGNISED =
  "A tcmalloc was found whose structures do not verify: it is none of gperftools 2.8 to 2.18, and its memory is told by mappings only.";

/** What was found of a tcmalloc before its blocks are looked at. */
interface Discovery {
  readonly data: AddressRange;
  readonly map: PageMap;
  /** Bytes of a block by size class. */
  readonly classBytes: Uint32Array;
}

/**
 * Decodes gperftools' tcmalloc: every span, every block and whether it is handed out, cached or free. Found by its
 * table of size classes and its page map in the static data of whatever it is linked into. It verifies where each span counts as many
 * blocks handed out as its free list leaves. O(spans + blocks).
 *
 * @returns undefined where there is none, and where there is one that does not verify, which adds a problem
 */
export function decodeTcmalloc(input: MallocInput, problems: ProblemReport): MallocHeap | undefined {
  for (const data of dataRanges(input.mappings)) {
    const classBytes = findSizeClasses(input.image, data, input.resident);
    if (classBytes === undefined) continue;
    const map = findPageMap(input.image, data, input.resident);
    // A library that nobody has allocated from yet has the table, and nothing to account for.
    if (map === undefined) continue;
    const heap = decodeHeap(input, { data, map, classBytes });
    if (heap !== undefined) return heap;
    problems.add("tcmalloc-unrecognised", UNRECOGNISED, map.root);
  }
  return undefined;
}

function decodeHeap({ image, mappings, resident }: MallocInput, { data, map, classBytes }: Discovery): MallocHeap | undefined {
  const problems = new ProblemReport();
  const memory = anonymousRanges(mappings);
  const spans = readSpans(image, map, resident, memory, classBytes);
  if (spans.refused > 0) problems.add("tcmalloc-span", "spans of tcmalloc cannot be as they are", map.root, spans.refused);
  const spanRanges = joinSpans(spans);
  const caches = findThreadCaches(image, data, resident, classBytes);
  if (caches === undefined)
    problems.add("tcmalloc-caches", "tcmalloc's thread caches were not found: what lies in them counts as in use");
  const gaps = subtractRanges(memory, spanRanges);
  const metadata = findMetadata(image, data, resident, gaps, structuresOf(map, spans, caches));

  const columns = new BlockColumns(countChunks(spans, classBytes) + metadata.length);
  const blocks = new SpanBlocks(image, spans, classBytes, columns);
  const firstChunks = appendAll(columns, blocks, spans, metadata);
  const brokenSpans = spans.refused + settleSpans(image, spans, blocks, problems);
  if (brokenSpans * 2 >= spans.length) return undefined;
  const brokenCaches = settleThreadCaches(image, caches, classBytes.length, blocks, problems);
  const brokenCentral = settleCentralLists(image, data, resident, classBytes.length, blocks, problems);

  const ranges = [...spanRanges, ...metadata].sort(byStart);
  const chunks = columns.table();
  const sums = new SizeClassSums();
  const normal = { state: "normal", bytes: 0, residentBytes: 0 };
  const returned = { state: "returned", bytes: 0, residentBytes: 0 };
  for (let span = 0; span < spans.length; span++) {
    const [start, bytes, first] = [spans.start[span], spans.bytes[span], firstChunks[span]];
    const residentBytes = resident.bytesWithin(start, start + bytes);
    if (spans.location[span] !== SpanLocation.inUse) {
      const pages = spans.location[span] === SpanLocation.normal ? normal : returned;
      pages.bytes += bytes;
      pages.residentBytes += residentBytes;
    } else if (spans.sizeClass[span] === 0) sums.add(bytes, chunks.state, first, first + 1, residentBytes);
    else sums.add(classBytes[spans.sizeClass[span]], chunks.state, first, first + blocks.countOf(span), residentBytes);
  }
  return {
    allocator: "tcmalloc",
    variant: "gperftools 2.8 or later",
    arenas: accountBlocks(chunks, [{ address: map.root, main: true, threads: [], ranges }]),
    chunks,
    headerBytes: 0,
    borrowedBytes: 0,
    mapped: { count: 0, bytes: 0 },
    sizeClasses: sums.list(),
    freePages: [normal, returned].filter((pages) => pages.bytes > 0),
    settings: undefined,
    stateRanges: [{ start: map.root, end: map.root + PAGE_MAP.rootEntries * 8, what: "tcmalloc's page map" }],
    busy: brokenSpans > 0 || brokenCaches || brokenCentral,
    problems: problems.list(),
  };
}

/** Appends everything in address order. Returns the number of each span's first chunk. */
function appendAll(
  columns: BlockColumns,
  blocks: SpanBlocks,
  spans: SpanTable,
  metadata: readonly AddressRange[],
): Uint32Array {
  const firstChunks = new Uint32Array(spans.length);
  let next = 0;
  const appendMetadata = (before: number) => {
    for (; next < metadata.length && metadata[next].start < before; next++)
      columns.pushRange(metadata[next].start, metadata[next].end, ChunkState.overhead, ARENA);
  };
  for (let span = 0; span < spans.length; span++) {
    const start = spans.start[span];
    appendMetadata(start);
    firstChunks[span] = columns.length;
    if (spans.sizeClass[span] !== 0) blocks.append(span, ARENA);
    else {
      const state = spans.location[span] === SpanLocation.inUse ? ChunkState.inUse : ChunkState.top;
      columns.pushRange(start, start + spans.bytes[span], state, ARENA);
    }
  }
  appendMetadata(Infinity);
  return firstChunks;
}

/** Neighbouring spans as one range. */
function joinSpans({ length, start, bytes }: SpanTable): AddressRange[] {
  const joined: { start: number; end: number }[] = [];
  for (let span = 0; span < length; span++) {
    const last = joined.at(-1);
    if (last?.end === start[span]) last.end += bytes[span];
    else joined.push({ start: start[span], end: start[span] + bytes[span] });
  }
  return joined;
}

/** First and last byte of every structure that lies in memory of tcmalloc's own. */
function* structuresOf(map: PageMap, spans: SpanTable, caches: ThreadCaches | undefined): Iterable<number> {
  for (const { address } of map.leaves) {
    yield address;
    yield address + LEAF_BYTES - 1;
  }
  for (const address of spans.span) {
    yield address;
    yield address + SPAN.bytes - 1;
  }
  for (const address of caches?.addresses ?? []) {
    yield address;
    yield address + (caches?.bytes ?? 0) - 1;
  }
}

function byStart(left: AddressRange, right: AddressRange): number {
  return left.start - right.start;
}
