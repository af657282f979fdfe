import { SnapshotChunkState, SnapshotPageState } from "../snapshot/states.ts";
import { type MallocArenaFacts, type MallocTables, OwnerKind, type PageRunTable } from "../snapshot/tables.ts";

/**
 * One line of the heap table, bytes of address space. In use + free + cached + top + overhead = system. `inUse` is net:
 * chunk headers, rounding and the allocator's own structures are `overhead`.
 */
export interface HeapRow {
  /** The arena; undefined for chunks with mappings of their own. */
  readonly arena: MallocArenaFacts | undefined;
  readonly systemBytes: number;
  readonly residentBytes: number;
  readonly inUseBytes: number;
  readonly freeBytes: number;
  /** Free, but kept in thread caches and fastbins. */
  readonly cachedBytes: number;
  readonly topBytes: number;
  readonly overheadBytes: number;
}

/** Net bytes in use by whom they serve; they sum to the rows' `inUseBytes`. */
export interface HeapUse {
  readonly objectBytes: number;
  readonly pymallocBytes: number;
  readonly runtimeBytes: number;
  /** Of libraries, or of nobody known. */
  readonly nativeBytes: number;
}

export interface HeapAccount {
  /** Arenas in the allocator's order, then the mmapped chunks when there are any. */
  readonly rows: readonly HeapRow[];
  readonly use: HeapUse;
}

/** Accounts for every chunk of an allocator. O(chunks + runs). */
export function accountHeap(malloc: MallocTables, pages: PageRunTable): HeapAccount {
  const { chunks } = malloc;
  // One more for the mmapped chunks, which belong to no arena.
  const overhead = new Float64Array(malloc.arenas.length + 1);
  const use = { objectBytes: 0, pymallocBytes: 0, runtimeBytes: 0, nativeBytes: 0 };
  let mappedResidentBytes = 0;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    const state = chunks.state[chunk];
    const mapped = state === SnapshotChunkState.mapped;
    const arena = mapped ? malloc.arenas.length : chunks.arena[chunk];
    if (mapped)
      mappedResidentBytes += residentWithin(pages, chunks.address[chunk], chunks.address[chunk] + chunks.bytes[chunk]);
    if (state === SnapshotChunkState.overhead) overhead[arena] += chunks.bytes[chunk];
    if (!mapped && state !== SnapshotChunkState.inUse) continue;
    const used = chunks.usedBytes[chunk] > 0 ? Math.min(chunks.usedBytes[chunk], chunks.bytes[chunk]) : chunks.bytes[chunk];
    if (chunks.ownerKind[chunk] === OwnerKind.allocator) overhead[arena] += chunks.bytes[chunk];
    else {
      overhead[arena] += chunks.bytes[chunk] - used;
      use[useOf(chunks.ownerKind[chunk])] += used;
    }
  }
  const rows = malloc.arenas.map((arena, index) => arenaRow(arena, overhead[index]));
  if (malloc.mapped.count > 0) rows.push(mappedRow(malloc.mapped.bytes, mappedResidentBytes, overhead[malloc.arenas.length]));
  return { rows, use };
}

function useOf(ownerKind: number): keyof HeapUse {
  switch (ownerKind) {
    case OwnerKind.object:
    case OwnerKind.buffer:
      return "objectBytes";
    case OwnerKind.pymalloc:
      return "pymallocBytes";
    case OwnerKind.runtime:
      return "runtimeBytes";
    default:
      return "nativeBytes";
  }
}

function arenaRow(arena: MallocArenaFacts, overhead: number): HeapRow {
  // glibc counts headers and its own structures as in use; never more than there is.
  const overheadBytes = Math.min(overhead, arena.inUseBytes);
  return {
    arena,
    systemBytes: arena.systemBytes,
    residentBytes: arena.residentBytes,
    inUseBytes: arena.inUseBytes - overheadBytes,
    freeBytes: arena.freeBytes,
    cachedBytes: arena.fastBytes + arena.cachedBytes,
    topBytes: arena.topBytes,
    overheadBytes,
  };
}

function mappedRow(bytes: number, residentBytes: number, overhead: number): HeapRow {
  const overheadBytes = Math.min(overhead, bytes);
  return {
    arena: undefined,
    systemBytes: bytes,
    residentBytes,
    inUseBytes: bytes - overheadBytes,
    freeBytes: 0,
    cachedBytes: 0,
    topBytes: 0,
    overheadBytes,
  };
}

/** Bytes of [start, end) on pages that count in Rss. O(log runs + runs in between). */
function residentWithin(pages: PageRunTable, start: number, end: number): number {
  let bytes = 0;
  const first = Math.max(0, lowerBound(pages.start, pages.length, start) - 1);
  for (let run = first; run < pages.length && pages.start[run] < end; run++) {
    if ((pages.state[run] & SnapshotPageState.counted) === 0) continue;
    bytes += Math.max(0, Math.min(end, pages.end[run]) - Math.max(start, pages.start[run]));
  }
  return bytes;
}

/** Use of an arena's address space, cell by cell: 0 free to 1 full. */
export interface HeapMap {
  readonly cellBytes: number;
  readonly cells: Float64Array;
}

/**
 * Draws the ranges of one arena, end to end, as at most `cellCount` cells of a power of two bytes each. O(chunks).
 * @param arenaIndex index into `malloc.arenas`
 */
export function mapHeap(malloc: MallocTables, arenaIndex: number, cellCount: number): HeapMap {
  const { ranges } = malloc.arenas[arenaIndex];
  const whole = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  let cellBytes = 4096;
  while (whole / cellBytes > cellCount) cellBytes *= 2;
  const used = new Float64Array(Math.ceil(whole / cellBytes));
  const { chunks } = malloc;
  let before = 0;
  for (const { start, end } of ranges) {
    for (let chunk = lowerBound(chunks.address, chunks.length, start); chunk < chunks.length; chunk++) {
      if (chunks.address[chunk] >= end) break;
      const state = chunks.state[chunk];
      if (state !== SnapshotChunkState.inUse && state !== SnapshotChunkState.overhead) continue;
      const from = before + chunks.address[chunk] - start;
      spread(used, cellBytes, from, Math.min(from + chunks.bytes[chunk], before + end - start));
    }
    before += end - start;
  }
  return { cellBytes, cells: used.map((bytes, cell) => bytes / Math.min(cellBytes, whole - cell * cellBytes)) };
}

/** Adds the bytes of [from, to) to the cells that they lie in. */
function spread(cells: Float64Array, cellBytes: number, from: number, to: number): void {
  for (let at = from; at < to; ) {
    const cell = Math.floor(at / cellBytes);
    const next = Math.min(to, (cell + 1) * cellBytes);
    cells[cell] += next - at;
    at = next;
  }
}

/** First index in an ascending column whose value is not below `value`. */
function lowerBound(column: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
