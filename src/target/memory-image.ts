import { MIB, USER_SPACE_END } from "../base/units.ts";
import { type LinearMemory, MAX_LINEAR_BYTES } from "./linear-memory.ts";
import type { MemoryReader } from "./memory-reader.ts";

const SLOT_WORDS = MIB / 4;
/** 2^20 is a MiB. */
const SLOT_SHIFT = 20;
/** Entries of the directory: one for each 4 GiB of the user half of the address space. */
const DIRECTORY_WORDS = 32768;
/** Entries of one table: one for each 1 MiB of 4 GiB. */
const TABLE_WORDS = 4096;
const TWO_32 = 2 ** 32;
const decoder = new TextDecoder();

/** A page-aligned address range [start, end). */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A copy of another process's memory, laid out so that an address is translated by two loads:
 * the high 15 bits choose a table in the directory, the next 12 bits a 1 MiB slot in the table, and the low 20 bits stay.
 * Addresses outside the image translate into one shared slot that is all zero. Slots lie in address order, so word order
 * is address order.
 *
 * The tables lie in the linear memory itself, where kernels use them; this class is the readable view of the same bytes.
 */
export class MemoryImage implements MemoryReader {
  /** Word index of the directory. */
  readonly directory: number;
  /** Word index of the shared all-zero slot. */
  readonly zeroSlot: number;
  /** Word index of the first slot; slots are consecutive. */
  readonly firstSlot: number;
  /** 1 MiB-aligned address of each slot, ascending. */
  readonly slotAddresses: Float64Array;
  private readonly slotBytes: (Buffer | undefined)[] = [];

  private constructor(
    readonly memory: LinearMemory,
    directory: number,
    zeroSlot: number,
    firstSlot: number,
    slotAddresses: Float64Array,
  ) {
    this.directory = directory;
    this.zeroSlot = zeroSlot;
    this.firstSlot = firstSlot;
    this.slotAddresses = slotAddresses;
  }

  /** Bytes of linear memory that directory, tables and slots for `ranges` need, or Infinity when it cannot hold them. */
  static bytesNeeded(ranges: readonly AddressRange[]): number {
    const { slots, regions } = slotsOf(ranges);
    const bytes = (DIRECTORY_WORDS + (regions.length + 1) * TABLE_WORDS) * 4 + (slots.length + 3) * MIB;
    return bytes <= MAX_LINEAR_BYTES ? bytes : Infinity;
  }

  /** Lays out slots for every 1 MiB that `ranges` touch; the bytes are filled by whoever copies. */
  static layOut(memory: LinearMemory, ranges: readonly AddressRange[]): MemoryImage {
    const { slots, regions } = slotsOf(ranges);
    const directory = memory.allocate(DIRECTORY_WORDS);
    const absentTable = memory.allocate(TABLE_WORDS);
    const tables = regions.map(() => memory.allocate(TABLE_WORDS));
    const zeroSlot = memory.allocate(SLOT_WORDS, SLOT_WORDS);
    memory.int32(directory, DIRECTORY_WORDS).fill(absentTable);
    memory.int32(absentTable, TABLE_WORDS).fill(zeroSlot);
    for (const [index, region] of regions.entries()) {
      memory.store(directory + region, tables[index]);
      memory.int32(tables[index], TABLE_WORDS).fill(zeroSlot);
    }
    // One by one: a slot never crosses a segment, and the first one's index is all that others need to know.
    let firstSlot = 0;
    for (const [index, slot] of slots.entries()) {
      const word = memory.allocate(SLOT_WORDS, SLOT_WORDS);
      if (index === 0) firstSlot = word;
      const region = Math.floor(slot / TABLE_WORDS);
      memory.store(memory.load(directory + region) + (slot % TABLE_WORDS), word | 0);
    }
    return new MemoryImage(
      memory,
      directory,
      zeroSlot,
      firstSlot,
      Float64Array.from(slots, (slot) => slot * MIB),
    );
  }

  /**
   * Lays out the same memory for other ranges; whatever was allocated after the image is given back. This image must not
   * be used any more, and its slots must be clear, because bytes do not move along.
   */
  layOutAgain(ranges: readonly AddressRange[]): MemoryImage {
    this.memory.int32(this.directory, this.zeroSlot - this.directory).fill(0);
    this.memory.rewind(this.directory);
    return MemoryImage.layOut(this.memory, ranges);
  }

  /** Number of slots of the image. */
  get slotCount(): number {
    return this.slotAddresses.length;
  }

  /** Word index (unsigned) of the word that holds `address`; in the zero slot when the image has no slot for it. */
  wordOf(address: number): number {
    if (!(address >= 0 && address < USER_SPACE_END)) return this.zeroSlot;
    const table = this.memory.load(this.directory + Math.floor(address / TWO_32));
    // The low 32 bits as an integer: the remainder of a large double is many times slower.
    const low = address >>> 0;
    const slot = this.memory.load(table + (low >>> SLOT_SHIFT)) >>> 0;
    return slot + ((low & (MIB - 1)) >>> 2);
  }

