const MASK = (1n << 64n) - 1n;

/** SipHash-1-3 as its paper has it (Aumasson and Bernstein, 2012), with 64-bit numbers. The key is four words. */
export function sipHash13(key: Int32Array, bytes: Uint8Array): bigint {
  const half = (index: number) => BigInt(key[index] >>> 0) | (BigInt(key[index + 1] >>> 0) << 32n);
  const [k0, k1] = [half(0), half(2)];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const turn = (value: bigint, by: bigint) => ((value << by) | (value >> (64n - by))) & MASK;
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = turn(v1, 13n) ^ v0;
    v0 = turn(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = turn(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = turn(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = turn(v1, 17n) ^ v2;
    v2 = turn(v2, 32n);
  };
  for (let at = 0; at <= bytes.length; at += 8) {
    let block = at + 8 > bytes.length ? BigInt(bytes.length & 255) << 56n : 0n;
    for (let byte = 0; byte < 8 && at + byte < bytes.length; byte++) block |= BigInt(bytes[at + byte]) << BigInt(8 * byte);
    v3 ^= block;
    round();
    v0 ^= block;
  }
  v2 ^= 0xffn;
  for (let last = 0; last < 3; last++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}
