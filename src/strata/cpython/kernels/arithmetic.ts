/** 32-bit arithmetic of the plain kernels; `environment.as.ts` has WebAssembly's own instructions for it. */

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
