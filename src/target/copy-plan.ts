import { Float64Column } from "../base/columns.ts";
import { PAGE_BYTES, roundDown, roundUp } from "../base/units.ts";
import { type LinearMemory, SEGMENT_WORDS } from "./linear-memory.ts";
import type { AddressRange, MemoryImage } from "./memory-image.ts";
import type { NativeCalls } from "./native.ts";

/** One batch is about 2 MiB, so that the deadline is looked at every millisecond or so, and at most this many pieces. */
const BATCH_BYTES = 2 * 1024 * 1024;
const BATCH_VECTORS = 512;
/** Gaps below this are populated along: one madvise costs more than the pages in them. */
const POPULATE_GAP_BYTES = 16 * PAGE_BYTES;
/** 32-bit words of a struct iovec. */
export const WORDS_PER_VECTOR = 4;
const TWO_32 = 2 ** 32;

/**
 * Work for one or more threads, in shared memory: vectors of bytes here and there, grouped into batches. Whoever is free
 * takes the next batch and leaves its result, which is the bytes done or a negative error number.
 */
export interface CopyPlan {
  /** struct iovec of our side: pairs of 64-bit address and length. */
  readonly local: Uint32Array;
  /** struct iovec of the target's side; empty in a plan to populate. */
  readonly remote: Uint32Array;
  /** Index of each batch's first vector, and at the end the number of vectors. */
  readonly starts: Int32Array;
  readonly results: Float64Array;
  readonly batches: number;
  readonly bytes: number;
}

/** Where a linear memory's words lie in our own address space. */
export class HostAddresses {
  private readonly bases: readonly number[];

  constructor(
    private readonly memory: LinearMemory,
    native: NativeCalls,
  ) {
    this.bases = memory.segments.map((segment) => native.addressOf(segment));
  }

  /** Address of a word of the linear memory. */
  of(word: number): number {
    if (this.memory.flat) return this.bases[0] + word * 4;
    return this.bases[Math.floor(word / SEGMENT_WORDS)] + (word % SEGMENT_WORDS) * 4;
  }
}

/** The vectors that copy `ranges` of the target into the image. */
export function planCopy(image: MemoryImage, ranges: readonly AddressRange[], host: HostAddresses): CopyPlan {
  const plan = new PlanBuilder();
  for (const { start, end } of ranges) {
    image.forEachSpan(start, end, (address, word, byteOffset, length) => {
      plan.add(host.of(word) + byteOffset, address, length);
    });
  }
  return plan.finish();
}

/** The vectors that touch our own pages which `ranges` will be copied to. */
export function planPopulation(image: MemoryImage, ranges: readonly AddressRange[], host: HostAddresses): CopyPlan {
  const plan = new PlanBuilder();
  let start = 0;
  let end = 0;
  const close = (): void => {
    for (let at = start; at < end; at += BATCH_BYTES) plan.add(at, 0, Math.min(BATCH_BYTES, end - at));
  };
  for (const range of ranges) {
    image.forEachSpan(range.start, range.end, (_, word, byteOffset, length) => {
      const first = roundDown(host.of(word) + byteOffset, PAGE_BYTES);
      const last = roundUp(host.of(word) + byteOffset + length, PAGE_BYTES);
      if (first > end + POPULATE_GAP_BYTES || first < start) {
        close();
        start = first;
      }
      end = last;
    });
  }
  close();
  return plan.finish();
}

class PlanBuilder {
  private readonly locals = new Float64Column();
  private readonly remotes = new Float64Column();
  private readonly lengths = new Float64Column();
  private readonly starts: number[] = [0];
  private batchBytes = 0;
  private bytes = 0;

  add(local: number, remote: number, bytes: number): void {
    if (this.lengths.length > this.starts[this.starts.length - 1]) {
      const vectors = this.lengths.length - this.starts[this.starts.length - 1];
      if (this.batchBytes + bytes > BATCH_BYTES || vectors === BATCH_VECTORS) {
        this.starts.push(this.lengths.length);
        this.batchBytes = 0;
      }
    }
    this.locals.push(local);
    this.remotes.push(remote);
    this.lengths.push(bytes);
    this.batchBytes += bytes;
    this.bytes += bytes;
  }

  finish(): CopyPlan {
    if (this.lengths.length > 0) this.starts.push(this.lengths.length);
    const batches = this.starts.length - 1;
    const starts = new Int32Array(new SharedArrayBuffer((batches + 1) * 4));
    starts.set(this.starts);
    return {
      local: vectorsOf(this.locals, this.lengths),
      remote: vectorsOf(this.remotes, this.lengths),
      starts,
      results: new Float64Array(new SharedArrayBuffer(Math.max(1, batches) * 8)),
      batches,
      bytes: this.bytes,
    };
  }
}

function vectorsOf(addresses: Float64Column, lengths: Float64Column): Uint32Array {
  const words = new Uint32Array(new SharedArrayBuffer(Math.max(1, lengths.length) * WORDS_PER_VECTOR * 4));
  for (let vector = 0; vector < lengths.length; vector++) {
    const at = vector * WORDS_PER_VECTOR;
    const address = addresses.get(vector);
    words[at] = address % TWO_32;
    words[at + 1] = Math.floor(address / TWO_32);
    words[at + 2] = lengths.get(vector);
  }
  return words;
}

/** Address or length of vector `index`. */
export function vectorAddress(vectors: Uint32Array, index: number): number {
  return vectors[index * WORDS_PER_VECTOR] + vectors[index * WORDS_PER_VECTOR + 1] * TWO_32;
}

export function vectorBytes(vectors: Uint32Array, index: number): number {
  return vectors[index * WORDS_PER_VECTOR + 2];
}
