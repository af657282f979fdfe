import { GIB, USER_SPACE_END } from "../../base/units.ts";
import type { TypedColumn } from "./layout.ts";

/*
 * Columns with tens of millions of rows are all of unsigned 32-bit numbers. They have loops of their own: one that meets
 * several kinds of arrays is compiled for none of them and takes five times as long.
 */

/** True when every entry is at least -1 and below `bound`. */
export function isWithin(column: TypedColumn, bound: number): boolean {
  if (column instanceof Uint32Array) return isBelow(column, bound);
  return column.every((entry) => entry >= -1 && entry < bound);
}

function isBelow(column: Uint32Array, bound: number): boolean {
  for (let row = 0; row < column.length; row++) {
    if (column[row] >= bound) return false;
  }
  return true;
}

/** True when no entry is below the one before. */
export function isAscending(column: TypedColumn): boolean {
  if (column instanceof Uint32Array) return isAscendingUint32(column);
  return column.every((entry, row) => row === 0 || entry >= column[row - 1]);
}

function isAscendingUint32(column: Uint32Array): boolean {
  let before = 0;
  for (let row = 0; row < column.length; row++) {
    if (column[row] < before) return false;
    before = column[row];
  }
  return true;
}

/** What pages of one process together cannot exceed. Analyses make room for each page that a file says is there. */
const MOST_RANGE_BYTES = 8192 * GIB;

/** True when every entry is an address or a number of bytes of a 47-bit address space, or -1 for none. Also false for what is no number. */
export function areFigures(column: Float64Array): boolean {
  return column.every((entry) => entry >= -1 && entry <= USER_SPACE_END);
}

/** True when no entry is above that of the same row in the other column. */
export function isAtMost(column: TypedColumn, most: TypedColumn): boolean {
  return column.every((entry, row) => entry <= most[row]);
}

/** True when lengths, each from its start on, end within memory and are together no longer than memory can be. */
export function areLengths(start: TypedColumn, length: TypedColumn): boolean {
  return areRanges(
    start,
    length.map((bytes, row) => start[row] + bytes),
  );
}

/** True when no range ends before it begins and all of them together are no longer than memory can be. */
export function areRanges(start: TypedColumn, end: TypedColumn): boolean {
  let bytes = 0;
  for (let row = 0; row < end.length; row++) {
    // Also false for what is no number.
    if (!(end[row] >= start[row] && start[row] >= 0 && end[row] <= USER_SPACE_END)) return false;
    bytes += end[row] - start[row];
  }
  return bytes <= MOST_RANGE_BYTES;
}
