import assert from "node:assert/strict";
import { type ObjectGraph, openObjectGraph } from "../../src/analysis/object-graph.ts";
import { objectAt } from "../../src/analysis/places.ts";
import { captured } from "./captured.ts";

/** The references of a process; fails the test when there are none. */
export async function capturedGraph(pid: number): Promise<ObjectGraph> {
  const opened = openObjectGraph(await captured(pid, { references: true }));
  assert.ok(opened.ok, opened.ok ? "" : opened.failure.sentence);
  return opened.value;
}

/** Address of the object at a place; fails the test when there is none. */
export function addressOf(graph: ObjectGraph, place: number): number {
  const facts = objectAt(graph.snapshot, place);
  assert.ok(facts, `place ${place} holds no object`);
  return facts.address;
}
