import type { Problem } from "../../base/problems.ts";

/** pymalloc of every interpreter: arenas and the pools in them (CPython Objects/obmalloc.c, Include/internal/pycore_obmalloc.h). */
export interface Pymalloc {
  /** 4096 or 16384. */
  readonly poolBytes: number;
  /** 8 or 16: block sizes are its multiples. */
  readonly alignment: number;
  /** Bytes of the pool header, 48. */
  readonly poolHeaderBytes: number;
  readonly arenas: PymallocArenaTable;
  readonly pools: PymallocPoolTable;
  /** Memory of arenas tables, usedpools and radix trees, as far as it lies outside Python's static data. */
  readonly stateRanges: readonly { readonly start: number; readonly end: number; readonly what: string }[];
  readonly problems: readonly Problem[];
}

/** Allocated arenas, ascending by address. */
export interface PymallocArenaTable {
  readonly length: number;
  readonly address: Float64Array;
  readonly bytes: Float64Array;
  /** Index of the interpreter whose allocator state holds it. */
  readonly interpreter: Uint16Array;
  /** ntotalpools: 1 less than fits when the arena is not pool aligned. */
  readonly pools: Uint16Array;
  /** nfreepools: pools with no block in use, never carved ones included. */
  readonly freePools: Uint16Array;
}

/** Pools with at least one block in use, ascending by address. */
export interface PymallocPoolTable {
  readonly length: number;
  readonly address: Float64Array;
  /** Index into the arena table. */
  readonly arena: Uint32Array;
  /** Block bytes = (sizeClass + 1) × alignment. */
  readonly sizeClass: Uint8Array;
  /** ref.count */
  readonly usedBlocks: Uint16Array;
}
