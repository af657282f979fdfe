/**
 * Values of the state columns of a snapshot. They are part of the file, therefore they are written down here and not taken
 * from the strata that produce them; a test keeps both equal.
 */

/** `MallocTables.chunks.state`. */
export const SnapshotChunkState = {
  inUse: 0,
  free: 1,
  fast: 2,
  cached: 3,
  top: 4,
  mapped: 5,
  overhead: 6,
} as const;

/** Bits of `PageRunTable.state`. */
export const SnapshotPageState = {
  present: 1,
  counted: 2,
  swapped: 4,
  fileOrShared: 8,
  exclusive: 16,
  zero: 32,
  huge: 64,
  guard: 128,
} as const;

const DESCRIPTOR_TYPE_MASK = 0xff_ffff;
const DESCRIPTOR_STATE_SHIFT = 24;
const DESCRIPTOR_HEADER_SHIFT = 27;
const DESCRIPTOR_GENERATION_SHIFT = 29;
const DESCRIPTOR_TWICE_DEBUGGED_SHIFT = 31;

/** `ObjectTables.link` of an immortal object. */
export const IMMORTAL_REFERENCES = 0xffff_ffff;
/** `ObjectTables.bytes` of a place whose size is in `largeBytes`. */
export const LARGE_BYTES = 0xffff_ffff;
/** Generation of an object that the collector does not track. */
export const UNTRACKED_GENERATION = 3;

/** Type index of an object descriptor. */
export function descriptorType(descriptor: number): number {
  return descriptor & DESCRIPTOR_TYPE_MASK;
}

/** `ObjectState` of a descriptor. */
export function descriptorState(descriptor: number): number {
  return (descriptor >>> DESCRIPTOR_STATE_SHIFT) & 7;
}

/** Index into `ObjectTables.headerBytes`. */
export function descriptorHeader(descriptor: number): number {
  return (descriptor >>> DESCRIPTOR_HEADER_SHIFT) & 3;
}

/** Generation 0–2 (permanent counts as 2), or `UNTRACKED_GENERATION`. */
export function descriptorGeneration(descriptor: number): number {
  return (descriptor >>> DESCRIPTOR_GENERATION_SHIFT) & 3;
}

/** Debug headers that lie before an object in a chunk: a large request passes the hooks of two domains (PYTHONMALLOC=debug). */
export function descriptorDebugHeaders(descriptor: number): number {
  return 1 + (descriptor >>> DESCRIPTOR_TWICE_DEBUGGED_SHIFT);
}

/** Packs a descriptor; the counterpart of the four functions above. */
export function packDescriptor(type: number, state: number, header: number, generation: number): number {
  const high = (state << DESCRIPTOR_STATE_SHIFT) | (header << DESCRIPTOR_HEADER_SHIFT);
  return (type | high | (generation << DESCRIPTOR_GENERATION_SHIFT)) >>> 0;
}
