import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { KernelThread } from "../../../target/process-image.ts";
import { THREAD_BLOCK } from "./layouts.ts";

/** Where a thread's control block is; its thread-local variables of libc and of the program lie right below. */
export interface ThreadBlock {
  readonly tid: number;
  readonly address: number;
}

/**
 * The control block of every thread: from the fs register where it is known, otherwise by its two pointers to itself and the
 * thread id in it (struct pthread, sysdeps/x86_64/nptl/tls.h). A thread's block lies above its stack in the same mapping; those
 * are looked at first, and the rest of anonymous memory only for threads that are still missing.
 *
 * @param memory anonymous memory that is not malloc's
 */
export function findThreadBlocks(
  image: MemoryImage,
  threads: readonly KernelThread[],
  memory: readonly AddressRange[],
  resident: PageSet,
): ThreadBlock[] {
  const blocks: ThreadBlock[] = [];
  const missing = new Set<number>();
  for (const { tid, threadPointer } of threads) {
    if (threadPointer !== undefined && threadPointer > 0) blocks.push({ tid, address: threadPointer });
    else missing.add(tid);
  }
  const stackPointers = threads.flatMap((thread) => thread.stackPointer ?? []);
  const holdsStack = (range: AddressRange) => stackPointers.some((pointer) => pointer >= range.start && pointer < range.end);
  const ordered = [...memory.filter(holdsStack), ...memory.filter((range) => !holdsStack(range))];
  for (const range of ordered) {
    for (let page = range.start; page < range.end && missing.size > 0; page += PAGE_BYTES) {
      if (resident.has(page)) searchPage(image, page, missing, blocks);
    }
  }
  return blocks;
}

function searchPage(image: MemoryImage, page: number, missing: Set<number>, blocks: ThreadBlock[]): void {
  const { memory } = image;
  const firstWord = image.wordOf(page);
  for (let offset = 0; offset < PAGE_BYTES; offset += THREAD_BLOCK.alignment) {
    const address = page + offset;
    // The low half alone rules out nearly everything.
    if (memory.load(firstWord + offset / 4) !== (address | 0) || image.u64(address) !== address) continue;
    if (image.u64(address + THREAD_BLOCK.selfAgain) !== address) continue;
    const tid = image.u32(address + THREAD_BLOCK.tid);
    if (missing.delete(tid)) blocks.push({ tid, address });
  }
}
