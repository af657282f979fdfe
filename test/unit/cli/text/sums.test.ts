import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LEDGER_KEYS, type Ledger } from "../../../../src/analysis/ledger-tree.ts";
import { typeHistogram } from "../../../../src/analysis/types.ts";
import { chooseStyle, type Style } from "../../../../src/cli/format/style.ts";
import { arenasText } from "../../../../src/cli/text/arenas-text.ts";
import { heapText } from "../../../../src/cli/text/heap-text.ts";
import { reportText } from "../../../../src/cli/text/report-text.ts";
import { typesText } from "../../../../src/cli/text/types-text.ts";
import type { MallocArenaFacts, Snapshot } from "../../../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
const width = fc.integer({ min: 60, max: 160 });
const styleOf = (cells: number): Style =>
  chooseStyle({ width: cells, colour: false, verbose: false, terminalColumns: undefined, environment: {} });

/** Displayed tenths (or whole bytes and counts) of a figure such as `1,634.2`, `44.4` or `–`. */
function figure(text: string): number {
  if (text === "–") return 0;
  assert.match(text, /^[\d,]+(\.\d)?$/);
  return Math.round(Number(text.replaceAll(",", "")) * 10);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Figures and shares of lines such as `libraries   78.9   4.8 %  …`, in the fixed columns of the parts table. */
function parts(lines: readonly string[]): { figures: number[]; shares: number[] } {
  return {
    figures: lines.map((line) => figure(line.slice(30, 39).trim())),
    shares: lines.map((line) => (line.includes("< 0.1 %") ? 0 : figure(line.slice(39, 45).trim()))),
  };
}

function assertPartsTable(lines: readonly string[], wholeLabel: string): void {
  const end = lines.findIndex((line) => line.startsWith(`${wholeLabel} `));
  const start = lines.lastIndexOf("", end) + 1;
  const { figures, shares } = parts(lines.slice(start, end));
  const whole = parts([lines[end]]);
  assert.ok(figures.length >= 5);
  assert.equal(sum(figures), whole.figures[0]);
  assert.equal(sum(shares), whole.shares[0]);
}

function ledgerOf(bytes: readonly number[]): Ledger {
  const children = LEDGER_KEYS.map((key, index) => ({ key, label: key, residentBytes: bytes[index] }));
  const residentBytes = sum(bytes);
  const unexplainedBytes = bytes[bytes.length - 1];
  return {
    root: { key: "resident", label: "Resident", residentBytes, children },
    coverage: { placedBytes: residentBytes - unexplainedBytes, attributedBytes: 0, unexplainedBytes },
  };
}

test("the ledger's displayed lines add up to the displayed whole, whatever the bytes", () => {
  const ledger = fc.array(fc.nat(3_000_000_000), { minLength: 10, maxLength: 10 }).filter((bytes) => sum(bytes) > 0);
  fc.assert(
    fc.property(ledger, width, (bytes, cells) =>
      assertPartsTable(reportText(snapshot, ledgerOf(bytes), { depth: 1 }, styleOf(cells)), "Resident"),
    ),
    { numRuns: 60 },
  );
});

test("children add up to what their parent shows", () => {
  const groups = fc.array(fc.array(fc.integer({ min: 1, max: 90_000_000 }), { minLength: 1, maxLength: 6 }), {
    minLength: 10,
    maxLength: 10,
  });
  fc.assert(
    fc.property(groups, (bytes) => {
      const flat = ledgerOf(bytes.map(sum));
      const children = (flat.root.children ?? []).map((node, index) => ({
        ...node,
        children: bytes[index].map((residentBytes, child) => ({
          key: `${node.key}/${child}`,
          label: `child ${child}`,
          residentBytes,
        })),
      }));
      const lines = reportText(snapshot, { ...flat, root: { ...flat.root, children } }, { depth: 2 }, styleOf(80));
      const table = lines.slice(
        3,
        lines.findIndex((line) => line.startsWith("Resident ")),
      );
      for (let at = 0; at < table.length; ) {
        const end = table.findIndex((line, index) => index > at && !line.startsWith("  "));
        const below = table.slice(at + 1, end < 0 ? table.length : end);
        assert.equal(sum(parts(below).figures), parts([table[at]]).figures[0]);
        at += 1 + below.length;
      }
    }),
    { numRuns: 60 },
  );
});

test("the largest types and the others add up to the ledger's objects", () => {
  const bytes = [sum([...snapshot.types.residentBytes]), 5_000_123, 1_200_000, 999_999, 31, 77_777_777, 12, 0, 1, 8191];
  const lines = reportText(snapshot, ledgerOf(bytes), { depth: 1 }, styleOf(100));
  const first = lines.findIndex((line) => line.startsWith("Largest types")) + 1;
  const rows = lines.slice(first, lines.indexOf("", first));
  const { figures, shares } = parts(rows);
  assert.equal(rows.length, 6);
  assert.equal(sum(figures), parts([lines[3]]).figures[0]);
  assert.equal(sum(shares), 1000);
});

test("arenas: parts add up, and the block sizes to the same figures", () => {
  for (const cells of [60, 80, 100, 140]) {
    const lines = arenasText(snapshot, styleOf(cells));
    assertPartsTable(lines, "Resident");
    const head = lines.findIndex((line) => /^ *block +pools/.test(line));
    const table = lines.slice(head + 1).flatMap((line) => {
      const match = /^ *(?:\d+ B|others|All) +([\d,]+) +([\d.,]+) +([\d.,]+) /.exec(line);
      return match ? [match.slice(1, 4).map(figure)] : [];
    });
    const all = table[table.length - 1];
    const others = table.slice(0, -1);
    assert.equal(others.length, 7);
    for (const column of [0, 1, 2]) assert.equal(sum(others.map((row) => row[column])), all[column]);
    const first = lines.findIndex((line) => line.startsWith("blocks in use"));
    const { figures } = parts(lines.slice(first, first + 5));
    assert.equal(all[1], figures[0] + figures[1], "in use is blocks and rounding");
    assert.equal(all[2], figures[3], "free is free blocks");
  }
});

test("heap: rows add up across and down, whatever the arenas", () => {
  const bytes = fc.nat(700_000_000);
  const arena = fc.record({
    inUseBytes: bytes,
    freeBytes: bytes,
    fastBytes: bytes,
    cachedBytes: bytes,
    topBytes: bytes,
    residentBytes: bytes,
  });
  fc.assert(
    fc.property(fc.array(arena, { minLength: 1, maxLength: 12 }), fc.nat(900_000_000), width, (drawn, mapped, cells) => {
      const lines = heapText(withArenas(drawn, mapped), styleOf(cells));
      const head = lines.findIndex((line) => /^(B|KiB|MiB|GiB) +system/.test(line));
      const end = lines.findIndex((line) => line.startsWith("All "));
      const rows = lines.slice(head + 1, end + 1).map((line) =>
        line
          .replace(/^(main|thread \d+|mmapped|All) /, "")
          .split(/ +/)
          .filter((word) => /^[\d,.]+$|^–$/.test(word))
          .map(figure),
      );
      for (const [system, ...others] of rows) assert.equal(sum(others.slice(0, 5)), system);
      const all = rows[rows.length - 1];
      for (const column of all.keys()) assert.equal(sum(rows.slice(0, -1).map((row) => row[column])), all[column]);
    }),
    { numRuns: 60 },
  );
});

type DrawnArena = Pick<
  MallocArenaFacts,
  "inUseBytes" | "freeBytes" | "fastBytes" | "cachedBytes" | "topBytes" | "residentBytes"
>;

function withArenas(drawn: readonly DrawnArena[], mapped: number): Snapshot {
  const [malloc] = snapshot.malloc;
  const arenas = drawn.map((arena, index) => ({
    ...malloc.arenas[0],
    ...arena,
    main: index === 0,
    systemBytes: arena.inUseBytes + arena.freeBytes + arena.fastBytes + arena.cachedBytes + arena.topBytes,
    ranges: [],
  }));
  return {
    ...snapshot,
    malloc: [{ ...malloc, arenas, mapped: { count: 1, bytes: mapped }, chunks: { ...malloc.chunks, length: 0 } }],
  };
}

test("types: every column and the shares add up, with and without a filter", () => {
  for (const matches of [undefined, (name: string) => name.includes("parley")]) {
    for (const sort of ["resident", "owned", "shallow"] as const) {
      const histogram = typeHistogram(snapshot.types, { sort, limit: 3, matches });
      const lines = typesText(snapshot, histogram, sort, styleOf(80));
      const head = lines.findIndex((line) => line.startsWith("Type, "));
      const end = lines.findIndex((line) => line.startsWith("All"));
      const rows = lines
        .slice(head + 1, end + 1)
        .map((line) => line.slice(28).replace(/ %.*/, "").trim().split(/ +/).map(figure));
      const all = rows[rows.length - 1];
      assert.equal(all.length, 5);
      for (const column of all.keys()) assert.equal(sum(rows.slice(0, -1).map((row) => row[column])), all[column]);
    }
  }
});
