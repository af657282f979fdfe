import { GIB, MIB } from "../../src/base/units.ts";
import { LinearMemory, SEGMENT_WORDS } from "../../src/target/linear-memory.ts";
import { MemoryImage } from "../../src/target/memory-image.ts";

const SLOT_WORDS = MIB / 4;

/** A linear memory of some form; it takes address space only until it is written. */
export type MakeMemory = () => LinearMemory;

/**
 * Every form that kernels run in: WebAssembly, plain over one buffer, plain over several with an image that lies across the
 * border of two, and plain with all words above 2³¹, which are negative where a word is a signed number.
 */
export const MEMORY_FORMS: Readonly<Record<string, MakeMemory>> = {
  WebAssembly: () => LinearMemory.create(4 * GIB, true),
  "one buffer": () => LinearMemory.create(4 * GIB, false),
  "several buffers": () => {
    const memory = LinearMemory.create(6 * GIB, false);
    memory.allocate(SEGMENT_WORDS - 4 * SLOT_WORDS);
    return memory;
  },
  "words above 2³¹": () => {
    const memory = LinearMemory.create(12 * GIB, false);
    for (let segment = 0; segment < 5; segment++) memory.allocate(SEGMENT_WORDS);
    return memory;
  },
};

/** The same image in another linear memory. */
export function relayImage(image: MemoryImage, memory: LinearMemory): MemoryImage {
  const ranges = Array.from(image.slotAddresses, (start) => ({ start, end: start + MIB }));
  const copy = MemoryImage.layOut(memory, ranges);
  for (const { start } of ranges) {
    const from = image.memory.int32(image.wordOf(start), SLOT_WORDS);
    // Pages of zeros stay untouched.
    const to = memory.int32(copy.wordOf(start), SLOT_WORDS);
    for (let word = 0; word < SLOT_WORDS; word++) if (from[word] !== 0) to[word] = from[word];
  }
  return copy;
}
