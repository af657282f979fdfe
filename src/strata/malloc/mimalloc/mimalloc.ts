import type { PageSet } from "../../../base/page-set.ts";
import { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import { accountBlocks } from "../account-blocks.ts";
import { ChunkState, type FreePages, type MallocHeap, type MallocInput, type SizeClass } from "../allocator.ts";
import { BlockColumns } from "../block-columns.ts";
import { SizeClassSums } from "../size-class-sums.ts";
import { PagedBlocks, PageIndex } from "./blocks.ts";
import { findHeaps, groupSegments, type SegmentGroup, type ThreadHeap } from "./heaps.ts";
import { MIMALLOC_LAYOUTS } from "./layouts.ts";
import { countChunks, type PageTable, readPages } from "./pages.ts";
import { findSegments, type SegmentDiscovery } from "./segments.ts";

const NO_COOKIE =
  "Memory that looks like mimalloc's was found, but not the cookie that proves it: it is told by mappings only.";
const UNVERIFIED =
  "A mimalloc was found whose pages do not verify: it is no plain build of version 2.0 to 2.1.2, and its memory is told by mappings only.";

/**
 * Decodes mimalloc: every segment, page and block, and whether it is handed out, freed by another thread, or free. Found by its
 * segments and their common cookie, wherever it is linked in. It verifies where each page counts as many blocks used as its free
 * lists leave. O(pages + blocks).
 *
 * @returns undefined where there is none, and where there is one that does not verify, which adds a problem
 */
export function decodeMimalloc(input: MallocInput, problems: ProblemReport): MallocHeap | undefined {
  let best: MallocHeap | undefined;
  let sentence: string | undefined;
  for (const layout of MIMALLOC_LAYOUTS) {
    const discovery = findSegments(input.image, input.mappings, input.resident, layout);
    if (discovery === undefined) continue;
    sentence = discovery === "unknown" ? NO_COOKIE : UNVERIFIED;
    const heap = discovery === "unknown" ? undefined : decodeHeap(input, discovery);
    if (heap !== undefined && (best === undefined || countProblems(heap) < countProblems(best))) best = heap;
    // Rows differ in where blocks begin: the wrong one breaks nearly every list.
    if (best?.busy === false) return best;
  }
  if (best === undefined && sentence !== undefined) problems.add("mimalloc-unrecognised", sentence);
  return best;
}

function countProblems({ problems }: MallocHeap): number {
  return problems.reduce((sum, { count }) => sum + count, 0);
}

function decodeHeap({ image, resident, threads }: MallocInput, discovery: SegmentDiscovery): MallocHeap | undefined {
  const { layout, segments, broken } = discovery;
  const problems = new ProblemReport();
  for (const start of broken)
    problems.add("mimalloc-segment", `the slices of mimalloc's segment at ${formatAddress(start)} are damaged`, start);
  const pages = readPages(image, layout, segments);
  const heaps = findHeaps(image, discovery, pages);
  const groups = groupSegments(image, discovery, heaps, threads);
  const columns = new BlockColumns(countChunks(image, layout, pages) + 2 * segments.length + heaps.length);
  const blocks = new PagedBlocks(image, layout, pages, columns);
  appendAll(columns, blocks, discovery, pages, heaps, groups);
  const brokenPages = settlePages(pages, blocks, problems);
  if (brokenPages * 2 >= pages.length) return undefined;
  const brokenDelayed = settleDelayed(image, discovery, heaps, new PageIndex(segments, pages), blocks, problems);
  const chunks = columns.table();
  return {
    allocator: "mimalloc",
    variant: layout.versions,
    arenas: accountBlocks(chunks, groups),
    chunks,
    headerBytes: 0,
    borrowedBytes: 0,
    mapped: { count: 0, bytes: 0 },
    ...sumPages(pages, blocks, chunks.state, resident),
    settings: undefined,
    stateRanges: [{ start: discovery.mainHeap, end: discovery.mainHeap + layout.heap.dataBytes, what: "mimalloc's main heap" }],
    busy: broken.length > 0 || brokenPages > 0 || brokenDelayed,
    problems: problems.list(),
  };
}

/** Appends segments and thread data in address order. */
function appendAll(
  columns: BlockColumns,
  blocks: PagedBlocks,
  { segments }: SegmentDiscovery,
  pages: PageTable,
  heaps: readonly ThreadHeap[],
  groups: readonly SegmentGroup[],
): void {
  const arenaOf = new Map(groups.map(({ threadId }, index) => [threadId, index]));
  const data = heaps
    .flatMap((heap) => (heap.data ? { ...heap.data, arena: arenaOf.get(heap.threadId) as number } : []))
    .sort((left, right) => left.start - right.start);
  let next = 0;
  const appendData = (before: number) => {
    for (; next < data.length && data[next].start < before; next++)
      columns.pushRange(data[next].start, data[next].end, ChunkState.overhead, data[next].arena);
  };
  let page = 0;
  for (const [index, segment] of segments.entries()) {
    const arena = arenaOf.get(segment.threadId) as number;
    appendData(segment.start);
    columns.pushRange(segment.start, segment.pagesStart, ChunkState.overhead, arena);
    let end = segment.pagesStart;
    for (; page < pages.length && pages.segment[page] === index; page++) {
      blocks.append(page, arena);
      end = pages.start[page] + pages.bytes[page];
    }
    columns.pushRange(end, segment.end, ChunkState.overhead, arena);
  }
  appendData(Infinity);
}

/** Takes the free blocks of all pages off their lists. Returns how many pages do not verify. */
function settlePages(pages: PageTable, blocks: PagedBlocks, problems: ProblemReport): number {
  let broken = 0;
  for (let page = 0; page < pages.length; page++) {
    if (blocks.settle(page)) continue;
    broken++;
    const where = formatAddress(pages.start[page]);
    problems.add(
      "mimalloc-page",
      `the free lists of mimalloc's page at ${where} do not agree with its count`,
      pages.start[page],
    );
  }
  return broken;
}

/**
 * Takes what waits in the heaps off the blocks in use: blocks of full pages that other threads freed.
 * @returns true when a list is broken
 */
function settleDelayed(
  image: MemoryImage,
  { layout }: SegmentDiscovery,
  heaps: readonly ThreadHeap[],
  index: PageIndex,
  blocks: PagedBlocks,
  problems: ProblemReport,
): boolean {
  let broken = false;
  for (const heap of heaps) {
    for (let block = image.u64(heap.address + layout.heap.delayedFree); block !== 0; block = image.u64(block)) {
      const page = index.pageAt(block);
      // A block that was settled before is refused: a list that loops ends.
      if (page >= 0 && blocks.settleBlock(page, block, ChunkState.cached)) continue;
      broken = true;
      const where = formatAddress(heap.address);
      problems.add("mimalloc-delayed", `the list of freed blocks of mimalloc's heap at ${where} is broken`, heap.address);
      break;
    }
  }
  return broken;
}

function sumPages(
  pages: PageTable,
  blocks: PagedBlocks,
  state: Uint8Array,
  resident: PageSet,
): { readonly sizeClasses: readonly SizeClass[]; readonly freePages: readonly FreePages[] } {
  const sums = new SizeClassSums();
  const free = { state: "free", bytes: 0, residentBytes: 0 };
  for (let page = 0; page < pages.length; page++) {
    const residentBytes = resident.bytesWithin(pages.start[page], pages.start[page] + pages.bytes[page]);
    if (pages.blockBytes[page] === 0) {
      free.bytes += pages.bytes[page];
      free.residentBytes += residentBytes;
    } else {
      const { first, end } = blocks;
      sums.add(pages.blockBytes[page], state, first[page], end[page], residentBytes, blocks.neverUsed(page));
    }
  }
  return { sizeClasses: sums.list(), freePages: free.bytes > 0 ? [free] : [] };
}
