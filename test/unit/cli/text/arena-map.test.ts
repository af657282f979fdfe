import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseStyle } from "../../../../src/cli/format/style.ts";
import { arenasText } from "../../../../src/cli/text/arenas-text.ts";
import type { PymallocTables, Snapshot } from "../../../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
const pymalloc = snapshot.pymalloc as PymallocTables;

/** The same pools in a process that has `count` arenas, most of them empty. */
function withArenas(count: number): Snapshot {
  const grown = <T extends Float64Array | Uint16Array>(column: T): T => {
    const longer = column.slice(0, 0).constructor as unknown as {
      from(values: ArrayLike<number>, map: (value: number, index: number) => number): T;
    };
    return longer.from({ length: count } as ArrayLike<number>, (_, index) => column[index % column.length]);
  };
  const { arenas } = pymalloc;
  return {
    ...snapshot,
    pymalloc: {
      ...pymalloc,
      arenas: {
        length: count,
        address: grown(arenas.address),
        bytes: grown(arenas.bytes),
        residentBytes: grown(arenas.residentBytes),
        interpreter: grown(arenas.interpreter),
        pools: grown(arenas.pools),
        freePools: grown(arenas.freePools),
        usedBlocks: grown(arenas.usedBlocks).fill(0, arenas.length),
        freeBlocks: grown(arenas.freeBlocks),
      },
    },
  };
}

for (const [width, perLine] of [
  [100, 80],
  [80, 64],
  [60, 48],
  [200, 80],
] as const) {
  test(`one character is one arena, ${perLine} to a line of ${width} columns`, () => {
    const style = chooseStyle({ width, colour: false, verbose: false, terminalColumns: undefined, environment: {} });
    const lines = arenasText(withArenas(472), style);
    const first = lines.findIndex((line) => line.startsWith("By address")) + 1;
    const map = lines.slice(first, lines.indexOf("", first));
    assert.deepEqual(
      map.map((line) => Number(line.slice(0, 4))),
      map.map((_, index) => index * perLine),
    );
    const marks = map.map((line) => line.slice(6));
    assert.equal(marks.join("").length, 472);
    assert.ok(marks.slice(0, -1).every((line) => line.length === perLine));
    assert.match(marks.join(""), /^[▁▂▃▄▅▆▇█]+$/);
  });
}

test("a process without pymalloc says so, and why that may be", () => {
  const style = chooseStyle({ width: 100, colour: false, verbose: false, terminalColumns: undefined, environment: {} });
  assert.match(
    arenasText({ ...snapshot, pymalloc: undefined }, style)[0],
    /^No pymalloc arenas in process 41207\. PYTHONMALLOC=malloc/,
  );
  assert.match(arenasText(withArenas(0), style)[0], /^No pymalloc arenas in process 41207\. It has no arena/);
});
