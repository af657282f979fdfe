/**
 * `print-phases.ts PID [--references]` captures a process and prints the milliseconds of each phase as JSON, and how many objects
 * and references it found. With references it goes on until it knows what each object retains.
 */
import { parseArgs } from "node:util";
import { openObjectGraph } from "../src/analysis/object-graph.ts";
import { captureSnapshot } from "../src/capture/capture.ts";
import type { Snapshot } from "../src/snapshot/tables.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { references: { type: "boolean", default: false } },
});
const phases: Record<string, number> = {};
let current = "";
let began = performance.now();
const phase = (next: string): void => {
  const now = performance.now();
  if (current !== "") phases[current] = (phases[current] ?? 0) + now - began;
  current = next;
  began = performance.now();
};
const captured = await captureSnapshot(Number(positionals[0]), {
  references: values.references,
  maxPauseMilliseconds: 10_000,
  allowSigstop: process.env.PYSTRATA_NO_NATIVE === "1",
  phase,
});
phase("");
if (!captured.ok) throw new Error(captured.failure.sentence);
if (values.references) weigh(captured.value);
const objects = captured.value.types.count.reduce((sum, count) => sum + count, 0);
const references = captured.value.graph?.references.length ?? 0;
console.log(JSON.stringify({ phases, objects, references }));

/** What every question about holders needs: the graph, its dominators and what each object retains. */
function weigh(snapshot: Snapshot): void {
  phase("graph");
  const graph = openObjectGraph(snapshot);
  if (!graph.ok) throw new Error(graph.failure.sentence);
  phase("dominators");
  void graph.value.dominators;
  phase("retained");
  void graph.value.retainedBytes;
  phase("");
}
