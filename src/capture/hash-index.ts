const EMPTY = -1;

/**
 * Numbers by hash, for as many lookups as dictionaries have keys: open addressing in typed arrays, at most half full. Expected O(1) a
 * lookup, 12 to 24 bytes an entry.
 */
export class HashIndex {
  private readonly lows: Uint32Array;
  private readonly highs: Uint32Array;
  private readonly numbers: Int32Array;
  private readonly mask: number;

  /** @param most how many different hashes will be set */
  constructor(most: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(8, most * 2)));
    this.mask = slots - 1;
    this.lows = new Uint32Array(slots);
    this.highs = new Uint32Array(slots);
    this.numbers = new Int32Array(slots).fill(EMPTY);
  }

  /** @param number 0 or more; replaces that of an equal hash */
  set(low: number, high: number, number: number): void {
    const slot = this.slotOf(low, high);
    this.lows[slot] = low;
    this.highs[slot] = high;
    this.numbers[slot] = number;
  }

  /** The number of a hash, or -1. */
  get(low: number, high: number): number {
    return this.numbers[this.slotOf(low, high)];
  }

  /** Where a hash is, or would be. The hashes are keyed ones: any of their bits are as good as random. */
  private slotOf(low: number, high: number): number {
    let slot = low & this.mask;
    while (this.numbers[slot] !== EMPTY && (this.lows[slot] !== low || this.highs[slot] !== high))
      slot = (slot + 1) & this.mask;
    return slot;
  }
}
