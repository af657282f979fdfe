import { PAGE_BYTES } from "../base/units.ts";

/** 32-bit words in one segment: 2 GiB. A power of two, so that a word index splits by shift and mask. */
export const SEGMENT_WORDS = 2 ** 29;
export const SEGMENT_SHIFT = 29;
/** WebAssembly's linear memory ends here. */
const FLAT_BYTES = 4 * 2 ** 30;
const WASM_PAGE_BYTES = 65536;
/** A word index is 32 bits: 16 GiB of image and tables is what one analysis can hold. */
export const MAX_LINEAR_BYTES = 16 * 2 ** 30;

/**
 * The one memory that holds image, tables and outputs of an analysis, addressed in 32-bit words.
 *
 * `flat`: one buffer of at most 4 GiB, backed by WebAssembly.Memory where that exists, so that kernels run in it.
 * Not flat: several buffers of 2 GiB, for the plain kernels. Untouched pages cost nothing in either form, so the size is
 * an upper bound, not a cost. No table crosses a segment border, so each can be viewed as one typed array.
 */
export class LinearMemory {
  readonly wasm: WebAssembly.Memory | undefined;
  readonly segments: readonly Int32Array[];
  private top = 0;

  private constructor(
    readonly words: number,
    readonly flat: boolean,
    wasm: WebAssembly.Memory | undefined,
    segments: readonly Int32Array[],
  ) {
    this.wasm = wasm;
    this.segments = segments;
  }

  /**
   * @param bytes upper bound of what will be allocated, at most `MAX_LINEAR_BYTES`
   * @param webAssembly false to do without WebAssembly.Memory even where it would fit
   */
  static create(bytes: number, webAssembly: boolean): LinearMemory {
    const rounded = Math.ceil(bytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
    if (rounded > MAX_LINEAR_BYTES) throw new RangeError("linear memory above 16 GiB");
    if (rounded <= FLAT_BYTES) {
      if (webAssembly) {
        const pages = rounded / WASM_PAGE_BYTES;
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
        return new LinearMemory(rounded / 4, true, memory, [new Int32Array(memory.buffer)]);
      }
      return new LinearMemory(rounded / 4, true, undefined, [new Int32Array(new ArrayBuffer(rounded))]);
    }
    const segments: Int32Array[] = [];
    for (let left = rounded / 4; left > 0; left -= SEGMENT_WORDS) {
      segments.push(new Int32Array(new ArrayBuffer(Math.min(left, SEGMENT_WORDS) * 4)));
    }
    return new LinearMemory(rounded / 4, false, undefined, segments);
  }

  /** Reserves `words` words, zero filled; returns the first word's index (unsigned). Never crosses a segment border. */
  allocate(words: number, alignWords = 2): number {
    let start = Math.ceil(this.top / alignWords) * alignWords;
    if (!this.flat && Math.floor(start / SEGMENT_WORDS) !== Math.floor((start + words - 1) / SEGMENT_WORDS)) {
      start = Math.ceil(start / SEGMENT_WORDS) * SEGMENT_WORDS;
    }
    if (start + words > this.words) throw new RangeError("linear memory is full");
    this.top = start + words;
    return start;
  }

  /** Gives back everything from `word` on; what lies there is not cleared. */
  rewind(word: number): void {
    if (word > this.top) throw new RangeError("cannot rewind forwards");
    this.top = word;
  }

  /** Words not allocated yet. */
  get freeWords(): number {
    return this.words - this.top;
  }

  /** Words allocated so far; the next table begins at or after it. */
  get usedWords(): number {
    return this.top;
  }

  load(word: number): number {
    return this.flat ? this.segments[0][word] : this.segments[word >>> SEGMENT_SHIFT][word & (SEGMENT_WORDS - 1)];
  }

  store(word: number, value: number): void {
    if (this.flat) this.segments[0][word] = value;
    else this.segments[word >>> SEGMENT_SHIFT][word & (SEGMENT_WORDS - 1)] = value;
  }

  int32(word: number, length: number): Int32Array {
    const [buffer, offset] = this.place(word);
    return new Int32Array(buffer, offset, length);
  }

  uint32(word: number, length: number): Uint32Array {
    const [buffer, offset] = this.place(word);
    return new Uint32Array(buffer, offset, length);
  }

  /** `word` must be even. */
  float64(word: number, length: number): Float64Array {
    const [buffer, offset] = this.place(word);
    return new Float64Array(buffer, offset, length);
  }

  bytes(word: number, length: number): Uint8Array {
    const [buffer, offset] = this.place(word);
    return new Uint8Array(buffer, offset, length);
  }

  private place(word: number): [ArrayBufferLike, number] {
    return this.flat
      ? [this.segments[0].buffer, word * 4]
      : [this.segments[Math.floor(word / SEGMENT_WORDS)].buffer, (word % SEGMENT_WORDS) * 4];
  }
}

/** Words in one page. */
export const PAGE_WORDS = PAGE_BYTES / 4;
