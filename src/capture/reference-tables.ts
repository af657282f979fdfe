/** Lays out as columns, by ascending object, what the kernels wrote down in the order of decoding. */
import { Uint8Column, Uint32Column } from "../base/columns.ts";
import { type ReferenceTables, UncountedKind } from "../snapshot/graph-tables.ts";
import { NO_SLOT, stepBetween, WIDE_STEP } from "../snapshot/references.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState } from "../snapshot/tables.ts";
import * as P from "../strata/cpython/kernels/parameters.ts";
import type { DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";

const ENTRIES_MASK = 2 ** P.UNCOUNTED_SHIFT - 1;

/** Rows in the order in which they were found; `source` is what they are ordered by in the end. */
interface WideRows {
  readonly source: Uint32Column;
  readonly reference: Uint32Column;
  readonly slot: Uint32Column;
}

interface UncountedRows {
  readonly source: Uint32Column;
  readonly target: Uint32Column;
  readonly slot: Uint32Column;
  readonly kind: Uint8Column;
}

/**
 * The references of a snapshot from the records of the kernels (see `strata/cpython/kernels/references.ts`), which are taken out
 * and dropped one by one. What objects of `uncounting` refer to is left out: they do not count it. O(places + references); 5 bytes a
 * reference and 4 a place, and 5 more a place for the time being.
 */
export function buildReferenceTables(
  objects: DecodedObjects,
  records: Int32Array[],
  uncounting: ReadonlySet<number>,
): ReferenceTables {
  // A column: a set would be asked for every object.
  const left = new Uint8Array(objects.length);
  for (const place of uncounting) left[place] = 1;
  const offsets = countReferences(objects.length, records, left);
  const length = offsets[objects.length];
  const targets = new Uint32Array(length);
  const steps = new Uint8Array(length);
  const wide: WideRows = { source: new Uint32Column(), reference: new Uint32Column(), slot: new Uint32Column() };
  const uncounted: UncountedRows = {
    ...{ source: new Uint32Column(), target: new Uint32Column(), slot: new Uint32Column(), kind: new Uint8Column() },
  };
  let source = -1;
  let reference = 0;
  let before = NO_SLOT;
  for (let index = 0; index < records.length; index++) {
    const words = records[index];
    // Each goes as soon as it is read: they are as large as the tables together.
    records[index] = NOTHING;
    for (let at = 0; at < words.length; ) {
      // An object's references may be several records in a row.
      if (words[at] !== source) {
        source = words[at];
        reference = offsets[source];
        before = NO_SLOT;
      }
      const end = at + 2 + 2 * (words[at + 1] & ENTRIES_MASK);
      at = left[source] === 1 ? end : at + 2;
      for (; at < end; at += 2) {
        const target = words[at];
        // Signed, as the step from one slot to another bears: numbers above 2^31 would be boxed.
        const slot = words[at + 1];
        if (target < 0) {
          noteUncounted(objects, uncounted, source, target, slot);
          continue;
        }
        const step = stepBetween(before, slot);
        if (step === WIDE_STEP) {
          wide.source.push(source);
          wide.reference.push(reference);
          wide.slot.push(slot);
        }
        targets[reference] = target;
        steps[reference++] = step;
        before = slot;
      }
    }
  }
  records.length = 0;
  return {
    length,
    offsets,
    targets,
    steps,
    wideSlots: orderWide(wide, objects.length),
    uncounted: orderUncounted(uncounted, objects.length),
  };
}

const NOTHING = new Int32Array(0);

/** First reference of each object, and how many there are behind the last. */
function countReferences(places: number, records: readonly Int32Array[], left: Uint8Array): Uint32Array {
  const offsets = new Uint32Array(places + 1);
  for (const words of records) {
    for (let at = 0; at < words.length; ) {
      const entries = words[at + 1] & ENTRIES_MASK;
      if (left[words[at]] === 0) offsets[words[at] + 1] += entries - (words[at + 1] >>> P.UNCOUNTED_SHIFT);
      at += 2 + 2 * entries;
    }
  }
  for (let place = 0; place < places; place++) offsets[place + 1] += offsets[place];
  return offsets;
}

/** A weak reference; or one to the owner of the keys that a dictionary shares, when that is a type. */
function noteUncounted(
  { descriptor, link, types }: DecodedObjects,
  rows: UncountedRows,
  source: number,
  word: number,
  slot: number,
): void {
  let target = word & P.TARGET_MASK;
  const sharedKeys = (word & P.SHARED_KEYS) === P.SHARED_KEYS;
  if (sharedKeys) {
    if (descriptorState(descriptor[target]) !== ObjectState.buffer) return;
    target = link[target];
    if (types.isMetatype[descriptorType(descriptor[target])] === 0) return;
  }
  rows.source.push(source);
  rows.target.push(target);
  rows.slot.push(slot);
  rows.kind.push(sharedKeys ? UncountedKind.sharedKeys : UncountedKind.weak);
}

function orderWide({ source, reference, slot }: WideRows, places: number): ReferenceTables["wideSlots"] {
  const order = orderBySource(source.view(), places);
  const [references, slots] = [reference.view(), slot.view()];
  return {
    length: order.length,
    reference: order.map((row) => references[row]),
    slot: order.map((row) => slots[row]),
  };
}

function orderUncounted(rows: UncountedRows, places: number): ReferenceTables["uncounted"] {
  const [source, target, slot, kind] = [rows.source.view(), rows.target.view(), rows.slot.view(), rows.kind.view()];
  const order = orderBySource(source, places);
  return {
    length: order.length,
    source: order.map((row) => source[row]),
    target: order.map((row) => target[row]),
    slot: order.map((row) => slot[row]),
    kind: Uint8Array.from(order, (row) => kind[row]),
  };
}

/** Up to here a sort is cheaper than a pass over all places, and its keys are exact: there are fewer than 2^36 places. */
const FEW_ROWS = 2 ** 17;

/** Rows by ascending source; those of one source keep their order. */
function orderBySource(source: Uint32Array, places: number): Uint32Array {
  return source.length <= FEW_ROWS ? sortBySource(source) : countBySource(source, places);
}

function sortBySource(source: Uint32Array): Uint32Array {
  const rows = source.length;
  const keys = Float64Array.from(source, (place, row) => place * rows + row).sort();
  return Uint32Array.from(keys, (key) => key % rows);
}

/** Counting sort, O(rows + places). */
function countBySource(source: Uint32Array, places: number): Uint32Array {
  const next = new Uint32Array(places + 1);
  for (let row = 0; row < source.length; row++) next[source[row] + 1]++;
  for (let place = 0; place < places; place++) next[place + 1] += next[place];
  const order = new Uint32Array(source.length);
  for (let row = 0; row < source.length; row++) order[next[source[row]]++] = row;
  return order;
}
