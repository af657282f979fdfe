import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildReferenceTables } from "../../../../../src/capture/reference-tables.ts";
import { UncountedKind } from "../../../../../src/snapshot/graph-tables.ts";
import { forEachReference } from "../../../../../src/snapshot/references.ts";
import { descriptorGeneration, descriptorState, descriptorType } from "../../../../../src/snapshot/states.ts";
import { ObjectState } from "../../../../../src/snapshot/tables.ts";
import * as P from "../../../../../src/strata/cpython/kernels/parameters.ts";
import { layoutVersions, loadLayout } from "../../../../../src/strata/cpython/layouts/layout.ts";
import { type DecodedObjects, decodeObjects } from "../../../../../src/strata/cpython/objects/decode-objects.ts";
import { encodeHeap, LIBRARY, type WrittenHeap } from "../../../../support/heap-encoder.ts";
import { heapModel } from "../../../../support/heap-model.ts";
import { type ExpectedObject, expectedContent, expectedObjects, expectedReferences } from "../../../../support/heap-oracle.ts";
import { MEMORY_FORMS } from "../../../../support/relaid-image.ts";
import { sipHash13 } from "../../../../support/sip-hash.ts";

const RUNS = 25;
const HASH_KEY = Int32Array.of(0x03020100, 0x07060504, 0x0b0a0908, -0x10203);
const FORMS = fc.constantFrom(...Object.values(MEMORY_FORMS));
const DEBUG = fc.constantFrom(0 as const, 0 as const, 16 as const);

for (const version of layoutVersions()) {
  const layout = loadLayout(version);

  test(`objects, sizes, owners and generations of CPython 3.${version.minor} are those of a plain recursion`, async () => {
    await fc.assert(
      fc.asyncProperty(heapModel, DEBUG, FORMS, async (model, debugBytes, makeMemory) => {
        const heap = encodeHeap(model, version.minor, layout, debugBytes);
        const decoded = await decodeObjects({ ...heap.input(makeMemory()), references: { hashKey: HASH_KEY } });
        const expected = expectedObjects(heap);
        assert.deepEqual(decoded.problems, []);
        comparePlaces(heap, decoded, expected);
        compareOthers(heap, decoded, expected);
        compareTypes(decoded, expected);
        compareAccounts(heap, decoded);
        compareOwnedBytes(decoded);
        compareReferences(heap, decoded, expected);
        compareContents(heap, decoded, expected);
      }),
      { numRuns: RUNS },
    );
  });

  test(`all builds of the kernels say the same of a heap of CPython 3.${version.minor}`, async () => {
    await fc.assert(
      fc.asyncProperty(heapModel, DEBUG, async (model, debugBytes) => {
        const results: DecodedObjects[] = [];
        for (const makeMemory of Object.values(MEMORY_FORMS)) {
          const input = encodeHeap(model, version.minor, layout, debugBytes).input(makeMemory());
          results.push(await decodeObjects({ ...input, references: { hashKey: HASH_KEY } }));
        }
        const [first, ...rest] = results.map(({ usedBytes: _, graph, ...columns }) => {
          assert.ok(graph);
          const { releaseWindow: __, takeContents, ...streams } = graph;
          return { ...columns, ...streams, contents: takeContents() };
        });
        for (const other of rest) assert.deepEqual(other, first);
      }),
      { numRuns: 4 },
    );
  });
}

/** Places of objects, by the object's address. */
function placesOf(
  heap: WrittenHeap,
  decoded: DecodedObjects,
  expected: ReadonlyMap<number, ExpectedObject>,
): Map<number, number> {
  const starts = new Map(heap.writer.places().map(({ address }, place) => [address, place]));
  const others = [...decoded.otherAddress].map((address, index): [number, number] => [
    address,
    decoded.poolPlaces + decoded.chunkPlaces + index,
  ]);
  const places = new Map(others);
  for (const [address, { headBytes }] of expected) {
    const place = starts.get(address - headBytes);
    if (place !== undefined) places.set(address, place);
  }
  return places;
}