  /** Address of a word of the image (not of the zero slot). */
  addressOf(word: number): number {
    const offset = (word >>> 0) - this.firstSlot;
    return this.slotAddresses[Math.floor(offset / SLOT_WORDS)] + (offset % SLOT_WORDS) * 4;
  }

  has(address: number): boolean {
    return Math.floor(this.wordOf(address) / SLOT_WORDS) !== this.zeroSlot / SLOT_WORDS;
  }

  u8(address: number): number {
    return (this.memory.load(this.wordOf(address)) >>> ((address & 3) * 8)) & 0xff;
  }

  u16(address: number): number {
    return this.u8(address) | (this.u8(address + 1) << 8);
  }

  u32(address: number): number {
    return this.i32(address) >>> 0;
  }

  i32(address: number): number {
    const shift = (address & 3) * 8;
    const word = this.memory.load(this.wordOf(address));
    if (shift === 0) return word;
    return (word >>> shift) | (this.memory.load(this.wordOf(address - (address & 3) + 4)) << (32 - shift));
  }

  u64(address: number): number {
    if ((address & 7) !== 0) return this.u32(address) + this.u32(address + 4) * TWO_32;
    // A slot has both words of an aligned one: nearly all that is read are pointers.
    const word = this.wordOf(address);
    return (this.memory.load(word) >>> 0) + (this.memory.load(word + 1) >>> 0) * TWO_32;
  }

  i64(address: number): number {
    return this.u32(address) + this.i32(address + 4) * TWO_32;
  }

  bytes(address: number, length: number): Uint8Array | undefined {
    // A length read from the target may be anything: no more is made room for than the image can have.
    if (!(length >= 0 && length <= this.slotCount * MIB)) return undefined;
    const copy = new Uint8Array(length);
    for (let at = address, done = 0; done < length; ) {
      if (!this.has(at)) return undefined;
      const take = Math.min(length - done, MIB - (at % MIB));
      const lead = at % 4;
      copy.set(this.memory.bytes(this.wordOf(at), lead + take).subarray(lead), done);
      done += take;
      at += take;
    }
    return copy;
  }

  latin1(address: number, length: number): string | undefined {
    const from = address & (MIB - 1);
    if (length >= 0 && from + length <= MIB) return this.slotAt(address)?.toString("latin1", from, from + length);
    const bytes = this.bytes(address, length);
    return bytes && Buffer.from(bytes.buffer).toString("latin1");
  }

  cString(address: number, maxLength = 256): string | undefined {
    const slot = this.slotAt(address);
    if (slot === undefined) return undefined;
    const from = address & (MIB - 1);
    const most = Math.min(MIB, from + maxLength);
    let end = from;
    let all = 0;
    for (; end < most && slot[end] !== 0; end++) all |= slot[end];
    // ASCII, as nearly all are, needs no decoder.
    if (end < most) return all < 0x80 ? slot.toString("latin1", from, end) : decoder.decode(slot.subarray(from, end));
    if (most < MIB || from + maxLength === MIB) return undefined;
    // What lies behind the last slot reads as zero, but ends no string.
    const rest = this.bytes(address, Math.min(maxLength, 2 * MIB - from));
    const zero = rest?.indexOf(0) ?? -1;
    return zero < 0 ? undefined : decoder.decode(rest?.subarray(0, zero));
  }

  /** The bytes of the slot that has an address; each is made once, since views cost more than what is read through them. */
  private slotAt(address: number): Buffer | undefined {
    const word = this.wordOf(address);
    if (Math.floor(word / SLOT_WORDS) === this.zeroSlot / SLOT_WORDS) return undefined;
    const slot = Math.floor((word - this.firstSlot) / SLOT_WORDS);
    let bytes = this.slotBytes[slot];
    if (bytes === undefined) {
      const view = this.memory.bytes(this.firstSlot + slot * SLOT_WORDS, MIB);
      bytes = Buffer.from(view.buffer, view.byteOffset, MIB);
      this.slotBytes[slot] = bytes;
    }
    return bytes;
  }

  /** Calls `visit` with the bytes of [start, end) as views into the image, slot by slot; used to fill and to scan it. */
  forEachSpan(
    start: number,
    end: number,
    visit: (address: number, word: number, byteOffset: number, length: number) => void,
  ): void {
    for (let address = start; address < end; ) {
      const length = Math.min(end - address, MIB - (address % MIB));
      if (this.has(address)) visit(address, this.wordOf(address), address % 4, length);
      address += length;
    }
  }
}

/** 1 MiB and 4 GiB numbers, ascending, that `ranges` touch. */
function slotsOf(ranges: readonly AddressRange[]): { slots: number[]; regions: number[] } {
  const slots: number[] = [];
  const regions: number[] = [];
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  for (const { start, end } of sorted) {
    const last = Math.floor((end - 1) / MIB);
    const first = Math.max(Math.floor(start / MIB), (slots.at(-1) ?? -1) + 1);
    for (let slot = first; slot <= last; slot++) {
      slots.push(slot);
      const region = Math.floor(slot / TABLE_WORDS);
      if (regions.at(-1) !== region) regions.push(region);
    }
  }
  return { slots, regions };
}
