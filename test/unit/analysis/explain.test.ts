import assert from "node:assert/strict";
import { test } from "node:test";
import { explainAddress } from "../../../src/analysis/explain.ts";
import { objectAt, placeAddress } from "../../../src/analysis/places.ts";
import { descriptorState, IMMORTAL_REFERENCES, LARGE_BYTES } from "../../../src/snapshot/states.ts";
import { ObjectState, type ObjectTables, type Snapshot } from "../../../src/snapshot/tables.ts";
import {
  ADDRESSES,
  GC_HEADER_BYTES,
  POOL_BYTES,
  POOL_HEADER_BYTES,
  syntheticSnapshot,
} from "../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
const objects = snapshot.objects as ObjectTables;

test("every object in a pool is found by its own address and by its last byte", () => {
  let seen = 0;
  for (let place = 0; place < objects.poolPlaces; place += 7) {
    const object = objectAt(snapshot, place);
    if (!object) continue;
    for (const address of [object.address, (placeAddress(snapshot, place) ?? 0) + object.shallowBytes - 1]) {
      const explanation = explainAddress(snapshot, address);
      assert.deepEqual(explanation?.object, object);
      assert.equal(explanation?.pymalloc?.state, "object");
      assert.equal(explanation?.owner, undefined);
    }
    seen++;
  }
  assert.ok(seen > 1000);
});

test("a block names its pool, its number and its size", () => {
  const blockBytes = 16;
  const address = ADDRESSES.arenas + POOL_HEADER_BYTES + 5 * blockBytes + 3;
  const block = explainAddress(snapshot, address)?.pymalloc;
  assert.equal(block?.blockIndex, 5);
  assert.equal(block?.block, ADDRESSES.arenas + POOL_HEADER_BYTES + 5 * blockBytes);
  assert.equal(block?.pool, ADDRESSES.arenas);
  assert.equal(block?.inPool?.blockBytes, blockBytes);
  assert.equal(block?.inPool?.blocks, Math.floor((POOL_BYTES - POOL_HEADER_BYTES) / blockBytes));
});

test("headers, tails and empty pools are told apart", () => {
  const secondClass = ADDRESSES.arenas + POOL_BYTES * 2; // blocks of 48 B leave a tail
  assert.equal(explainAddress(snapshot, ADDRESSES.arenas + 7)?.pymalloc?.state, "pool header");
  assert.equal(explainAddress(snapshot, secondClass + POOL_BYTES - 1)?.pymalloc?.state, "pool tail");
  const emptyPool = ADDRESSES.arenas + 2 * 1024 * 1024 - 5;
  assert.equal(explainAddress(snapshot, emptyPool)?.pymalloc?.state, "empty pool");
  assert.equal(explainAddress(snapshot, emptyPool)?.object, undefined);
});

test("an address in an object's gc header belongs to it, at a negative offset", () => {
  const place = Array.from({ length: objects.poolPlaces }, (_, index) => index).find(
    (index) => objectAt(snapshot, index)?.address === (placeAddress(snapshot, index) ?? 0) + GC_HEADER_BYTES,
  );
  assert.ok(place !== undefined);
  const object = objectAt(snapshot, place);
  assert.ok(object);
  assert.deepEqual(explainAddress(snapshot, object.address - 1)?.object, object);
});

test("a buffer in a pool names its owner", () => {
  const place = objects.descriptor.findIndex((word) => descriptorState(word) === ObjectState.buffer);
  const explanation = explainAddress(snapshot, placeAddress(snapshot, place) ?? 0);
  assert.equal(explanation?.pymalloc?.state, "buffer");
  assert.equal(explanation?.object, undefined);
  assert.deepEqual(explanation?.owner, objectAt(snapshot, objects.link[place]));
});

test("a chunk names its state, its owner and its arena", () => {
  const { chunks, arenas } = snapshot.malloc[0];
  const index = chunks.state.indexOf(1);
  const free = explainAddress(snapshot, chunks.address[index] + 20)?.malloc;
  assert.equal(free?.state, "free");
  assert.equal(free?.arena, arenas[0].address);
  const mapped = explainAddress(snapshot, ADDRESSES.mappedChunk + 5000);
  assert.equal(mapped?.malloc?.state, "mapped");
  assert.equal(mapped?.malloc?.arena, undefined);
  assert.deepEqual(mapped?.owner, objectAt(snapshot, 0));
});

test("a static object is found in a library's data, immortal", () => {
  const [address] = objects.otherAddress;
  const explanation = explainAddress(snapshot, address + 100);
  assert.equal(explanation?.object?.address, address);
  assert.equal(explanation?.object?.referenceCount, undefined);
  assert.equal(explanation?.mapping.part, "data");
  assert.equal(explainAddress(snapshot, address + 408)?.object, undefined);
});

test("pages say what state they are in", () => {
  assert.equal(explainAddress(snapshot, ADDRESSES.stack)?.page.state, "resident");
  assert.equal(explainAddress(snapshot, ADDRESSES.stack + 1024 * 1024)?.page.state, "untouched");
  assert.equal(explainAddress(snapshot, ADDRESSES.stack)?.mapping.claim, "stack of thread 41207");
  const states: readonly [number, string][] = [
    [1 | 32, "zero"],
    [4, "swapped"],
    [128, "guard"],
    [1, "uncounted"],
  ];
  for (const [bits, state] of states) {
    const pages = { ...snapshot.pages, state: snapshot.pages.state.map(() => bits) };
    assert.equal(explainAddress({ ...snapshot, pages }, ADDRESSES.heap)?.page.state, state);
  }
});

test("where nothing is mapped there is no answer", () => {
  for (const address of [0, 0x1234, ADDRESSES.heap - 1, 2 ** 47 - 1])
    assert.equal(explainAddress(snapshot, address), undefined);
});

test("sizes beyond 32 bits come from their own table", () => {
  const place = objects.poolPlaces;
  const bytes = objects.bytes.slice();
  const descriptor = objects.descriptor.slice();
  bytes[place] = LARGE_BYTES;
  descriptor[place] = objects.descriptor[0];
  const link = objects.link.slice();
  link[place] = IMMORTAL_REFERENCES;
  const large: Snapshot = {
    ...snapshot,
    objects: { ...objects, bytes, descriptor, link, largeBytes: new Map([[place, 5e9]]) },
  };
  assert.equal(objectAt(large, place)?.shallowBytes, 5e9);
  assert.equal(objectAt(large, place)?.referenceCount, undefined);
});
