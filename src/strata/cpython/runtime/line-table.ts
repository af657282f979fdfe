/**
 * Line numbers of instructions. Three formats: `co_lnotab` up to 3.9 (Objects/lnotab_notes.txt), `co_linetable` of 3.10
 * (PEP 626), location table from 3.11 (Objects/locations.md). All take the offset of an instruction in bytes.
 */

/** A line delta that means "no line" in 3.10. */
const NO_LINE_DELTA = -128;
const CODE_UNIT_BYTES = 2;
/** First byte of an entry of the location table: this bit, four bits of form, three bits of length − 1. */
const ENTRY_START = 0x80;
const LocationForm = { oneLineFirst: 10, oneLineLast: 12, noColumns: 13, long: 14, none: 15 } as const;

/** Pairs of (bytes forward, signed lines forward). Never undefined: an instruction before the table has the first line. */
export function lineFromLnotab(table: Uint8Array, firstLine: number, offset: number): number {
  let line = firstLine;
  let address = 0;
  for (let at = 0; at + 1 < table.length; at += 2) {
    address += table[at];
    if (address > offset) break;
    line += signed(table[at + 1]);
  }
  return line;
}

/** Pairs of (bytes of the range, signed lines from the range before); undefined where the compiler gave no line. */
export function lineFromLinetable(table: Uint8Array, firstLine: number, offset: number): number | undefined {
  if (offset < 0) return firstLine;
  let line = firstLine;
  let end = 0;
  for (let at = 0; at + 1 < table.length; at += 2) {
    end += table[at];
    const delta = signed(table[at + 1]);
    if (delta !== NO_LINE_DELTA) line += delta;
    if (offset < end) return delta === NO_LINE_DELTA ? undefined : line;
  }
  return undefined;
}

/** Entries of variable length; undefined where the compiler gave no line. */
export function lineFromLocationTable(table: Uint8Array, firstLine: number, offset: number): number | undefined {
  let line = firstLine;
  let end = 0;
  for (let at = 0; at < table.length; ) {
    const form = (table[at] >>> 3) & 15;
    end += ((table[at] & 7) + 1) * CODE_UNIT_BYTES;
    line += lineDelta(table, at, form);
    if (offset < end) return form === LocationForm.none ? undefined : line;
    at = nextEntry(table, at);
  }
  return undefined;
}

function lineDelta(table: Uint8Array, at: number, form: number): number {
  if (form >= LocationForm.oneLineFirst && form <= LocationForm.oneLineLast) return form - LocationForm.oneLineFirst;
  if (form === LocationForm.noColumns || form === LocationForm.long) return signedVarint(table, at + 1);
  return 0;
}

function nextEntry(table: Uint8Array, at: number): number {
  let next = at + 1;
  while (next < table.length && (table[next] & ENTRY_START) === 0) next++;
  return next;
}

/** Six bits a byte, low ones first, bit 6 continues; the lowest bit of the whole is the sign. */
function signedVarint(table: Uint8Array, at: number): number {
  let value = 0;
  let shift = 0;
  for (let index = at; index < table.length && shift < 30; index++, shift += 6) {
    value |= (table[index] & 63) << shift;
    if ((table[index] & 64) === 0) break;
  }
  return (value & 1) === 1 ? -(value >>> 1) : value >>> 1;
}

function signed(byte: number): number {
  return byte < 128 ? byte : byte - 256;
}
