import { PAGE_BYTES } from "../../../../src/base/units.ts";
import { PageState, type ProcessImage } from "../../../../src/target/process-image.ts";
import { syntheticImage } from "../../../support/synthetic-image.ts";

/** Words by address, of which an image is made whose resident pages are those with words. */
export class SyntheticMemory {
  private readonly words = new Map<number, number>();

  u64(address: number, value: number): void {
    this.words.set(address, value);
  }

  /** Sets 1, 2 or 4 bytes of a word, the others stay. */
  bits(address: number, bytes: number, value: number): void {
    const offset = (address % 8) * 8;
    const base = address - (address % 8);
    const word = BigInt(this.words.get(base) ?? 0);
    const mask = ((1n << BigInt(bytes * 8)) - 1n) << BigInt(offset);
    // Beyond 2^53 a number holds the word no more: no test has such halves.
    this.words.set(base, Number((word & ~mask) | (BigInt(value) << BigInt(offset))));
  }

  /** A list of free blocks, linked by their first words; the address of the first. */
  list(blocks: readonly number[]): number {
    for (const [index, block] of blocks.entries()) this.u64(block, blocks[index + 1] ?? 0);
    return blocks[0] ?? 0;
  }

  image(maps: string): ProcessImage {
    const pages = [...new Set([...this.words.keys()].map((address) => address - (address % PAGE_BYTES)))];
    const runs = pages
      .sort((left, right) => left - right)
      .map((start) => ({ start, end: start + PAGE_BYTES, state: PageState.present | PageState.counted }));
    return syntheticImage({ maps, words: this.words, runs });
  }
}

/** A line of /proc/PID/maps for writable private memory. */
export function mapsLine(start: number, bytes: number, path: string): string {
  return `${start.toString(16)}-${(start + bytes).toString(16)} rw-p 00000000 00:00 0 ${path}\n`;
}
