import assert from "node:assert/strict";
import { type Explanation, explainAddress } from "../../src/analysis/explain.ts";
import { accountNative, type UnownedName } from "../../src/analysis/native.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { assertExactLedger, captured } from "../support/captured.ts";
import { startLeaky } from "../support/leaky-extension/build.ts";
import { testOnEveryPython } from "../support/pythons.ts";

testOnEveryPython("what an extension leaks, holds and frees is told so, chunk by chunk", async (t, python) => {
  const { target, addresses } = await startLeaky(t, python);
  const snapshot = await captured(target.pid);
  const { kept, capsule, holder } = addresses;
  const of = (address: number) => explained(snapshot, address);

  assert.deepEqual(
    kept.leaked.map((address) => of(address).unowned?.kind),
    kinds("leaked", kept.leaked),
  );
  // Blocks were others' before: what these left behind on a stack or in a dead frame may point at one still.
  const blocks = kept.blocks.filter((address) => of(address).unowned?.kind === "leaked");
  assert.ok(blocks.length >= kept.blocks.length - 5, `${blocks.length} of ${kept.blocks.length} blocks`);
  // The last that was made is the head, and nothing points at it.
  assert.equal(of(kept.lostChain.at(-1) ?? 0).unowned?.kind, "leaked");
  const lost = kept.lostChain.slice(0, -1);
  assert.deepEqual(
    lost.map((address) => of(address).unowned?.kind),
    kinds("chained", lost),
  );
  for (const address of [...kept.library, ...kept.middle]) {
    const { malloc, unowned } = of(address);
    assert.equal(unowned, undefined);
    assert.match(malloc?.library ?? "", /^leaky/);
  }
  for (const address of [...kept.stack, ...kept.threadLocal]) assert.equal(of(address).unowned?.kind, "thread");
  const other = of(kept.stack[0]).unowned?.thread ?? -1;
  assert.notEqual(snapshot.threads[other].tid, target.pid);
  assert.equal(of(capsule[1]).owner?.address, capsule[0]);
  for (const address of holder[1]) assert.equal(of(address).owner?.address, holder[0], `held at ${address.toString(16)}`);

  const leaked = accountNative(snapshot).unowned.find(({ kind }) => kind === "leaked");
  const sizes = new Map(leaked?.sizes.map(({ bytes, chunks }) => [bytes, chunks]));
  assert.equal(sizes.get(usable(5000)), kept.leaked.length);
  assert.equal(sizes.get(usable(3000)), 1);
  // Nothing that is held or freed, and hardly anything of Python's own.
  for (const bytes of [4008, 7000, 6008, 9000, 8008, 2008, 10008, 11000]) assert.equal(sizes.get(usable(bytes)), undefined);
  // The 8 bytes that a chunk borrows of the next one count there.
  const ours = kept.leaked.length * (usable(5000) - 8) + usable(3000) - 8;
  const others = (leaked?.bytes ?? 0) - ours;
  t.diagnostic(`${others} bytes leaked by others than the extension`);
  assert.ok(others >= 0 && others < 4096, `${others} bytes leaked by others`);
  const sample = leaked?.samples.find(({ bytes }) => bytes === usable(5000));
  assert.ok(sample && kept.leaked.includes(sample.address) && sample.pattern === "........");
  assertExactLedger(snapshot);
});

function explained(snapshot: Snapshot, address: number): Explanation {
  const explanation = explainAddress(snapshot, address);
  assert.ok(explanation, `nothing is mapped at ${address.toString(16)}`);
  return explanation;
}

function kinds(kind: UnownedName, of: readonly number[]): UnownedName[] {
  return of.map(() => kind);
}

/** What malloc_usable_size says of a request: whole chunks of 16 bytes, less their size field (glibc malloc/malloc.c). */
function usable(bytes: number): number {
  return Math.floor((bytes + 8 + 15) / 16) * 16 - 8;
}
