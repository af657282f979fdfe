import assert from "node:assert/strict";
import fc from "fast-check";
import { buildLedger } from "../../src/analysis/ledger.ts";
import { MIB, PAGE_BYTES } from "../../src/base/units.ts";
import type { ReferenceTables } from "../../src/snapshot/graph-tables.ts";
import { forEachReference, WIDE_STEP } from "../../src/snapshot/references.ts";
import { descriptorState } from "../../src/snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../../src/snapshot/tables.ts";
import type { MemoryImage } from "../../src/target/memory-image.ts";
import { copyTarget } from "../support/decode-target.ts";
import { leafSum } from "../support/ledger.ts";
import { testOnEveryPython } from "../support/pythons.ts";
import { MEMORY_FORMS, relayImage } from "../support/relaid-image.ts";
import { startTarget } from "../support/spawn.ts";

/** No figure of speed: an undamaged image takes a twentieth of it on a slow machine. */
const HANGING_MILLISECONDS = 30_000;
const RUNS = 10;
const PAGE_WORDS = PAGE_BYTES / 4;
const PAGES_PER_SLOT = MIB / PAGE_BYTES;

const SOURCE = `
import collections, decimal, sys
class Plain: pass
class Slotted: __slots__ = ("a", "b")
def make(n):
    plain, slotted = Plain(), Slotted()
    plain.name, plain.number, slotted.a = "n%d" % n, n * 2 ** 40, [n] * (n % 40)
    return {n: plain, "set": {n, str(n)}, "deque": collections.deque(range(n % 70)), "big": bytes(n), 3.5 * n: slotted}
kept = [make(n) for n in range(2000)] + [decimal.Decimal(1) / 7, (n for n in range(3)), bytearray(70000)]
print("ready", flush=True)
sys.stdin.read()
`;

/** What is done to a page of the copy. */
type Damage = "zero" | "noise" | "pointers" | "flips" | "neighbour";

interface Blow {
  /** Page of the image, as a share of all. */
  readonly where: number;
  readonly damage: Damage;
  readonly seed: number;
  /** Words that are hit, of `noise`, `pointers` and `flips`. */
  readonly words: number;
}

const blow: fc.Arbitrary<Blow> = fc.record({
  where: fc.nat(9999).map((n) => n / 10_000),
  damage: fc.constantFrom<Damage>("zero", "noise", "pointers", "flips", "neighbour"),
  seed: fc.nat(),
  words: fc.constantFrom(1, 4, 60, PAGE_WORDS / 2),
});
/** From a torn word to an image that is mostly noise. */
const blows = fc.oneof(
  ...[3, 60, 900].map((maxLength) => fc.array(blow, { minLength: Math.ceil(maxLength / 3), maxLength, size: "max" })),
);

testOnEveryPython("a damaged image is decoded to its end, and every byte still has its leaf", async (t, python) => {
  const started = startTarget(t, python, SOURCE);
  assert.equal(await started.line(), "ready");
  const target = copyTarget(started.pid);
  t.after(() => target.close());
  const pages = filledPages(target.image);
  const sound = await target.decode(relayImage(target.image, MEMORY_FORMS.WebAssembly()));
  const known = new Set(sound.problems.map(({ kind }) => kind));
  let recognised = 0;
  let reported = 0;
  await fc.assert(
    fc.asyncProperty(blows, fc.constantFrom(...Object.values(MEMORY_FORMS)), async (damages, makeMemory) => {
      const image = relayImage(target.image, makeMemory());
      for (const each of damages) strike(image, pages, each);
      const begun = performance.now();
      const snapshot = await target.decode(image, { references: true });
      const { root } = buildLedger(snapshot);
      assert.ok(performance.now() - begun < HANGING_MILLISECONDS);
      // Tables that overlap may take more from "unexplained" than there is; the total stays the kernel's.
      assert.equal(leafSum(root), snapshot.process.residentBytes);
      if (snapshot.objects !== undefined) recognised++;
      if (snapshot.objects && snapshot.graph) assertReferences(snapshot.objects, snapshot.graph.references);
      if (snapshot.problems.some(({ kind }) => !known.has(kind))) reported++;
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  t.diagnostic(`${recognised} of ${RUNS} images still had an interpreter, ${reported} reported problems`);
  assert.ok(recognised > 0, "damage went to the objects, not only to the interpreter");
  assert.ok(reported > 0, "damage is reported");
});

/** Whatever an image holds, references go from objects to objects, and their slots are told. */
function assertReferences({ length, descriptor }: ObjectTables, references: ReferenceTables): void {
  assert.equal(references.offsets.length, length + 1);
  assert.equal(references.offsets[length], references.length);
  let wide = 0;
  for (let place = 0; place < length; place++) {
    if (references.offsets[place + 1] === references.offsets[place]) continue;
    assert.equal(descriptorState(descriptor[place]), ObjectState.object);
    forEachReference(references, place, (target, slot, reference) => {
      if (descriptorState(descriptor[target]) !== ObjectState.object) assert.fail(`reference ${reference} to no object`);
      if (references.steps[reference] === WIDE_STEP && references.wideSlots.slot[wide++] !== slot) assert.fail(`slot ${slot}`);
    });
  }
  assert.equal(wide, references.wideSlots.length);
}

function strike(image: MemoryImage, pages: readonly number[], { where, damage, seed, words }: Blow): void {
  const target = pageWords(image, pages[Math.floor(where * pages.length)]);
  const next = generator(seed);
  if (damage === "zero") target.fill(0);
  else if (damage === "neighbour") target.set(pageWords(image, pages[next() % pages.length]));
  else {
    for (let count = 0; count < words; count++) {
      const at = next() % PAGE_WORDS;
      if (damage === "noise") target[at] = next() | 0;
      else if (damage === "flips") target[at] ^= 1 << (next() & 31);
      else {
        // A pointer to somewhere in the image, mostly aligned as objects are.
        const address = image.slotAddresses[next() % image.slotCount] + ((next() % MIB) & -(next() % 4 === 0 ? 1 : 16));
        target[at & -2] = (address % 2 ** 32) | 0;
        target[at | 1] = Math.floor(address / 2 ** 32);
      }
    }
  }
}

/** Numbers of the image's pages that hold anything: most of a slot may be absent from the process. */
function filledPages(image: MemoryImage): number[] {
  const pages = Array.from({ length: image.slotCount * PAGES_PER_SLOT }, (_, page) => page);
  return pages.filter((page) => pageWords(image, page).some((word) => word !== 0));
}

function pageWords(image: MemoryImage, page: number): Int32Array {
  const slot = image.slotAddresses[Math.floor(page / PAGES_PER_SLOT)];
  return image.memory.int32(image.wordOf(slot) + (page % PAGES_PER_SLOT) * PAGE_WORDS, PAGE_WORDS);
}

/** Numbers below 2³² (xorshift, Marsaglia 2003), so that a failure is told by its seed alone. */
function generator(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
