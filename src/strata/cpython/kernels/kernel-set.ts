/** The memory that kernels work in, as `target/linear-memory` lays it out. */
export interface KernelMemory {
  readonly segments: readonly Int32Array[];
}

/** What kernels ask of their host. */
export interface KernelHost {
  /** Row of the type object at a word of the image and an address; 0 when there is none. */
  readonly type: (word: number, low: number, high: number) => number;
  /** Visits an object of a kind left to the host; returns its shallow bytes without the headers before it. */
  readonly decode: (word: number, row: number, place: number) => number;
  /** An object of 4 GiB or more, which does not fit the bytes column. */
  readonly large: (place: number, bytes: number) => void;
  /** The first `words` words of a stream's window are to be taken, see `references.ts` and `contents.ts`. */
  readonly stream: (stream: number, words: number) => void;
}

/** The kernels that a host calls; words and places are as in `parameters.ts`, addresses come as low and high words. */
export interface KernelSet {
  configure(block: number): void;
  classifyPools(from: number, to: number): number;
  classifyChunks(from: number, to: number): number;
  decodePools(from: number, to: number, turn: number): void;
  decodeChunks(from: number, to: number): void;
  decodeOthers(from: number): number;
  accountPools(from: number, to: number): void;
  markGeneration(head: number, generation: number, limit: number): number;
  typeRow(low: number, high: number): number;
  objectPlace(word: number): number;
  objectAtAddress(low: number, high: number): number;
  rawPlace(word: number): number;
  visit(low: number, high: number, slot: number): void;
  visitRun(word: number, count: number, slot: number): void;
  visitBody(word: number, from: number, to: number, row: number, place: number): void;
  visitWords(word: number, count: number, slot: number, place: number): void;
  emitUncounted(target: number, slot: number, kind: number): void;
  drain(state: number, owner: number, limit: number, largestWords: number, slot: number): void;
  takeReachable(word: number, words: number, state: number, owner: number, largestWords: number): void;
  findUnowned(pages: number): number;
  findUnownedBlocks(from: number, to: number): number;
  takePointed(word: number, words: number, state: number, owner: number, kind: number): number;
  takeNoted(): void;
  takeFromOwned(pools: number): number;
  findLeaked(pools: number): void;
  claim(low: number, high: number, used: number, place: number): number;
  claimExtra(low: number, high: number, used: number, place: number): number;
  decodeDict(word: number, place: number): number;
  decodeSharedKeys(low: number, high: number, place: number): number;
  keysSize(low: number, high: number): number;
  hashBytes(word: number, length: number, tweak: number): void;
  hashLowWord(): number;
  hashHighWord(): number;
  referenceWords(): number;
  contentWords(): number;
  otherObjects(): number;
  otherObjectsDropped(): number;
  claimConflictCount(): number;
  poolMismatchCount(): number;
}
