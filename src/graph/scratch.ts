/**
 * Memory that a kernel needs only while it runs. Given the words of something that is no longer needed, such as the image of
 * a process after its objects are decoded, kernels work in its place and the peak does not rise; what does not fit is allocated.
 */
export class Scratch {
  private readonly words: Int32Array;
  private taken = 0;

  constructor(words: Int32Array = new Int32Array(0)) {
    this.words = words;
  }

  /** `length` words, each `value`. */
  take(length: number, value: number): Int32Array {
    if (this.taken + length > this.words.length) {
      const fresh = new Int32Array(length);
      return value === 0 ? fresh : fresh.fill(value);
    }
    const part = this.words.subarray(this.taken, this.taken + length).fill(value);
    this.taken += length;
    return part;
  }

  /** Where the next `take` begins, to come back to with `release`. */
  mark(): number {
    return this.taken;
  }

  /** Gives back what was taken since `mark`. */
  release(mark: number): void {
    this.taken = mark;
  }
}
