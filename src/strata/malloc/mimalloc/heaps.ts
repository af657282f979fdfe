import { PAGE_BYTES, roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { KernelThread } from "../../../target/process-image.ts";
import type { ArenaOutline } from "../account-blocks.ts";
import { THREAD_BLOCK } from "../glibc/layouts.ts";
import type { PageTable } from "./pages.ts";
import type { Segment, SegmentDiscovery } from "./segments.ts";

/** A heap of a thread (`mi_heap_t`): what its pages belong to. */
export interface ThreadHeap {
  readonly address: number;
  /** Base of the thread's control block. */
  readonly threadId: number;
  /** The mapping that holds it; undefined for one in static data or within a block. */
  readonly data: AddressRange | undefined;
}

/** What belongs together: the segments of one thread with its heap, or those whose thread has ended. */
export interface SegmentGroup extends ArenaOutline {
  readonly threadId: number;
}

/** Every heap that a page names and that names the thread of the page's segment. */
export function findHeaps(
  image: MemoryImage,
  { layout, segments, mainHeap }: SegmentDiscovery,
  pages: PageTable,
): ThreadHeap[] {
  const heaps = new Map<number, ThreadHeap>();
  for (let page = 0; page < pages.length; page++) {
    const address = image.u64(pages.page[page] + layout.page.heap);
    if (pages.blockBytes[page] === 0 || heaps.has(address)) continue;
    const { threadId } = segments[pages.segment[page]];
    if (threadId === 0 || image.u64(address + layout.heap.threadId) !== threadId) continue;
    const own = address !== mainHeap && address % PAGE_BYTES === 0 && !isWithin(segments, address);
    const data = own ? { start: address, end: roundUp(address + layout.heap.dataBytes, PAGE_BYTES) } : undefined;
    heaps.set(address, { address, threadId, data });
  }
  return [...heaps.values()];
}

/** One group for each thread that has segments, the main thread's first, then one for segments without a thread. */
export function groupSegments(
  image: MemoryImage,
  { segments, mainHeap }: SegmentDiscovery,
  heaps: readonly ThreadHeap[],
  threads: readonly KernelThread[],
): SegmentGroup[] {
  const ids = [...new Set(segments.map(({ threadId }) => threadId))];
  const groups = ids.map((threadId) => {
    const own = segments.filter((segment) => segment.threadId === threadId);
    const ownHeaps = heaps.filter((heap) => heap.threadId === threadId);
    const main = ownHeaps.some(({ address }) => address === mainHeap);
    const tid = threadId === 0 ? undefined : threadOf(image, threadId, threads);
    return {
      threadId,
      address: main ? mainHeap : (ownHeaps.find(({ data }) => data)?.address ?? own[0].start),
      main,
      threads: tid === undefined ? [] : [tid],
      ranges: [...own.map(({ start, end }) => ({ start, end })), ...ownHeaps.flatMap(({ data }) => data ?? [])],
    };
  });
  const rank = (group: SegmentGroup) => (group.main ? 0 : group.threadId === 0 ? 2 : 1);
  return groups.sort((left, right) => rank(left) - rank(right) || left.address - right.address);
}

/** mimalloc's thread id is the base of the control block, by the fs register or by what stands in the block. */
function threadOf(image: MemoryImage, threadId: number, threads: readonly KernelThread[]): number | undefined {
  const byRegister = threads.find(({ threadPointer }) => threadPointer === threadId);
  if (byRegister !== undefined) return byRegister.tid;
  const tid = image.u32(threadId + THREAD_BLOCK.tid);
  return image.u64(threadId) === threadId && threads.some((thread) => thread.tid === tid) ? tid : undefined;
}

function isWithin(segments: readonly Segment[], address: number): boolean {
  return segments.some(({ start, end }) => start <= address && address < end);
}
