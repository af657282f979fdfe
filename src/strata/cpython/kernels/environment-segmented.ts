/** The environment of `environment.ts` over several buffers of 2 GiB: a word index splits by shift and mask. */
import type { KernelHost, KernelMemory } from "./kernel-set.ts";

export { countBits, div, mul, truncate, unsigned } from "./arithmetic.ts";

const SHIFT = 29;
const MASK = 0x1fffffff;

let segments: readonly Int32Array[] = [];
let doubles: readonly Float64Array[] = [];
let host: KernelHost = { type: () => 0, decode: () => 0, large: () => {}, stream: () => {} };

/** Ties this instance of the kernels to a memory and a host; the plain kernels only. */
export function bind(memory: KernelMemory, kernelHost: KernelHost): void {
  segments = memory.segments;
  doubles = segments.map((segment) => new Float64Array(segment.buffer));
  host = kernelHost;
}

export function load32(word: i32): i32 {
  return segments[word >>> SHIFT][word & MASK];
}

export function store32(word: i32, value: i32): void {
  segments[word >>> SHIFT][word & MASK] = value;
}

/** Unsigned 64-bit value as a double; `word` may be odd. */
export function load64(word: i32): f64 {
  return (load32(word) >>> 0) + (load32(word + 1) >>> 0) * 4294967296;
}

/** Adds to a double; `word` is even. */
export function add64(word: i32, value: f64): void {
  doubles[word >>> SHIFT][(word & MASK) >>> 1] += value;
}

/** Row of the type object at `word`, address (high, low); 0 when it is none. Asked once for each address, mostly. */
export function hostType(word: i32, low: i32, high: i32): i32 {
  return host.type(word, low, high);
}

/** Visits what an object of a kind that the kernels leave to the host refers to and owns; returns its shallow bytes. */
export function hostDecode(word: i32, row: i32, place: i32): f64 {
  return host.decode(word, row, place);
}

/** Told of an object of 4 GiB or more. */
export function hostLarge(place: i32, bytes: f64): void {
  host.large(place, bytes);
}

/** A window is full, or the last of it: the host takes its first `count` words. */
export function hostStream(stream: i32, count: i32): void {
  host.stream(stream, count);
}
