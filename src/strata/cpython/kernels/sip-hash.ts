/**
 * SipHash-1-3 (Aumasson and Bernstein, 2012), 64 bits, in the 32-bit halves that plain JavaScript has. `sip-hash.as.ts` is its twin
 * in WebAssembly; the same tests hold both against the published hash. About 2 ns a byte.
 */
import { load32 } from "./environment.ts";
import * as S from "./state.ts";

let hashLow: i32 = 0;
let hashHigh: i32 = 0;

export function hashLowWord(): i32 {
  return hashLow;
}

export function hashHighWord(): i32 {
  return hashHigh;
}

/**
 * Hashes `length` bytes from `word` on; the answer is in `hashLowWord` and `hashHighWord`. A `tweak` gives a function of its
 * own for each width of characters (0: bytes).
 */
export function hashBytes(word: i32, length: i32, tweak: i32): void {
  const k0 = load32(S.hashKey) ^ tweak;
  const k1 = load32(S.hashKey + 1);
  const k2 = load32(S.hashKey + 2);
  const k3 = load32(S.hashKey + 3);
  // "somepseudorandomlygeneratedbytes"
  let v0 = k0 ^ 0x70736575;
  let w0 = k1 ^ 0x736f6d65;
  let v1 = k2 ^ 0x6e646f6d;
  let w1 = k3 ^ 0x646f7261;
  let v2 = k0 ^ 0x6e657261;
  let w2 = k1 ^ 0x6c796765;
  let v3 = k2 ^ 0x79746573;
  let w3 = k3 ^ 0x74656462;
  const blocks = length >>> 3;
  const rest = length & 7;
  // One round for each block of 8 bytes and for the last, which has the length; three rounds more.
  for (let round = 0; round <= blocks + 3; round++) {
    let m = 0;
    let n = 0;
    if (round < blocks) {
      m = load32(word + (round << 1));
      n = load32(word + (round << 1) + 1);
    } else if (round === blocks) {
      const at = word + (blocks << 1);
      if (rest >= 4) m = load32(at);
      else if (rest !== 0) m = load32(at) & ((1 << (rest << 3)) - 1);
      if (rest > 4) n = load32(at + 1) & ((1 << ((rest - 4) << 3)) - 1);
      n |= length << 24;
    } else if (round === blocks + 1) v2 ^= 0xff;
    v3 ^= m;
    w3 ^= n;

    let low = (v0 + v1) | 0;
    w0 = (w0 + w1 + carry(v0, v1, low)) | 0;
    v0 = low;
    let turned = (v1 << 13) | (w1 >>> 19);
    w1 = ((w1 << 13) | (v1 >>> 19)) ^ w0;
    v1 = turned ^ v0;
    turned = v0;
    v0 = w0;
    w0 = turned;
    low = (v2 + v3) | 0;
    w2 = (w2 + w3 + carry(v2, v3, low)) | 0;
    v2 = low;
    turned = (v3 << 16) | (w3 >>> 16);
    w3 = ((w3 << 16) | (v3 >>> 16)) ^ w2;
    v3 = turned ^ v2;
    low = (v0 + v3) | 0;
    w0 = (w0 + w3 + carry(v0, v3, low)) | 0;
    v0 = low;
    turned = (v3 << 21) | (w3 >>> 11);
    w3 = ((w3 << 21) | (v3 >>> 11)) ^ w0;
    v3 = turned ^ v0;
    low = (v2 + v1) | 0;
    w2 = (w2 + w1 + carry(v2, v1, low)) | 0;
    v2 = low;
    turned = (v1 << 17) | (w1 >>> 15);
    w1 = ((w1 << 17) | (v1 >>> 15)) ^ w2;
    v1 = turned ^ v2;
    turned = v2;
    v2 = w2;
    w2 = turned;

    v0 ^= m;
    w0 ^= n;
  }
  hashLow = v0 ^ v1 ^ v2 ^ v3;
  hashHigh = w0 ^ w1 ^ w2 ^ w3;
}

/** Carry of an addition, 0 or 1. */
function carry(a: i32, b: i32, sum: i32): i32 {
  return ((a & b) | ((a | b) & ~sum)) >>> 31;
}
