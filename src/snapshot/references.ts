/**
 * Slots of references and how they are stored: one byte a reference says how far its slot is from the one before.
 *
 * A slot is a part (`SlotPart`) and a position in it. An object's references come in the order of its decoder, mostly
 * ascending, and the first follows position −1 of part 0. A step of 1 to 239 goes that many positions on in the same part; 240 + p goes to position 0 of
 * part p; 255 means that the slot is in `wideSlots`.
 */
import type { ReferenceTables } from "./graph-tables.ts";

const PART_SHIFT = 29;
const POSITION_MASK = 0x1fff_ffff;
const MOST_POSITIONS = 239;
const FIRST_OF_PART = 240;
/** Step of a reference whose slot is in `wideSlots`. */
export const WIDE_STEP = 255;
/** Slot "before" an object's first reference. */
export const NO_SLOT = -1;

/** Packs a slot; unsigned. */
export function packSlot(part: number, position: number): number {
  return ((part << PART_SHIFT) | position) >>> 0;
}

/** `SlotPart` of a slot. */
export function slotPart(slot: number): number {
  return slot >>> PART_SHIFT;
}

export function slotPosition(slot: number): number {
  return slot & POSITION_MASK;
}

/** The step from one slot of an object to its next; `WIDE_STEP` when it has to be written down. */
export function stepBetween(before: number, slot: number): number {
  const distance = slot - before;
  if (distance >= 1 && distance <= MOST_POSITIONS && (before === NO_SLOT ? 0 : slotPart(before)) === slotPart(slot))
    return distance;
  return slotPosition(slot) === 0 ? FIRST_OF_PART + slotPart(slot) : WIDE_STEP;
}

/** Calls `visit` for each counted reference of an object, in order of slots. O(references of the object + log wide slots). */
export function forEachReference(
  tables: ReferenceTables,
  object: number,
  visit: (target: number, slot: number, reference: number) => void,
): void {
  let slot = NO_SLOT;
  for (let reference = tables.offsets[object]; reference < tables.offsets[object + 1]; reference++) {
    const step = tables.steps[reference];
    if (step === WIDE_STEP) slot = wideSlot(tables, reference);
    else if (step >= FIRST_OF_PART) slot = packSlot(step - FIRST_OF_PART, 0);
    else slot += step;
    visit(tables.targets[reference], slot, reference);
  }
}

/** Slot of a reference that is in `wideSlots`; its row is there, or the tables are damaged. */
function wideSlot({ wideSlots }: ReferenceTables, reference: number): number {
  let low = 0;
  let high = wideSlots.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (wideSlots.reference[middle] < reference) low = middle + 1;
    else high = middle;
  }
  return wideSlots.reference[low] === reference ? wideSlots.slot[low] : 0;
}