/** What each block and each chunk must be, as `state[:details]`. */
function describePlaces(heap: WrittenHeap, decoded: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): string[] {
  const places = placesOf(heap, decoded, expected);
  const words = new Map<number, string>();
  for (const [address, { headBytes, type, shallowBytes, references, generation, buffers }] of expected) {
    words.set(address - headBytes, `object:${type}:${shallowBytes}:${references}:${generation}`);
    for (const buffer of buffers) words.set(buffer.address, `buffer:${places.get(address)}:${buffer.usedBytes ?? "?"}`);
  }
  for (const address of heap.kept) words.set(address, "free list");
  for (const address of heap.runtimeMemory) words.set(address, "runtime");
  for (const address of heap.libraryMemory) words.set(address, `library:${LIBRARY}`);
  return heap.writer.places().map(({ address, free }) => (free ? "free" : (words.get(address) ?? "raw")));
}

function comparePlaces(heap: WrittenHeap, decoded: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): void {
  const wanted = describePlaces(heap, decoded, expected);
  assert.equal(decoded.poolPlaces + decoded.chunkPlaces, wanted.length);
  // One by one: the difference of two long lists takes longer than all the rest.
  for (const [place, word] of wanted.entries()) {
    assert.equal(describePlace(decoded, place, word.endsWith(":?")), word, `place ${place}`);
  }
}

function describePlace(decoded: DecodedObjects, place: number, sizeUnknown: boolean): string {
  const about = decoded.descriptor[place];
  const bytes = sizeUnknown ? "?" : decoded.bytes[place];
  switch (descriptorState(about)) {
    case ObjectState.free:
      return "free";
    case ObjectState.raw:
      return "raw";
    case ObjectState.object: {
      const type = decoded.types.address[descriptorType(about)];
      return `object:${type}:${bytes}:${decoded.link[place]}:${descriptorGeneration(about)}`;
    }
    case ObjectState.buffer:
      return `buffer:${decoded.link[place]}:${bytes}`;
    case ObjectState.freeList:
      return "free list";
    case ObjectState.runtime:
      return "runtime";
    case ObjectState.library:
      return `library:${decoded.link[place]}`;
    default:
      return `state ${descriptorState(about)}`;
  }
}

/** Objects outside pools and chunks are found when something reaches them, and only then. */
function compareOthers(heap: WrittenHeap, decoded: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): void {
  const fixed = [...expected].filter(([address]) => heap.writer.fixed.has(address));
  const first = decoded.poolPlaces + decoded.chunkPlaces;
  const actual = [...decoded.otherAddress].map((address, index): [number, string] => [
    address,
    describePlace(decoded, first + index, false),
  ]);
  const wanted = fixed.map(([address, { type, shallowBytes, references, generation }]): [number, string] => [
    address,
    `object:${type}:${shallowBytes}:${references}:${generation}`,
  ]);
  const ascending = (left: [number, string], right: [number, string]) => left[0] - right[0];
  wanted.sort(ascending);
  for (const [index, found] of actual.sort(ascending).entries()) assert.deepEqual(found, wanted[index]);
  assert.equal(actual.length, wanted.length);
}

function compareTypes({ types }: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): void {
  const sums = new Map<number, { count: number; shallowBytes: number }>();
  for (const { type, shallowBytes } of expected.values()) {
    const sum = sums.get(type) ?? { count: 0, shallowBytes: 0 };
    sums.set(type, { count: sum.count + 1, shallowBytes: sum.shallowBytes + shallowBytes });
  }
  for (let row = 1; row < types.length; row++) {
    const sum = sums.get(types.address[row]) ?? { count: 0, shallowBytes: 0 };
    assert.deepEqual({ count: types.count[row], shallowBytes: types.shallowBytes[row] }, sum, types.name[row]);
    assert.ok(types.ownedBytes[row] >= types.shallowBytes[row]);
  }
}

