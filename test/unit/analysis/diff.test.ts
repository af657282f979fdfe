import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Change, diffSnapshots, type SnapshotDifference } from "../../../src/analysis/diff.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { dictOf, entry, field, type ObjectSpec, withGraph } from "../../support/synthetic-graph.ts";

const EARLY = withGraph({ objects: { one: { type: "str" } } }).snapshot;
/** The same process, an hour later. */
const LATER: Partial<Snapshot> = {
  capture: { ...EARLY.capture, takenAt: "2026-03-04T15:02:37.000Z" },
  process: { ...EARLY.process, startedSecondsAgo: EARLY.process.startedSecondsAgo + 3600 },
};
const FATES = ["appeared", "went", "stayed", "undecided"] as const;
const TYPES = {
  module: {},
  dict: {},
  list: {},
  set: {},
  tuple: {},
  str: {},
  bytearray: {},
  "chat.Message": {},
  "chat.Session": {},
};

interface Heap {
  /** What the module's names lead to. */
  readonly objects: Readonly<Record<string, ObjectSpec>>;
  readonly names: Readonly<Record<string, string>>;
}

/** A module `chat` with names; objects lie in the order of the description, so equal order is equal addresses. */
function snapshotOf({ objects, names }: Heap, parts: Partial<Snapshot> = {}): Snapshot {
  const keys = Object.fromEntries(
    Object.keys(names).map((name) => [`key ${name}`, { type: "str", text: name, isStatic: true }]),
  );
  return withGraph({
    objects: {
      chat: { type: "module", refers: [field("globals", 0)], isStatic: true },
      globals: {
        type: "dict",
        isStatic: true,
        refers: Object.entries(names).flatMap(([name, to], index) => [entry(index, `key ${name}`, to)]),
      },
      ...objects,
      ...keys,
    },
    types: { ...TYPES, module: { fields: { 0: "__dict__" } } },
    roots: [{ kind: RootKind.module, to: "chat", name: "chat" }],
    snapshot: parts,
  }).snapshot;
}

function difference(before: Heap, after: Heap, parts: Partial<Snapshot> = LATER): SnapshotDifference {
  const result = diffSnapshots(snapshotOf(before), snapshotOf(after, parts));
  assert.ok(result.ok);
  assertAddsUp(result.value);
  return result.value;
}

function fatesOf(difference: SnapshotDifference, type: string): readonly number[] {
  const row = difference.types.find(({ module, name }) => [module, name].filter(Boolean).join(".") === type);
  assert.ok(row?.fates, `${type} is in the difference`);
  return FATES.map((fate) => {
    const change = row.fates?.[fate];
    return Math.max(change?.countBefore ?? 0, change?.countAfter ?? 0);
  });
}

const growth = ({ bytesBefore, bytesAfter }: Pick<Change, "bytesBefore" | "bytesAfter">) => bytesAfter - bytesBefore;

/** Rows make up the whole, fates make up each row, holders and what nobody holds make up the growth. */
function assertAddsUp({ types, all, holders, unheld }: SnapshotDifference): void {
  for (const key of ["countBefore", "countAfter", "bytesBefore", "bytesAfter"] as const) {
    assert.equal(
      types.reduce((sum, row) => sum + row[key], 0),
      all[key],
    );
    for (const { fates, ...row } of [...types, all]) {
      if (fates) assert.equal(fates.appeared[key] + fates.went[key] + fates.stayed[key] + fates.undecided[key], row[key]);
    }
  }
  assert.equal(holders.reduce((sum, row) => sum + growth(row), 0) + growth(unheld), growth(all));
}

const message = (text: string): ObjectSpec => ({ type: "chat.Message", bytes: 48, refers: [field(text, 0)] });
const text = (bytes: number): ObjectSpec => ({ type: "str", bytes });

test("what is appended appears, what holds it stays", () => {
  const before: Heap = {
    names: { HISTORY: "history" },
    objects: { history: { type: "list", refers: ["m1"] }, m1: message("t1"), t1: text(100) },
  };
  const after: Heap = {
    names: { HISTORY: "history" },
    objects: {
      history: { type: "list", bytes: 72, refers: ["m1", "m2"] },
      m1: message("t1"),
      t1: text(100),
      m2: { ...message("t2"), generation: 0 },
      t2: text(300),
    },
  };
  const found = difference(before, after);
  assert.deepEqual(fatesOf(found, "chat.Message"), [1, 0, 1, 0]);
  assert.deepEqual(fatesOf(found, "str"), [1, 0, 2, 0], "the key of the namespace stays too");
  assert.deepEqual(fatesOf(found, "list"), [0, 0, 1, 0]);
  assert.deepEqual(
    found.holders.map(({ expression, type, countBefore, countAfter, bytesBefore, bytesAfter, alone }) => [
      expression,
      type,
      countBefore,
      countAfter,
      bytesAfter - bytesBefore,
      alone,
    ]),
    [
      ["chat.HISTORY[…]", "chat.Message", 1, 2, 348, false],
      ["chat.HISTORY", "list", 1, 1, 8, true],
    ],
  );
});

test("a younger object at the same address is another one", () => {
  const heap = (generation: number): Heap => ({
    names: { LAST: "last" },
    objects: { last: { type: "list", generation } },
  });
  assert.deepEqual(fatesOf(difference(heap(2), heap(0)), "list"), [1, 1, 0, 0]);
  assert.deepEqual(fatesOf(difference(heap(0), heap(2)), "list"), [0, 0, 1, 0]);
});

