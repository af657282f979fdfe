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
