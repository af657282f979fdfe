import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { PAGE_BYTES } from "../src/base/units.ts";
import { IoVectors, loadNative } from "../src/target/native.ts";

const VECTOR_BYTES = 4 * 2 ** 20;
const ENTRY_BYTES = 8;

export interface RawCopy {
  readonly bytes: number;
  readonly milliseconds: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * What one thread needs at least to copy a process: process_vm_readv of the present pages of its writable private mappings into
 * memory that was touched before. Undefined without native calls.
 */
export function rawCopy(pid: number): RawCopy | undefined {
  const native = loadNative();
  if (native === undefined) return undefined;
  const ranges = presentRanges(pid);
  const buffer = new Uint8Array(ranges.reduce((sum, { start, end }) => sum + end - start, 0)).fill(1);
  const local = new IoVectors(1);
  const remote = new IoVectors(1);
  let bytes = 0;
  let milliseconds = 0;
  for (const { start, end } of ranges) {
    for (let address = start; address < end; address += VECTOR_BYTES) {
      const length = Math.min(VECTOR_BYTES, end - address);
      // Asked each time, so that the buffer is in use, and stays, until the last copy.
      local.set(0, native.addressOf(buffer) + bytes, length);
      remote.set(0, address, length);
      const before = performance.now();
      const copied = native.processVmReadv(pid, local, 1, remote, 1);
      milliseconds += performance.now() - before;
      if (copied !== length) throw new Error(`process_vm_readv of ${length} bytes at 0x${address.toString(16)}: ${copied}`);
      bytes += length;
    }
  }
  return { bytes, milliseconds };
}

function presentRanges(pid: number): readonly Range[] {
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  const mappings = readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p /gm);
  const ranges = [...mappings].flatMap(([, start, end]) =>
    presentWithin(pagemap, Number.parseInt(start, 16), Number.parseInt(end, 16)),
  );
  closeSync(pagemap);
  return ranges;
}

function presentWithin(pagemap: number, start: number, end: number): readonly Range[] {
  const entries = new DataView(new ArrayBuffer(((end - start) / PAGE_BYTES) * ENTRY_BYTES));
  readSync(pagemap, entries, 0, entries.byteLength, (start / PAGE_BYTES) * ENTRY_BYTES);
  const ranges: Range[] = [];
  for (let page = 0, first = -1; page <= (end - start) / PAGE_BYTES; page++) {
    // Bit 63 of an entry: the page is present (Linux Documentation/admin-guide/mm/pagemap.rst).
    const present = page * ENTRY_BYTES < entries.byteLength && entries.getInt8(page * ENTRY_BYTES + 7) < 0;
    if (present && first < 0) first = page;
    if (present || first < 0) continue;
    ranges.push({ start: start + first * PAGE_BYTES, end: start + page * PAGE_BYTES });
    first = -1;
  }
  return ranges;
}
