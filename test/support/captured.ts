import assert from "node:assert/strict";
import { buildLedger } from "../../src/analysis/ledger.ts";
import type { Ledger } from "../../src/analysis/ledger-tree.ts";
import { type CaptureRequest, captureSnapshot } from "../../src/capture/capture.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { negativeNodes, sumOfLeaves } from "./report.ts";

/** A busy machine may leave a thread without processor time for longer than a stop may wait; then it is tried again. */
const MOST_TRIES = 10;
/** Largest share of memory that nobody may recognise. */
const MOST_UNEXPLAINED = 0.005;

/** A snapshot of a process; fails the test when there is none. */
export async function captured(pid: number, request: CaptureRequest = {}): Promise<Snapshot> {
  for (let tries = 1; ; tries++) {
    const result = await captureSnapshot(pid, request);
    if (result.ok) return result.value;
    const isOverloaded = result.failure.code === "limit" && result.failure.sentence.includes("(state R)");
    assert.ok(isOverloaded && tries < MOST_TRIES, result.failure.sentence);
  }
}

/** Every resident byte is on exactly one leaf, and hardly any on the leaf of what nobody recognises. */
export function assertExactLedger(snapshot: Snapshot, mostUnexplained: number = MOST_UNEXPLAINED): Ledger {
  const ledger = buildLedger(snapshot);
  const { residentBytes } = snapshot.process;
  assert.equal(ledger.root.residentBytes, residentBytes);
  assert.equal(sumOfLeaves(ledger.root), residentBytes);
  assert.deepEqual(negativeNodes(ledger.root), []);
  const { unexplainedBytes } = ledger.coverage;
  assert.ok(unexplainedBytes <= mostUnexplained * residentBytes, `${unexplainedBytes} of ${residentBytes} bytes unexplained`);
  return ledger;
}
