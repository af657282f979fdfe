import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { KernelSet } from "../kernels/kernel-set.ts";
import * as P from "../kernels/parameters.ts";

/** Native memory is followed through structures of up to 16 MiB: beyond it lies data. */
const NATIVE_WORDS = 4 * 2 ** 20;

/** Writable data of a library; Python's own module is marked. */
export interface LibraryData {
  readonly start: number;
  readonly end: number;
  readonly library: number;
  readonly python: boolean;
}

/** A part of a thread's memory: its stack from the stack pointer on, its thread-local data. */
export interface ThreadMemory extends AddressRange {
  /** The thread's row. */
  readonly thread: number;
}

/** What an address is, by the mapping that it lies in. */
export type Surrounding = "memory" | "stack" | "code" | "constants" | "data" | "none";

/** Where pointers at native memory may lie beside objects and libraries' data, and what native memory may point at. */
export interface NativeSurroundings {
  readonly threads: readonly ThreadMemory[];
  /** Memory of the process that is none of a thread's, a library's or an allocator's. */
  readonly elsewhere: readonly AddressRange[];
  readonly kindOf: (address: number) => Surrounding;
  /** Library whose mapping an address lies in, −1 for none. */
  readonly libraryOf: (address: number) => number;
}

/**
 * Gives memory that no object owns to the runtime, then to other libraries: what their data points at the beginning of, and what that
 * points at.
 */
export function attributeNative(image: MemoryImage, kernels: KernelSet, libraryData: readonly LibraryData[]): void {
  forLibraries(image, libraryData, (word, words, state, library) => {
    kernels.takeReachable(word, words, state, library, NATIVE_WORDS);
  });
}

/** Calls `visit` for the words of each library's data, the Python runtime's first. */
export function forLibraries(
  image: MemoryImage,
  libraryData: readonly LibraryData[],
  visit: (word: number, words: number, state: number, library: number) => void,
): void {
  for (const python of [true, false]) {
    for (const { start, end, library, ...data } of libraryData) {
      if (data.python !== python) continue;
      const state = python ? P.STATE_RUNTIME : P.STATE_LIBRARY;
      forWords(image, start, end, (word, words) => visit(word, words, state, library));
    }
  }
}

/** Calls `visit` for the words of the image in a range, from the first that is aligned to 8 bytes. */
export function forWords(image: MemoryImage, start: number, end: number, visit: (word: number, words: number) => void): void {
  image.forEachSpan(start - (start % 8), end, (_address, word, _byte, length) => visit(word | 0, length >>> 2));
}
