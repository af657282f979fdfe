import { PAGE_BYTES, USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";

/** No free list of any version holds more (tuples: 20 sizes × 2,000). */
const MAX_DEAD_OBJECTS = 50_000;

/** Dead objects that CPython keeps for reuse instead of freeing them: they occupy memory and are nobody's. */
export interface FreeList {
  /** Type of the objects, as `sys._debugmallocstats()` names it. */
  readonly name: string;
  /** Index of the interpreter that owns the list; the main one's where all share it (up to 3.9). */
  readonly interpreter: number;
  /** False for dictionary key tables, which are no objects and have no collector's header. */
  readonly objects: boolean;
  /** Addresses of the dead objects (of their reference counts), not of the blocks that hold them. */
  readonly addresses: readonly number[];
}

/** Follows a chain of dead objects, bounded; ends at the first that is alive (the shared empty tuple has a bucket too). */
export function followDead(reader: MemoryReader, first: number, linkOffset: number): number[] {
  const seen = new Set<number>();
  for (let address = first; isDead(reader, address) && !seen.has(address); address = reader.u64(address + linkOffset)) {
    if (seen.size >= MAX_DEAD_OBJECTS) break;
    seen.add(address);
  }
  return [...seen];
}

/** A dead object has no references. */
export function isDead(reader: MemoryReader, address: number): boolean {
  return isPlausible(reader, address) && reader.u64(address) === 0;
}

/** True for an address that can be an object's and is readable. */
export function isPlausible(reader: MemoryReader, address: number): boolean {
  return address >= PAGE_BYTES && address < USER_SPACE_END && address % 8 === 0 && reader.has(address);
}
