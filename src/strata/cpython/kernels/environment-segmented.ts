/** The environment of `environment.ts` over several buffers of 2 GiB: a word index splits by shift and mask. */
import type { KernelHost, KernelMemory } from "./kernel-set.ts";

const SHIFT = 29;
const MASK = 0x1fffffff;

let segments: readonly Int32Array[] = [];
let doubles: readonly Float64Array[] = [];
let host: KernelHost = { type: () => 0, decode: () => 0, large: () => {} };

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

/** 32-bit product, low half. */
export function mul(a: i32, b: i32): i32 {
  return Math.imul(a, b);
}

/** Integer quotient of non-negative numbers. */
export function div(a: i32, b: i32): i32 {
  return (a / b) | 0;
}

/** Unsigned value of a word as a double. */
export function unsigned(value: i32): f64 {
  return value >>> 0;
}

/** A double below 2^32 as the word that holds it. */
export function truncate(value: f64): i32 {
  return value | 0;
}

export function countBits(value: i32): i32 {
  let bits = value - ((value >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
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
