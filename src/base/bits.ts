/** Room for `length` bits, all clear; bit `n` is bit `n & 31` of word `n >>> 5`. One bit an item. */
export function newBits(length: number): Uint32Array {
  return new Uint32Array((length + 31) >>> 5);
}

export function hasBit(bits: Uint32Array, index: number): boolean {
  return ((bits[index >>> 5] >>> (index & 31)) & 1) === 1;
}

export function setBit(bits: Uint32Array, index: number): void {
  bits[index >>> 5] |= 1 << (index & 31);
}

/** Bits set in a 32-bit word (Warren, Hacker's Delight, figure 5-2). */
export function countBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
