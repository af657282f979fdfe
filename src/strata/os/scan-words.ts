import type { MemoryImage } from "../../target/memory-image.ts";

const TWO_32 = 2 ** 32;
/** The kernel lets no process map below this by default (vm.mmap_min_addr). */
const LOWEST_ADDRESS = 65536;
/** High half of the first value that is no user-space address. */
const HIGH_END = 0x8000;

/**
 * Calls `visit` for every aligned 64-bit word of [start, end) whose value can be a user-space address.
 * Linear in the words; memory outside the image is skipped.
 */
export function forEachPointer(
  image: MemoryImage,
  start: number,
  end: number,
  visit: (address: number, value: number) => void,
): void {
  const alignedStart = Math.ceil(start / 8) * 8;
  image.forEachSpan(alignedStart, end, (address, word, _byteOffset, length) => {
    const words = image.memory.int32(word, Math.floor(length / 8) * 2);
    for (let index = 0; index < words.length; index += 2) {
      const high = words[index + 1];
      if (high < 0 || high >= HIGH_END) continue;
      const value = high * TWO_32 + (words[index] >>> 0);
      if (value >= LOWEST_ADDRESS) visit(address + index * 4, value);
    }
  });
}