/** What a pool holds adds up to the pool. */
function compareAccounts(heap: WrittenHeap, { poolAccounts, types }: DecodedObjects): void {
  const PARTS = [
    ...[P.ACCOUNT_OBJECTS, P.ACCOUNT_ROUNDING, P.ACCOUNT_FREE, P.ACCOUNT_FREE_LIST],
    ...[P.ACCOUNT_RUNTIME, P.ACCOUNT_UNOWNED, P.ACCOUNT_HEADER],
  ];
  let objects = 0;
  for (let pool = 0; pool < poolAccounts.length / P.ACCOUNT_WORDS; pool++) {
    const account = poolAccounts.subarray(pool * P.ACCOUNT_WORDS, (pool + 1) * P.ACCOUNT_WORDS);
    assert.equal(
      PARTS.reduce((sum, part) => sum + account[part], 0),
      heap.writer.poolBytes,
    );
    assert.ok(PARTS.every((part) => account[part] >= 0));
    objects += account[P.ACCOUNT_OBJECTS];
  }
  assert.equal(
    types.residentBytes.reduce((sum, bytes) => sum + bytes, 0),
    objects,
  );
}

/** Of every type: shallow sizes, what instances have in place beyond them, and buffers that no shallow size counts. */
function compareOwnedBytes({ length, descriptor, bytes, link, types }: DecodedObjects): void {
  const sums = new Float64Array(types.length);
  for (let place = 0; place < length; place++) {
    const about = descriptor[place];
    const type = descriptorType(about);
    if (descriptorState(about) === ObjectState.object) sums[type] += bytes[place] + types.inPlaceExtraBytes[type];
    else if (descriptorState(about) === ObjectState.buffer && type === P.BUFFER_EXTRA) {
      sums[descriptorType(descriptor[link[place]])] += bytes[place];
    }
  }
  assert.deepEqual(sums.subarray(1), types.ownedBytes.subarray(1));
}

/** Each reference once, in its slot, and no other. */
function compareReferences(heap: WrittenHeap, decoded: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): void {
  assert.ok(decoded.graph && !decoded.graph.partial);
  const tables = buildReferenceTables(decoded, decoded.graph.references, new Set());
  const places = placesOf(heap, decoded, expected);
  const actual = Array.from({ length: decoded.length }, (): string[] => []);
  for (const [place, lines] of actual.entries()) {
    forEachReference(tables, place, (target, slot) => lines.push(`${slot} to ${target}`));
  }
  const { uncounted } = tables;
  for (let row = 0; row < uncounted.length; row++) {
    assert.equal(uncounted.kind[row], UncountedKind.sharedKeys);
    actual[uncounted.source[row]].push(`${uncounted.slot[row]} to ${uncounted.target[row]} uncounted`);
  }
  for (const [address, references] of expectedReferences(heap, expected.keys())) {
    const place = places.get(address) ?? -1;
    const wanted = references.map(({ to, slot, counted }) => `${slot} to ${places.get(to)}${counted ? "" : " uncounted"}`);
    assert.deepEqual(actual[place].sort(), wanted.sort(), `object at 0x${address.toString(16)}, place ${place}`);
    actual[place] = [];
  }
  assert.deepEqual(actual.flat(), []);
}

/** Every str and bytes object, its length, and the hash of what it holds. */
function compareContents(heap: WrittenHeap, decoded: DecodedObjects, expected: ReadonlyMap<number, ExpectedObject>): void {
  assert.ok(decoded.graph);
  const places = placesOf(heap, decoded, expected);
  const wanted = heap.objects.flatMap((object) => {
    const content = expectedContent(object);
    const place = places.get(object.address);
    if (content === undefined || !expected.has(object.address) || place === undefined) return [];
    const { length, width, tweak } = content;
    const key = HASH_KEY.with(0, HASH_KEY[0] ^ tweak);
    return [{ place, length, hash: sipHash13(key, new Uint8Array(length * width)) }];
  });
  const { length, place, size, hashLow, hashHigh } = decoded.graph.takeContents();
  const found = Array.from({ length }, (_, row) => ({
    place: place[row],
    length: size[row],
    hash: BigInt(hashLow[row]) | (BigInt(hashHigh[row]) << 32n),
  }));
  assert.deepEqual(
    found,
    wanted.sort((left, right) => left.place - right.place),
  );
}
