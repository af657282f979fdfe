/** Where pymalloc keeps its state, as found in a process; what `decodePymalloc` starts from. */
export interface PymallocLocation {
  /** 8 or 16: block sizes are its multiples (16 since 3.7.17-era patch releases on 64-bit machines). */
  readonly alignment: number;
  readonly states: readonly PymallocState[];
}

/** One allocator state: one in all up to 3.11, one for each isolated interpreter from 3.12. */
export interface PymallocState {
  /** Index of the (first) interpreter that uses it. */
  readonly interpreter: number;
  /** Address of `usedpools`: for each size class the list of pools that have both used and free blocks. */
  readonly usedPoolsAddress: number;
  /** Address of the pointer to the table of arenas; undefined as long as there is no arena (`PYTHONMALLOC=malloc`). */
  readonly arenasPointerAddress: number | undefined;
  /** Address of the number of the table's entries, where it is known. */
  readonly maxArenasAddress: number | undefined;
  /** The tree that tells whether an address lies in an arena (3.10 and later). */
  readonly arenaMap: ArenaMapLocation | undefined;
  /** The state itself, where it was allocated and is no part of static data (isolated interpreters of 3.13). */
  readonly stateRange: { readonly start: number; readonly end: number } | undefined;
}

/** How many bits of an address choose the entry in a node of each level; nodes are arrays of pointers, leaves of pairs of numbers. */
export interface ArenaMapShape {
  readonly topBits: number;
  readonly middleBits: number;
  readonly leafBits: number;
}

export interface ArenaMapLocation extends ArenaMapShape {
  /** Address of the top node, which lies in static data or in the state. */
  readonly address: number;
}
