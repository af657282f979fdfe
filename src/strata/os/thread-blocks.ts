/**
 * Thread control blocks and the stacks that they describe.
 *
 * glibc places a thread's control block (struct pthread, nptl/descr.h) at the upper end of its stack and records there
 * which memory the stack is. All blocks hang in circular lists whose heads lie in the loader's data (2.34 and later,
 * `_rtld_global._dl_stack_used`, `_dl_stack_user`, `_dl_stack_cache`) or in libpthread's (before), the cached stacks of
 * finished threads included. A block is trusted when it points at itself as the ABI for thread-local storage demands.
 */
import { PAGE_BYTES } from "../../base/units.ts";
import type { MemoryImage } from "../../target/memory-image.ts";
import type { KernelThread } from "../../target/process-image.ts";
import type { Range } from "./address-ranges.ts";
import { forEachPointer } from "./scan-words.ts";

/** tcbhead_t (sysdeps/x86_64/nptl/tls.h) and the head of struct pthread behind it; the same in glibc 2.17–2.43. */
const BLOCK = { self: 0, dtv: 8, selfAgain: 16, list: 0x2c0, tid: 0x2d0, end: 0x900 } as const;
/** TCB_ALIGNMENT is 64 today and was less in old versions. */
const BLOCK_ALIGNMENT = 16;
/** PTHREAD_STACK_MIN is 16 KiB; a thread's stack above 64 GiB would be a reservation that no loader makes. */
const STACK_BYTES_MIN = 16384;
const STACK_BYTES_MAX = 64 * 2 ** 30;
const MAX_BLOCKS = 65536;

/** dtv_t (sysdeps/generic/dl-dtv.h): 16 bytes; the number of slots lies one entry before the one that the block points at. */
const DTV = { entryBytes: 16, maxSlots: 65536 } as const;
/** Static thread-local storage lies directly below its block; more than this no program has. */
const STATIC_TLS_MAX = 1024 * 1024;

/** A thread's control block. */
export interface ThreadBlock {
  /** The thread pointer (fs). */
  readonly address: number;
  /** First byte of the static thread-local storage below the block. */
  readonly storageStart: number;
  /** End of the block, at most; whole pages where it ends a stack. */
  readonly end: number;
  /** Kernel thread id, 0 when the thread has finished. */
  readonly tid: number;
  /** The stack with its guard, undefined for the main thread, whose stack the kernel made. */
  readonly stack: Range | undefined;
}

/**
 * Finds the control blocks of all threads, finished ones whose stack is kept for reuse included; ascending.
 * @param threads their thread pointers are taken where known
 * @param listHeads ranges in which the heads of glibc's lists of stacks may lie
 * @param small writable anonymous mappings of a few pages: where the loader puts the main thread's block
 */
export function findThreadBlocks(
  image: MemoryImage,
  threads: readonly KernelThread[],
  listHeads: readonly Range[],
  small: readonly Range[],
): ThreadBlock[] {
  const addresses = new Set<number>();
  for (const { threadPointer } of threads) {
    if (threadPointer !== undefined && isBlock(image, threadPointer)) addresses.add(threadPointer);
  }
  for (const range of listHeads) {
    forEachPointer(image, range.start, range.end, (head, value) => {
      if (isBlock(image, value - BLOCK.list) && image.u64(value + 8) === head) followList(image, head, value, addresses);
    });
  }
  // A process that was forked by another thread than the main one has lost sight of the main thread's block.
  if (addresses.size > 0 && [...addresses].every((address) => stackOf(image, address)))
    addBlocksWithin(image, small, addresses);
  const alive = new Set(threads.map((thread) => thread.tid));
  return [...addresses].sort((a, b) => a - b).map((address) => describe(image, address, alive));
}

function addBlocksWithin(image: MemoryImage, ranges: readonly Range[], addresses: Set<number>): void {
  for (const { start, end } of ranges) {
    forEachPointer(image, start, end, (address, value) => {
      if (value === address && isBlock(image, address)) addresses.add(address);
    });
  }
}

/** Adds the blocks of a circular list to `addresses`; ends at its head, at garbage or at a block seen before. */
function followList(image: MemoryImage, head: number, first: number, addresses: Set<number>): void {
  const seen = new Set<number>();
  for (let node = first; node !== head && !seen.has(node) && seen.size < MAX_BLOCKS; node = image.u64(node)) {
    if (!isBlock(image, node - BLOCK.list)) return;
    seen.add(node);
    addresses.add(node - BLOCK.list);
  }
}

function isBlock(image: MemoryImage, address: number): boolean {
  return (
    address > 0 &&
    address % BLOCK_ALIGNMENT === 0 &&
    image.u64(address + BLOCK.self) === address &&
    image.u64(address + BLOCK.selfAgain) === address
  );
}

function describe(image: MemoryImage, address: number, alive: ReadonlySet<number>): ThreadBlock {
  const tid = image.u32(address + BLOCK.tid);
  const stack = stackOf(image, address);
  return {
    address,
    storageStart: storageStart(image, address),
    end: stack?.end ?? address + BLOCK.end,
    tid: alive.has(tid) ? tid : 0,
    stack,
  };
}

/** Finds `stackblock` and `stackblock_size`: the words that describe whole pages with the block itself at their end. */
function stackOf(image: MemoryImage, address: number): Range | undefined {
  for (let offset = BLOCK.tid; offset < BLOCK.end; offset += 8) {
    const start = image.u64(address + offset);
    const bytes = image.u64(address + offset + 8);
    const end = start + bytes;
    const fits =
      start > 0 &&
      start % PAGE_BYTES === 0 &&
      bytes % PAGE_BYTES === 0 &&
      bytes >= STACK_BYTES_MIN &&
      bytes <= STACK_BYTES_MAX &&
      address >= start &&
      address + BLOCK.tid < end &&
      end - address <= STATIC_TLS_MAX;
    if (fits) return { start, end };
  }
  return undefined;
}

/** Start of the lowest module's storage, by the dynamic thread vector; the block itself when that does not tell. */
function storageStart(image: MemoryImage, address: number): number {
  const vector = image.u64(address + BLOCK.dtv);
  const slots = image.has(vector) ? image.u64(vector - DTV.entryBytes) : 0;
  let lowest = address;
  for (let slot = 1; slot <= slots && slots <= DTV.maxSlots; slot++) {
    const storage = image.u64(vector + slot * DTV.entryBytes);
    if (storage < lowest && storage > address - STATIC_TLS_MAX) lowest = storage;
  }
  return lowest;
}
