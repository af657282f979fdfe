import assert from "node:assert/strict";
import { test } from "node:test";
import { arenaFill, sizeClassesOf, summarisePymalloc } from "../../../src/analysis/arenas.ts";
import type { PymallocTables } from "../../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

const KNOWN_ARENAS = syntheticSnapshot().pymalloc as PymallocTables;

test("the five parts make up what is resident", () => {
  const summary = summarisePymalloc(KNOWN_ARENAS);
  const parts =
    summary.inUseBytes + summary.roundingBytes + summary.headerBytes + summary.freeBlockBytes + summary.emptyPoolBytes;
  assert.equal(parts, summary.residentBytes);
  // Ground truth of the synthetic arenas: the empty pools that were touched, counted one by one.
  const { arenas } = KNOWN_ARENAS;
  let empty = 0;
  for (let arena = 0; arena < arenas.length; arena++) {
    const used = arenas.pools[arena] - arenas.freePools[arena];
    empty += arenas.residentBytes[arena] - used * KNOWN_ARENAS.poolBytes;
  }
  assert.equal(summary.emptyPoolBytes, empty);
});

test("block sizes count pools and blocks as the arenas do", () => {
  const classes = sizeClassesOf(KNOWN_ARENAS);
  const total = (key: "pools" | "usedBlocks" | "freeBlocks") => classes.reduce((sum, row) => sum + row[key], 0);
  const sum = (column: Iterable<number>) => [...column].reduce((a, b) => a + b, 0);
  assert.equal(total("pools"), KNOWN_ARENAS.pools.length);
  assert.equal(total("usedBlocks"), sum(KNOWN_ARENAS.arenas.usedBlocks));
  assert.equal(total("freeBlocks"), sum(KNOWN_ARENAS.arenas.freeBlocks));
  assert.deepEqual(
    classes.map(({ blockBytes }) => blockBytes),
    [...classes.map(({ blockBytes }) => blockBytes)].sort((a, b) => a - b),
  );
});

test("a full arena is full, one without pools is empty", () => {
  const full = arenaFill({
    ...KNOWN_ARENAS,
    arenas: { ...KNOWN_ARENAS.arenas, length: 2 },
    pools: {
      ...KNOWN_ARENAS.pools,
      length: 64,
      arena: new Uint32Array(64),
      sizeClass: new Uint8Array(64).fill(31),
      usedBlocks: new Uint16Array(64).fill(31),
    },
  });
  assert.ok(full[0] > 0.96 && full[0] <= 1);
  assert.equal(full[1], 0);
});
