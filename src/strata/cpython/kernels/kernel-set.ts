/** The memory that kernels work in, as `target/linear-memory` lays it out. */
export interface KernelMemory {
  readonly segments: readonly Int32Array[];
}

/** What kernels ask of their host. */
export interface KernelHost {
  /** Row of the type object at a word of the image and an address; 0 when there is none. */
  readonly type: (word: number, low: number, high: number) => number;
  /** Visits an object of a kind left to the host; returns shallow bytes without headers. */
  readonly decode: (word: number, row: number, place: number) => number;
  /** An object of 4 GiB or more, which does not fit the bytes column. */
  readonly large: (place: number, bytes: number) => void;
}
