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
  /** Mappings that objects own. */
  readonly mappedBuffers: MappedBuffer[] = [];

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
    return this.image.cString(address) || this.readOnly.cString(address);
  }

  /** How many structures of `bytes` bytes the image can hold: no chain is longer. */
  most(bytes: number): number {
    return Math.ceil((this.image.slotCount * MIB) / bytes);
  }

  /** Reads `slots` references or buffers of an object from `address` on; more than a frame can have are not believed. */
  visitSlots(object: number, firstOffset: number, slots: number, place: number): void {
    if (!(slots > 0 && slots <= MOST_SLOTS)) return;
    const first = firstOffset >>> 2;
    this.kernels.visitBody(this.image.wordOf(object), first, first + slots * 2, -1, place);
  }

  /** tp_basicsize of the type of a row. */
  basicBytes(row: number): number {
    return this.rows.get(row, P.ROW_BASIC_BYTES);
  }

  /** The buffer at `address` belongs to the object at `place`; returns the bytes that begin there, 0 when nothing does. */
  claim(address: number, usedBytes: number, place: number): number {
    return address === 0 ? 0 : this.kernels.claim(lowWord(address), highWord(address), usedBytes, place);
  }

  /** Claims a buffer as `claim` does where there is one; returns `usedBytes`, which `__sizeof__` counts without looking. */
  claimCounted(address: number, usedBytes: number, place: number): number {
    if (address === 0) return 0;
    this.claim(address, usedBytes, place);
    return usedBytes;
  }

  /** The object at `address` is referred to. */
  visit(address: number): void {
    this.kernels.visit(lowWord(address), highWord(address));
  }

  /** Keys that the instances of the type at `place` share belong to it; returns their bytes. */
  decodeSharedKeys(address: number, place: number): number {
    return this.kernels.decodeSharedKeys(lowWord(address), highWord(address), place);
  }
}
