/**
 * `npm run bench [-- OBJECTS…] [--runs N] [--json FILE] [--only TEXT] [--part account|graph]`: every figure that the README claims,
 * as medians of at least five runs; see README.md beside this file.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type GraphRow, measureGraphRow, measureQueueAndIndex } from "./graph-rows.ts";
import { ACCOUNT_LIMITS, formatVerdicts, GRAPH_LIMITS, judge, QUEUE_LIMITS, type Verdict } from "./limits.ts";
import { describeLoad, describeMachine } from "./machine.ts";
import { WAYS } from "./measure.ts";
import { measureRow, type Row } from "./rows.ts";
import { ACCOUNT_COLUMNS, formatRows, GRAPH_COLUMNS } from "./table.ts";
import { type Heap, heapsToMeasure, startTarget } from "./targets.ts";

const DEFAULT_OBJECTS = [1e6, 1e7];
const QUEUE_NODES = 1e6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    json: { type: "string" },
    only: { type: "string", default: "" },
    part: { type: "string" },
  },
});
const runs = Number(values.runs);
const folder = mkdtempSync(join(tmpdir(), "pystrata-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

// Before the start: afterwards the load is our own.
const busy = describeLoad();
const rows: Row[] = [];
const graphRows: GraphRow[] = [];
for (const heap of chosenHeaps()) {
  if (heap.python === undefined) console.error(heap.name);
  else await measureHeap(heap, heap.python);
}
const verdicts: Verdict[] = [];
console.log(`\n${[describeMachine(), busy].filter(Boolean).join("\n")}`);
if (wants("account")) {
  const complete = rows.filter(({ way }) => way === "");
  verdicts.push(...judge(ACCOUNT_LIMITS, complete));
  console.log(`\n${formatRows(ACCOUNT_COLUMNS, rows)}`);
}
if (wants("graph")) {
  const milliseconds = measureQueueAndIndex(QUEUE_NODES, runs);
  verdicts.push(...judge(GRAPH_LIMITS, graphRows), ...judge(QUEUE_LIMITS, [{ milliseconds }]));
  console.log(`\n${formatRows(GRAPH_COLUMNS, graphRows)}`);
}
console.log(`\n${formatVerdicts(verdicts)}`);
if (values.json) {
  const result = { machine: describeMachine(), busy, runs, rows, graphRows, limits: verdicts };
  writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
}

function wants(part: "account" | "graph"): boolean {
  return values.part === undefined || values.part === part;
}

function chosenHeaps(): readonly Heap[] {
  const counts = positionals.length > 0 ? positionals.map(Number) : DEFAULT_OBJECTS;
  return heapsToMeasure(counts, positionals.length === 0, folder).filter(({ name }) => name.includes(values.only));
}

async function measureHeap({ name, args }: Heap, python: string): Promise<void> {
  console.error(`making ${name}`);
  const target = await startTarget(python, args);
  try {
    for (const way of wants("account") ? WAYS : []) {
      console.error(`measuring ${name}${way.name && `, ${way.name}`}`);
      rows.push(measureRow(name, target.pid, way, runs, folder));
    }
    if (wants("graph")) {
      console.error(`measuring ${name}, references`);
      graphRows.push(measureGraphRow(name, target.pid, runs, folder));
    }
  } finally {
    target.kill();
  }
}
