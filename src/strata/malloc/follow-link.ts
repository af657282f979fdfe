import type { MemoryImage } from "../../target/memory-image.ts";

const TWO_32 = 2 ** 32;

/** The next free block: what stands in the first 8 bytes of `block`, which is aligned to 8. One translation of its address, for lists. */
export function followLink(image: MemoryImage, block: number): number {
  const word = image.wordOf(block);
  return (image.memory.load(word) >>> 0) + (image.memory.load(word + 1) >>> 0) * TWO_32;
}
