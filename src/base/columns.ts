/** A growing column of doubles (addresses, byte counts). Amortised O(1) append, 8 bytes an item. */
export class Float64Column {
  length = 0;
  private items = new Float64Array(64);

  push(value: number): number {
    if (this.length === this.items.length) {
      const larger = new Float64Array(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length] = value;
    return this.length++;
  }

  get(index: number): number {
    return this.items[index];
  }

  /** The items so far, without copying; valid until the next `push`. */
  view(): Float64Array {
    return this.items.subarray(0, this.length);
  }
}

/** A growing column of unsigned 32-bit integers. Amortised O(1) append, 4 bytes an item. */
export class Uint32Column {
  length = 0;
  private items = new Uint32Array(64);

  push(value: number): number {
    if (this.length === this.items.length) {
      const larger = new Uint32Array(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length] = value;
    return this.length++;
  }

  get(index: number): number {
    return this.items[index];
  }

  view(): Uint32Array {
    return this.items.subarray(0, this.length);
  }
}

/** A growing column of bytes. Amortised O(1) append, 1 byte an item. */
export class Uint8Column {
  length = 0;
  private items = new Uint8Array(64);

  push(value: number): number {
    if (this.length === this.items.length) {
      const larger = new Uint8Array(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length] = value;
    return this.length++;
  }

  get(index: number): number {
    return this.items[index];
  }

  view(): Uint8Array {
    return this.items.subarray(0, this.length);
  }
}
