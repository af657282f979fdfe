import type { MemoryImage } from "../../../target/memory-image.ts";
import type { ThreadBlock } from "./thread-blocks.ts";

/** Static thread-local storage is searched this far below the thread control block. */
const MAX_TLS_BYTES = 0x2000;

/**
 * The value of one thread-local variable for each thread, found by voting: its distance below the thread control block is the same
 * in every thread of a process (it differs between programs), so the distance at which most threads hold one of the
 * values that the variable can have is the variable's.
 *
 * @param isValue true for what the variable can point at
 * @returns thread id → value, for the threads that hold one there
 */
export function voteForVariable(
  image: MemoryImage,
  blocks: readonly ThreadBlock[],
  isValue: (pointer: number) => boolean,
): ReadonlyMap<number, number> {
  const votes = new Map<number, number>();
  for (const block of blocks) {
    for (let distance = 8; distance <= MAX_TLS_BYTES; distance += 8) {
      if (isValue(image.u64(block.address - distance))) votes.set(distance, (votes.get(distance) ?? 0) + 1);
    }
  }
  const values = new Map<number, number>();
  const [winner] = [...votes].sort((left, right) => right[1] - left[1] || left[0] - right[0]);
  if (winner === undefined) return values;
  for (const block of blocks) {
    const pointer = image.u64(block.address - winner[0]);
    if (isValue(pointer)) values.set(block.tid, pointer);
  }
  return values;
}
