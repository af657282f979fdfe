import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeyQuestion, splitContents } from "../../../src/capture/name-tables.ts";
import { type ReferenceTables, SlotPart } from "../../../src/snapshot/graph-tables.ts";
import { packSlot, stepBetween } from "../../../src/snapshot/references.ts";
import { packDescriptor } from "../../../src/snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../../../src/snapshot/tables.ts";

const STR = 1;
const DICT = 2;
/** Places: two dictionaries, then strings. */
const [PLAIN, INTERNED, NAME, EQUAL_KEY, EQUAL_VALUE, LITERAL, LITERAL_KEY, PASSWORD, FOREIGN_KEY] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
];
const PLACES = 9;
/** Equal strings have equal hashes. */
const HASHES = [0, 0, 10, 10, 10, 20, 20, 30, 40];

/** A plain dictionary with four entries, and the table of interned strings, where the password is key and value. */
function question(): KeyQuestion {
  const entries: readonly (readonly [source: number, targets: readonly number[]])[] = [
    [PLAIN, [EQUAL_KEY, EQUAL_VALUE, LITERAL_KEY, PASSWORD, FOREIGN_KEY, EQUAL_VALUE]],
    [INTERNED, [PASSWORD, PASSWORD]],
  ];
  const offsets = new Uint32Array(PLACES + 1);
  const targets: number[] = [];
  const steps: number[] = [];
  for (let place = 0; place < PLACES; place++) {
    const own = entries.find(([source]) => source === place)?.[1] ?? [];
    for (const [position, target] of own.entries()) {
      targets.push(target);
      steps.push(stepBetween(position - 1, packSlot(SlotPart.item, position)));
    }
    offsets[place + 1] = targets.length;
  }
  const none = new Uint32Array(0);
  const references: ReferenceTables = {
    length: targets.length,
    offsets,
    targets: Uint32Array.from(targets),
    steps: Uint8Array.from(steps),
    wideSlots: { length: 0, reference: none, slot: none },
    uncounted: { length: 0, source: none, target: none, slot: none, kind: new Uint8Array(0) },
  };
  const objects: ObjectTables = {
    length: PLACES,
    poolPlaces: PLACES,
    chunkPlaces: 0,
    descriptor: Uint32Array.from({ length: PLACES }, (_, place) =>
      packDescriptor(place <= INTERNED ? DICT : STR, ObjectState.object, 0, 0),
    ),
    bytes: new Uint32Array(PLACES),
    largeBytes: new Map(),
    link: new Uint32Array(PLACES),
    otherAddress: new Float64Array(0),
    headerBytes: [0, 16, 32, 16],
    debugBytes: 0,
  };
  return { objects, references, dictionaries: Uint8Array.of(0, 0, 1), interned: new Set([INTERNED]) };
}

function split() {
  const object = Uint32Array.of(NAME, EQUAL_KEY, EQUAL_VALUE, LITERAL, LITERAL_KEY, PASSWORD, FOREIGN_KEY);
  const hash = object.map((place) => HASHES[place]);
  const contents = { length: object.length, object, size: object.map(() => 5), hashLow: hash, hashHigh: hash.slice() };
  const names = { places: Uint32Array.of(NAME), texts: ["title"] };
  const constants = { places: Uint32Array.of(LITERAL, PASSWORD), texts: ["leaf", "hunter2"] };
  return splitContents(contents, { names, constants }, question());
}

test("a string is a name by its object, or as a key that equals a name or a literal", () => {
  const { names } = split();
  const kept = Array.from(names.object, (place, row) => [place, names.texts[names.text[row]]]);
  assert.deepEqual(kept, [
    [NAME, "title"],
    [EQUAL_KEY, "title"],
    [LITERAL_KEY, "leaf"],
  ]);
});

test("what is no name keeps length and hash, and no text of it stays", () => {
  const { names, contents } = split();
  assert.deepEqual([...contents.object], [EQUAL_VALUE, LITERAL, PASSWORD, FOREIGN_KEY]);
  assert.deepEqual([...contents.hashLow], [10, 20, 30, 40]);
  assert.deepEqual([...names.texts].sort(), ["leaf", "title"]);
});
