import { PAGE_BYTES, roundDown, USER_SPACE_END } from "../base/units.ts";
import type { MemoryReader } from "./memory-reader.ts";

const TWO_32 = 2 ** 32;

/**
 * A copy of one address range for scanning: a live process is read in one piece instead of word by word.
 * Pages that cannot be read are zero. Costs the range's size; give it data segments, not heaps.
 */
export class MemoryWindow {
  private readonly words: Uint32Array;

  private constructor(
    readonly start: number,
    readonly end: number,
    private readonly copy: Uint8Array,
  ) {
    this.words = new Uint32Array(copy.buffer, 0, Math.floor(copy.length / 4));
  }

  /** Copies [start, end) widened to 8-byte borders. */
  static read(reader: MemoryReader, start: number, end: number): MemoryWindow {
    const from = roundDown(start, 8);
    const to = Math.max(from, roundDown(end + 7, 8));
    const copy = new Uint8Array(to - from);
    const whole = reader.bytes(from, to - from);
    if (whole !== undefined) copy.set(whole);
    else readPages(reader, from, to, copy);
    return new MemoryWindow(from, to, copy);
  }

  contains(address: number): boolean {
    return address >= this.start && address < this.end;
  }

  /** The unsigned 64-bit word at a multiple of 8 inside the window, exact below 2^53; 0 outside. */
  pointer(address: number): number {
    if (address < this.start || address + 8 > this.end) return 0;
    const word = (address - this.start) / 4;
    return this.words[word] + this.words[word + 1] * TWO_32;
  }

  /**
   * Address of the first slot at or after `from` that holds an aligned user-space address; `end` when there is none. Most words of
   * static data are zero: a scan for pointers skips them here.
   */
  nextPointer(from: number): number {
    const { words } = this;
    for (let word = (Math.max(from, this.start) - this.start) / 4; word + 1 < words.length; word += 2) {
      const low = words[word];
      const high = words[word + 1];
      if ((low & 7) === 0 && high < USER_SPACE_END / TWO_32 && (high !== 0 || low >= PAGE_BYTES)) return this.start + word * 4;
    }
    return this.end;
  }

  /** The bytes as Latin-1 text, for searching: index i is the byte at start + i. */
  text(): string {
    return Buffer.from(this.copy.buffer, 0, this.copy.length).toString("latin1");
  }
}

function readPages(reader: MemoryReader, start: number, end: number, into: Uint8Array): void {
  for (let address = start; address < end; ) {
    const next = Math.min(end, roundDown(address, PAGE_BYTES) + PAGE_BYTES);
    const page = reader.bytes(address, next - address);
    if (page !== undefined) into.set(page, address - start);
    address = next;
  }
}
