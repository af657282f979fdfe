/**
 * `npm run bench [-- OBJECTS…] [--runs N] [--json FILE] [--only TEXT]`: every figure that the README claims, as medians of at least
 * five runs; see README.md beside this file.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatLimits, LIMITS, worst } from "./limits.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { WAYS } from "./measure.ts";
import { measureRow, type Row } from "./rows.ts";
import { formatRows } from "./table.ts";
import { type Heap, heapsToMeasure, startTarget } from "./targets.ts";

const DEFAULT_OBJECTS = [1e6, 1e7];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    json: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "pystrata-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

// Before the start: afterwards the load is our own.
const busy = describeLoad();
const rows: Row[] = [];
for (const heap of chosenHeaps()) {
  if (heap.python === undefined) console.error(heap.name);
  else rows.push(...(await measureHeap(heap, heap.python)));
}
console.log(`\n${describeMachine()}\n${busy ? `${busy}\n` : ""}\n${formatRows(rows)}\n\n${formatLimits(rows)}`);
if (values.json) {
  const complete = rows.filter(({ way }) => way === "");
  const limits = LIMITS.map((limit) => {
    const { figure, must, aim, better } = limit;
    return { figure, measured: worst(limit, complete), must, aim, better };
  });
  const result = { machine: describeMachine(), busy, runs: Number(values.runs), rows, limits };
  writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
}

function chosenHeaps(): readonly Heap[] {
  const counts = positionals.length > 0 ? positionals.map(Number) : DEFAULT_OBJECTS;
  return heapsToMeasure(counts, positionals.length === 0, folder).filter(({ name }) => name.includes(values.only));
}

async function measureHeap(heap: Heap, python: string): Promise<readonly Row[]> {
  console.error(`making ${heap.name}`);
  const target = await startTarget(python, heap.args);
  try {
    return WAYS.map((way) => {
      console.error(`measuring ${heap.name}${way.name && `, ${way.name}`}`);
      return measureRow(heap.name, target.pid, way, Number(values.runs), folder);
    });
  } finally {
    target.kill();
  }
}
