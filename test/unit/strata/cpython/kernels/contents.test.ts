import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadKernels } from "../../../../../src/strata/cpython/kernels/load-kernels.ts";
import * as P from "../../../../../src/strata/cpython/kernels/parameters.ts";
import type { LinearMemory } from "../../../../../src/target/linear-memory.ts";
import { MEMORY_FORMS } from "../../../../support/relaid-image.ts";
import { sipHash13 } from "../../../../support/sip-hash.ts";

const NO_HOST = { type: () => 0, decode: () => 0, large: () => {}, stream: () => {} };
const MOST_BYTES = 4096;

/** A function that hashes bytes in the kernels of a memory. */
async function hasher(memory: LinearMemory): Promise<(key: Int32Array, bytes: Uint8Array, tweak: number) => bigint> {
  const kernels = await loadKernels(memory, NO_HOST);
  const block = memory.allocate(P.PARAMETER_WORDS);
  const text = memory.allocate(MOST_BYTES / 4 + 2);
  return (key, bytes, tweak) => {
    for (const [index, word] of key.entries()) memory.store(block + P.P_HASH_KEY + index, word);
    kernels.configure(block | 0);
    // What lies behind the text must not matter.
    memory
      .bytes(text, MOST_BYTES + 8)
      .fill(0xa5)
      .set(bytes);
    kernels.hashBytes(text | 0, bytes.length, tweak);
    return BigInt(kernels.hashLowWord() >>> 0) | (BigInt(kernels.hashHighWord() >>> 0) << 32n);
  };
}

test("the plain hash is SipHash-1-3", () => {
  // What hash() of CPython 3.13, which has it for bytes, says with PYTHONHASHSEED=0: a key of zeros.
  const known: readonly [string, bigint][] = [
    ["a", 4644417185603328019n],
    ["sevenby", 9709781559364829390n],
    ["eight by", 15369927844200065709n],
    ["nine byte", 13770038117785202988n],
    ["the quick brown fox jumps over the lazy dog", 9270190908246317613n],
  ];
  for (const [text, hash] of known) assert.equal(sipHash13(new Int32Array(4), new TextEncoder().encode(text)), hash, text);
  // First of the vectors that go with the reference code: no bytes, the key 00 01 02 … 0f.
  const key = Int32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
  assert.equal(sipHash13(key, new Uint8Array(0)), 0xabac0158050fc4dcn);
});

for (const [form, makeMemory] of Object.entries(MEMORY_FORMS)) {
  test(`the kernels hash as the plain way does: ${form}`, async () => {
    const hash = await hasher(makeMemory());
    const key = fc.int32Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(key, fc.uint8Array({ maxLength: 80 }), fc.constantFrom(0, 1, 2, 4), (words, bytes, tweak) => {
        assert.equal(hash(words, bytes, tweak), sipHash13(words.with(0, words[0] ^ tweak), bytes));
      }),
    );
    const long = new Uint8Array(MOST_BYTES).fill(7);
    assert.equal(hash(new Int32Array(4), long, 0), sipHash13(new Int32Array(4), long));
  });
}
