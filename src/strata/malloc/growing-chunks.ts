import type { ChunkTable } from "./allocator.ts";

/** Columns of a `ChunkTable` that grow. 19 bytes a chunk; what is reserved and not used is never touched. */
export class GrowingChunks {
  length = 0;
  address: Float64Array;
  bytes: Float64Array;
  /** `ChunkState` by chunk. */
  state: Uint8Array;
  arena: Uint16Array;

  /** @param expected number of chunks, or an upper bound of it, where one is known */
  constructor(expected: number) {
    this.address = new Float64Array(expected);
    this.bytes = new Float64Array(expected);
    this.state = new Uint8Array(expected);
    this.arena = new Uint16Array(expected);
  }

  /** Makes room for `more` chunks. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.address.length) return;
    const capacity = Math.max(needed, Math.ceil(this.address.length * 1.5));
    const { address, bytes, state, arena } = this;
    this.address = new Float64Array(capacity);
    this.address.set(address);
    this.bytes = new Float64Array(capacity);
    this.bytes.set(bytes);
    this.state = new Uint8Array(capacity);
    this.state.set(state);
    this.arena = new Uint16Array(capacity);
    this.arena.set(arena);
  }

  /** The chunks so far, without copying; valid until the next is appended. */
  table(): ChunkTable {
    const { length } = this;
    return {
      length,
      address: this.address.subarray(0, length),
      bytes: this.bytes.subarray(0, length),
      state: this.state.subarray(0, length),
      arena: this.arena.subarray(0, length),
    };
  }
}
