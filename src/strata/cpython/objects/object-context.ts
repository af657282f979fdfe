import { MIB } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { KernelSet } from "../kernels/kernel-set.ts";
import * as P from "../kernels/parameters.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { RowTable } from "./row-table.ts";

const TWO_32 = 2 ** 32;
/** Locals, cells and evaluation stack of the largest frame that is believed; real ones have some hundred. */
const MOST_SLOTS = 1 << 16;

/** Bytes of the longest object that is believed to have a body to read. */
const MOST_COVERED = P.MOST_BASIC_BYTES + 64;
/** How far memory behind an object is followed when its structure is a guess. */
const MOST_BODY_PLACES = 2 ** 24;
const MOST_BODY_WORDS = 4096;
/** First word behind an object's header. */
const FIRST_BODY_WORD = 4;

/** Slot of the field at a byte offset. */
export function fieldSlot(offset: number): number {
  return P.SLOT_FIELD | ((offset - FIRST_BODY_WORD * 4) >>> 3);
}

/** Kernels take an address as two words. */
function lowWord(address: number): number {
  return (address % TWO_32) | 0;
}

function highWord(address: number): number {
  return Math.floor(address / TWO_32);
}

/** A mapping that an object at `place` made for itself. */
export interface MappedBuffer {
  readonly start: number;
  readonly end: number;
  readonly place: number;
}

/** What the host's part of the object decoder works with. */
export class ObjectContext {
  /** Set once the kernels are loaded; they and the host need each other. */
  kernels!: KernelSet;
  /** Words [from, to) of the present object, pair by pair, that its decoder has done. */
  private readonly covered: number[] = [];
  /** Mappings that objects own. */
  readonly mappedBuffers: MappedBuffer[] = [];
  /** Names of types are asked for by each who knows some of them. */
  private readonly texts = new Map<number, string | undefined>();

  constructor(
    readonly runtime: PythonRuntime,
    readonly image: MemoryImage,
    /** Reads what the image leaves out: read-only data of libraries, where names of C types lie. */
    readonly readOnly: MemoryReader,
    readonly rows: RowTable,
  ) {}

  get layout(): Layout {
    return this.runtime.layout;
  }

  /** True for CPython `major.minor` or later. */
  since(minor: number): boolean {
    return this.runtime.version.minor >= minor;
  }

  /** NUL-terminated text of the image or, where that has no bytes, of read-only memory. */
  text(address: number): string | undefined {
    if (this.texts.has(address)) return this.texts.get(address);
    const text = this.image.cString(address) || this.readOnly.cString(address);
    this.texts.set(address, text);
    return text;
  }

  /** How many structures of `bytes` bytes the image can hold: no chain is longer. */
  most(bytes: number): number {
    return Math.ceil((this.image.slotCount * MIB) / bytes);
  }

  /** Says that the words of bytes [from, to) of the object that is being decoded are done: the reading of its body leaves them out. */
  cover(from: number, to: number): void {
    this.covered.push((from >>> 3) << 1, Math.ceil(Math.min(to, MOST_COVERED) / 8) * 2);
  }

  /** Says the same of fields of a structure, as far as the release has them. */
  coverFields(structure: string, fields: readonly string[]): void {
    for (const field of fields) {
      if (!this.layout.has(structure, field)) continue;
      const from = this.layout.offset(structure, field);
      this.cover(from, from + this.layout.fieldSize(structure, field));
    }
  }

  /** Reads bytes [from, to) of an object, in slots of fields: references, buffers, or neither. */
  visitFields(object: number, from: number, to: number, place: number): void {
    if (to <= from) return;
    this.kernels.visitWords(this.image.wordOf(object + from), (to - from) >>> 3, fieldSlot(from), place);
    this.cover(from, to);
  }

  /**
   * Reads `slots` locals and temporaries of a frame from an address on, the first of which has number `first`; more than a frame
   * can have are not believed. Those that lie in the body have to be covered.
   */
  visitSlots(address: number, slots: number, place: number, first = 0): void {
    if (!(slots > 0 && slots <= MOST_SLOTS)) return;
    this.kernels.visitWords(this.image.wordOf(address), slots, P.SLOT_LOCAL | first, place);
  }

  /** The object owns the memory that a pointer at `field` leads to, and what that leads to; there are no references in it. */
  ownOpaque(field: number, place: number): void {
    this.kernels.visitWords(this.image.wordOf(field), 1, P.SLOT_NONE, place);
    this.followMemory(place, P.SLOT_NONE);
  }

  /** Follows the memory that was taken for an object, through structures of C and C++ code. */
  followMemory(place: number, slot: number): void {
    this.kernels.drain(P.STATE_BUFFER, place, MOST_BODY_PLACES, MOST_BODY_WORDS, slot);
  }

  /** Reads what no decoder named of the body of an object, up to its type's basicsize. */
  visitBody(word: number, row: number, place: number): void {
    const slots = (this.rows.get(row, P.ROW_FLAGS) & P.FLAG_SLOTS) !== 0;
    // What a subclass adds is read by the kernels.
    const end = slots ? this.rows.get(row, P.ROW_SLOTS) : this.basicBytes(row) >>> 2;
    const rowWord = (this.rows.word + row * P.ROW_WORDS) | 0;
    // Few decoders cover anything, and those few parts of it.
    for (let from = FIRST_BODY_WORD; from < end; ) {
      let to = end;
      let next = end;
      for (let index = 0; index < this.covered.length; index += 2) {
        const [start, stop] = [this.covered[index], this.covered[index + 1]];
        if (stop > from && start < to) [to, next] = [Math.max(from, start), stop];
      }
      if (to > from) this.kernels.visitBody(word, from, to, rowWord, place);
      from = next;
    }
    this.covered.length = 0;
  }

  /** tp_basicsize of the type of a row. */
  basicBytes(row: number): number {
    return this.rows.get(row, P.ROW_BASIC_BYTES);
  }

  /** The buffer at `address` belongs to the object at `place`; returns the bytes that begin there, 0 when nothing does. */
  claim(address: number, usedBytes: number, place: number): number {
    return address === 0 ? 0 : this.kernels.claim(lowWord(address), highWord(address), usedBytes, place);
  }

  /** The same for a buffer that sys.getsizeof leaves out. */
  claimExtra(address: number, usedBytes: number, place: number): number {
    return address === 0 ? 0 : this.kernels.claimExtra(lowWord(address), highWord(address), usedBytes, place);
  }

  /** Claims a buffer as `claim` does where there is one; returns `usedBytes`, which `__sizeof__` counts without looking. */
  claimCounted(address: number, usedBytes: number, place: number): number {
    if (address === 0) return 0;
    this.claim(address, usedBytes, place);
    return usedBytes;
  }

  /** The object that is being decoded refers to the one at `address`. */
  visit(address: number, slot: number): void {
    this.kernels.visit(lowWord(address), highWord(address), slot);
  }

  /** Place of the object at an address, −1 for none. One that lies outside pools and chunks is known from then on. */
  placeOf(address: number): number {
    return this.kernels.objectAtAddress(lowWord(address), highWord(address));
  }

  /** Keys that the instances of the type at `place` share belong to it; returns their bytes. */
  decodeSharedKeys(address: number, place: number): number {
    return this.kernels.decodeSharedKeys(lowWord(address), highWord(address), place);
  }
}
