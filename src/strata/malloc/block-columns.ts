import type { ChunkTable } from "./allocator.ts";

/**
 * The chunks of an allocator with size classes, appended in address order: runs of equal blocks, and single ranges between them.
 * 19 bytes a chunk. Who appends a run gets its first number, and finds any block of it by division.
 */
export class BlockColumns {
  length = 0;
  private address: Float64Array;
  private bytes: Float64Array;
  private arena: Uint16Array;
  /** `ChunkState` by chunk; lists settle it after everything was appended. */
  state: Uint8Array;

  /** @param expected number of chunks where it is known */
  constructor(expected = 1024) {
    this.address = new Float64Array(expected);
    this.bytes = new Float64Array(expected);
    this.state = new Uint8Array(expected);
    this.arena = new Uint16Array(expected);
  }

  /** Appends [start, end) as one chunk, or nothing when it is empty. */
  pushRange(start: number, end: number, state: number, arena: number): void {
    if (end > start) this.pushBlocks(start, end - start, 1, state, arena);
  }

  /**
   * Appends `count` blocks of `blockBytes` each.
   * @returns number of the first
   */
  pushBlocks(start: number, blockBytes: number, count: number, state: number, arena: number): number {
    const first = this.length;
    this.reserve(count);
    const end = first + count;
    this.length = end;
    this.bytes.fill(blockBytes, first, end);
    this.state.fill(state, first, end);
    this.arena.fill(arena, first, end);
    const { address } = this;
    for (let block = first, at = start; block < end; block++, at += blockBytes) address[block] = at;
    return first;
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

  private reserve(more: number): void {
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
}
