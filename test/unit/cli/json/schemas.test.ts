import assert from "node:assert/strict";
import { test } from "node:test";
import { explainAddress } from "../../../../src/analysis/explain.ts";
import { buildLedger } from "../../../../src/analysis/ledger.ts";
import { LEDGER_KEYS, type LedgerNode } from "../../../../src/analysis/ledger-tree.ts";
import { typeHistogram } from "../../../../src/analysis/types.ts";
import { safeJson } from "../../../../src/cli/format/safe-text.ts";
import { arenasJson } from "../../../../src/cli/json/arenas-json.ts";
import { explainJson } from "../../../../src/cli/json/explain-json.ts";
import { heapJson } from "../../../../src/cli/json/heap-json.ts";
import { reportJson } from "../../../../src/cli/json/report-json.ts";
import { typesJson } from "../../../../src/cli/json/types-json.ts";
import type { Snapshot } from "../../../../src/snapshot/tables.ts";
import { assertFollowsSchema } from "../../../support/schemas.ts";
import { ADDRESSES, POOL_HEADER_BYTES, syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
/** A process of which only mappings are known. */
const bare: Snapshot = {
  ...snapshot,
  process: { ...snapshot.process, python: undefined, allocator: undefined },
  pymalloc: undefined,
  objects: undefined,
  malloc: [],
  interpreters: [],
  types: { ...snapshot.types, length: 0, name: [], module: [] },
  problems: [{ kind: "python", sentence: "This CPython is not known.", count: 1, address: 0x400000 }],
};

/** As a program reads it. */
const read = (answer: unknown) => JSON.parse(safeJson(answer));

function assertAddsUp(node: LedgerNode): void {
  if (!node.children || node.children.length === 0) return;
  assert.equal(
    node.children.reduce((sum, child) => sum + child.residentBytes, 0),
    node.residentBytes,
    node.key,
  );
  for (const child of node.children) assertAddsUp(child);
}

for (const [name, each] of [
  ["a full snapshot", snapshot],
  ["a process of which only mappings are known", bare],
] as const) {
  test(`the report of ${name} follows its schema and adds up`, () => {
    const answer = read(reportJson(each, buildLedger(each)));
    assertFollowsSchema(answer);
    assert.deepEqual(
      answer.ledger.children.map((child: LedgerNode) => child.key),
      LEDGER_KEYS,
    );
    assert.equal(answer.ledger.residentBytes, answer.process.residentBytes);
    assertAddsUp(answer.ledger);
    assert.equal(answer.coverage.placedBytes + answer.coverage.unexplainedBytes, answer.process.residentBytes);
  });

  test(`types, arenas and heap of ${name} follow their schemas`, () => {
    assertFollowsSchema(read(typesJson(each, typeHistogram(each.types, { sort: "owned", limit: 3 }))));
    assertFollowsSchema(read(arenasJson(each)));
    assertFollowsSchema(read(heapJson(each)));
  });
}

test("every kind of address is explained as its schema says", () => {
  const inPool = ADDRESSES.arenas + POOL_HEADER_BYTES;
  const addresses = [
    ...Object.values(ADDRESSES),
    ...Array.from({ length: 40 }, (_, block) => inPool + block * 16 + 3),
    ...Array.from({ length: 200 }, (_, step) => ADDRESSES.heap + step * 81_920 + 24),
    ADDRESSES.arenas + 3,
    ADDRESSES.arenas + 16 * 1024 - 1,
    ADDRESSES.arenas + 24 * 1024 * 1024 - 1,
    ADDRESSES.libraryData + 8192,
    ADDRESSES.stack + 4 * 1024 * 1024,
  ];
  for (const each of [snapshot, bare]) {
    for (const address of addresses) {
      const explanation = explainAddress(each, address);
      assert.ok(explanation, `0x${address.toString(16)} is mapped`);
      assertFollowsSchema(read(explainJson(each, explanation)));
    }
  }
});

test("types: rows and others make up what is shown", () => {
  const answer = read(typesJson(snapshot, typeHistogram(snapshot.types, { sort: "count", limit: 2 })));
  for (const key of ["count", "shallowBytes", "ownedBytes", "residentBytes"]) {
    const rows = answer.types.reduce((sum: number, row: Record<string, number>) => sum + row[key], 0);
    assert.equal(rows + answer.other[key], answer.shown[key]);
  }
  assert.equal(answer.types.length + answer.other.types, answer.all.types);
});

test("heap: in use, free, fast, cached and top of each arena make up its system bytes", () => {
  const { arenas } = read(heapJson(snapshot));
  assert.equal(arenas.length, 2);
  for (const arena of arenas) {
    const parts = arena.inUseBytes + arena.freeBytes + arena.fastBytes + arena.cachedBytes + arena.topBytes;
    assert.equal(parts, arena.systemBytes);
  }
});