test("what cannot change tells replaced objects: length of a str, items of a tuple", () => {
  const heap = (length: number, item: string): Heap => ({
    names: { NAME: "name", PAIR: "pair", a: "a", b: "b" },
    objects: { name: text(length), pair: { type: "tuple", refers: [item, "b"] }, a: message("b"), b: text(60) },
  });
  const found = difference(heap(50, "a"), heap(51, "b"));
  assert.deepEqual(fatesOf(found, "str"), [1, 1, 5, 0], "four keys and b stay");
  assert.deepEqual(fatesOf(found, "tuple"), [1, 1, 0, 0]);
  assert.deepEqual(fatesOf(found, "chat.Message"), [0, 0, 1, 0]);
});

test("in a queue that moved on those behind are not taken for those that left", () => {
  const messages = Object.fromEntries(["m1", "m2", "m3", "m4", "m5"].map((name) => [name, { type: "chat.Message" }]));
  const heap = (order: readonly string[]): Heap => ({
    names: { QUEUE: "queue" },
    objects: { queue: { type: "list", refers: order }, ...messages },
  });
  // m1 and m2 left; two new ones were put in at their addresses.
  const found = difference(heap(["m1", "m2", "m3", "m4", "m5"]), heap(["m3", "m4", "m5", "m2", "m1"]));
  assert.deepEqual(fatesOf(found, "chat.Message"), [0, 0, 3, 2]);
});

test("an object that moved to another holder stays undecided", () => {
  const heap = (holder: string): Heap => ({
    names: { WAITING: "waiting", DONE: "done" },
    objects: {
      waiting: { type: "list", refers: holder === "waiting" ? ["task"] : [] },
      done: { type: "list", refers: holder === "done" ? ["task"] : [] },
      task: { type: "chat.Session" },
    },
  });
  assert.deepEqual(fatesOf(difference(heap("waiting"), heap("done")), "chat.Session"), [0, 0, 0, 1]);
});

test("a type at another address is another type", () => {
  const heap: Heap = { names: { S: "s" }, objects: { s: { type: "chat.Session" } } };
  const { types } = snapshotOf(heap);
  const moved = { ...types, address: types.address.map((address) => address + 1024) };
  assert.deepEqual(fatesOf(difference(heap, heap, { ...LATER, types: moved }), "chat.Session"), [1, 1, 0, 0]);
});

test("two processes: types and holders are compared, no object is identified", () => {
  const heap = (bytes: number): Heap => ({ names: { BUFFER: "buffer" }, objects: { buffer: { type: "bytearray", bytes } } });
  const other = { ...LATER, process: { ...EARLY.process, pid: 4711 } };
  const found = difference(heap(100), heap(1100), other);
  assert.match(found.notIdentified ?? "", /process ids differ/);
  assert.equal(found.all.fates, undefined);
  assert.deepEqual(
    found.holders.map(({ expression, alone }) => [expression, alone]),
    [["chat.BUFFER", true]],
  );
  const restarted = { ...LATER, process: EARLY.process };
  assert.match(difference(heap(1), heap(2), restarted).notIdentified ?? "", /started again/);
});

test("asked the wrong way round, what appeared is what went", () => {
  const small: Heap = { names: { L: "l" }, objects: { l: { type: "list", refers: ["a"] }, a: message("t"), t: text(9) } };
  const large: Heap = {
    names: { L: "l" },
    objects: { ...small.objects, b: message("t"), l: { type: "list", refers: ["a", "b"] } },
  };
  const later = snapshotOf(large, LATER);
  const result = diffSnapshots(later, snapshotOf(small));
  assert.ok(result.ok);
  assert.deepEqual(fatesOf(result.value, "chat.Message"), [0, 1, 1, 0]);
});

test("garbage is behind no holder", () => {
  const before: Heap = { names: {}, objects: {} };
  const cycle = { type: "chat.Session", bytes: 500, refers: [dictOf("d")] };
  const after: Heap = { names: {}, objects: { s: cycle, d: { type: "dict", refers: [entry(0, "k", "s")] }, k: text(10) } };
  const found = difference(before, after);
  assert.deepEqual([found.holders, growth(found.unheld)], [[], 574]);
});

test("a snapshot without references is refused in a sentence", () => {
  const result = diffSnapshots(snapshotOf({ names: {}, objects: {} }), { ...EARLY, graph: undefined });
  assert.ok(!result.ok && /without references/.test(result.failure.sentence));
});

const NAMES = ["a", "b", "c", "d", "e", "f"];
const heaps: fc.Arbitrary<Heap> = fc
  .record({
    kinds: fc.array(fc.constantFrom("list", "set", "tuple", "chat.Session"), { minLength: 6, maxLength: 6 }),
    bytes: fc.array(fc.integer({ min: 16, max: 400 }), { minLength: 6, maxLength: 6 }),
    refers: fc.array(fc.array(fc.constantFrom(...NAMES), { maxLength: 4 }), { minLength: 6, maxLength: 6 }),
    names: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 }),
  })
  .map(({ kinds, bytes, refers, names }) => ({
    names: Object.fromEntries(names.map((name) => [name.toUpperCase(), name])),
    objects: Object.fromEntries(NAMES.map((name, at) => [name, { type: kinds[at], bytes: bytes[at], refers: refers[at] }])),
  }));

test("whatever two heaps hold, their difference adds up", () => {
  fc.assert(
    fc.property(heaps, heaps, (before, after) => void difference(before, after)),
    { numRuns: 300 },
  );
});

test("a heap does not differ from itself", () => {
  const property = fc.property(heaps, (heap) => {
    const { all, holders } = difference(heap, heap);
    assert.deepEqual(holders, []);
    assert.deepEqual([all.fates?.appeared.countAfter, all.fates?.went.countBefore], [0, 0]);
  });
  fc.assert(property, { numRuns: 200 });
});
