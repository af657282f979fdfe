import { GrowingChunks } from "./growing-chunks.ts";

/**
 * The chunks of an allocator with size classes, appended in address order: runs of equal blocks, and single ranges between them.
 * Who appends a run gets its first number, and finds any block of it by division; lists settle states after everything was appended.
 */
export class BlockColumns extends GrowingChunks {
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
}
