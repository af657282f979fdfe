import type { PageSet } from "../../../base/page-set.ts";
import type { ProblemReport } from "../../../base/problems.ts";
import { formatAddress } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { ChunkState } from "../allocator.ts";
import type { SpanBlocks } from "./blocks.ts";
import { findCentralLists, type ThreadCaches } from "./caches.ts";
import { CENTRAL_LIST, SPAN, THREAD_CACHE } from "./layouts.ts";
import type { SpanTable } from "./spans.ts";

/** No list is longer: blocks are counted in 32 bits at most. */
const MOST_BLOCKS = 2 ** 31;

/**
 * Takes the free blocks of each span off its list.
 * @returns spans whose list is broken, or leaves another number of blocks than the span counts as handed out
 */
export function settleSpans(image: MemoryImage, spans: SpanTable, blocks: SpanBlocks, problems: ProblemReport): number {
  let broken = 0;
  for (let span = 0; span < spans.length; span++) {
    if (spans.sizeClass[span] === 0) continue;
    const count = blocks.countOf(span);
    const free = blocks.settle(image.u64(spans.span[span] + SPAN.objects), spans.sizeClass[span], ChunkState.free, count);
    if (free >= 0 && count - free === spans.handedOut[span]) continue;
    broken++;
    const where = formatAddress(spans.start[span]);
    problems.add(
      "tcmalloc-span",
      `the free list of tcmalloc's span at ${where} does not agree with its count`,
      spans.start[span],
    );
  }
  return broken;
}

/**
 * Takes what lies in thread caches off the blocks in use.
 * @returns true when a list is not as long as its count says
 */
export function settleThreadCaches(
  image: MemoryImage,
  caches: ThreadCaches | undefined,
  classes: number,
  blocks: SpanBlocks,
  problems: ProblemReport,
): boolean {
  let broken = false;
  for (const cache of caches?.addresses ?? []) {
    for (let sizeClass = 1; sizeClass < classes; sizeClass++) {
      const list = cache + sizeClass * THREAD_CACHE.listBytes;
      const length = image.u32(list + THREAD_CACHE.length);
      if (blocks.settle(image.u64(list + THREAD_CACHE.list), sizeClass, ChunkState.cached, MOST_BLOCKS) === length) continue;
      broken = true;
      problems.add("tcmalloc-cache", `a list of tcmalloc's thread cache at ${formatAddress(cache)} is broken`, cache);
    }
  }
  return broken;
}

/**
 * Takes what lies in the transfer slots between threads off the blocks in use.
 * @returns true when a lock is held or a list broken
 */
export function settleCentralLists(
  image: MemoryImage,
  data: AddressRange,
  resident: PageSet,
  classes: number,
  blocks: SpanBlocks,
  problems: ProblemReport,
): boolean {
  const lists = findCentralLists(image, data, resident, classes);
  if (lists === undefined) {
    problems.add("tcmalloc-central", "tcmalloc's central lists were not found: what lies in them counts as in use");
    return false;
  }
  let broken = false;
  for (let sizeClass = 1; sizeClass < classes; sizeClass++) {
    const list = lists[sizeClass];
    if (image.u32(list + CENTRAL_LIST.lock) !== 0) broken = true;
    const used = image.u32(list + CENTRAL_LIST.usedSlots);
    let intact = used <= CENTRAL_LIST.mostSlots;
    for (let slot = 0; slot < used && intact; slot++) {
      const first = image.u64(list + CENTRAL_LIST.slots + slot * CENTRAL_LIST.slotBytes);
      intact = first !== 0 && blocks.settle(first, sizeClass, ChunkState.cached, MOST_BLOCKS) > 0;
    }
    if (intact) continue;
    broken = true;
    problems.add("tcmalloc-transfer", `tcmalloc's central list at ${formatAddress(list)} is broken`, list);
  }
  return broken;
}
