import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { distributionPython, testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

const ALLOCATING = fileURLToPath(new URL("./allocating.py", import.meta.url));
const COLLECTED_OBJECTS = 200_000;
const COLLECTING = `
import gc
class Kept:
    __slots__ = ("itself",)
    def __init__(self): self.itself = self
kept = [Kept() for _ in range(${COLLECTED_OBJECTS})]
gc.collect()
print("ready", flush=True)
while True: gc.collect()
`;
/** Each attempt has the same odds, so that all of a snapshot's attempts fail hardly ever. */
const MOST_DISTURBED = 0.02;

function isSaidToBeBusy({ problems }: Snapshot): boolean {
  return problems.some(({ kind }) => kind === "stopped-while-busy");
}

testOnEveryPython(
  "four threads allocating at full speed: every snapshot is exact, and consistent or says that it is not",
  async (t, python) => {
    const target = startTarget(t, python, { script: ALLOCATING });
    assert.equal(await target.line(), "ready");
    await takeMany(t, target.pid, python === distributionPython() ? 100 : 20);
  },
);

for (const malloc of ["pymalloc", "malloc"]) {
  test(`one thread allocating at full speed by ${malloc}, which takes no lock: the same`, async (t) => {
    const env = { PYTHONMALLOC: malloc };
    const target = startTarget(t, distributionPython(), { script: ALLOCATING }, { args: ["alone"], env });
    assert.equal(await target.line(), "ready");
    await takeMany(t, target.pid, 20);
  });
}

async function takeMany(t: TestContext, pid: number, snapshots: number): Promise<void> {
  let disturbed = 0;
  let stops = 0;
  for (let round = 0; round < snapshots; round++) {
    const snapshot = await captured(pid);
    assertExactLedger(snapshot);
    assert.equal(isSaidToBeBusy(snapshot), !snapshot.capture.consistent, JSON.stringify(snapshot.problems));
    stops += snapshot.capture.attempts;
    if (!snapshot.capture.consistent) disturbed++;
  }
  t.diagnostic(`${snapshots} snapshots, ${stops} stops, ${disturbed} snapshots not consistent`);
  assert.ok(disturbed <= Math.max(1, snapshots * MOST_DISTURBED), `${disturbed} of ${snapshots} are not consistent`);
}

testOnEveryPython(
  "a process that collects all the time: tried again, then said, and its objects are found",
  async (t, python) => {
    const target = startTarget(t, python, COLLECTING);
    assert.equal(await target.line(), "ready");
    let mostAttempts = 0;
    for (let round = 0; round < 2; round++) {
      const snapshot = await captured(target.pid);
      assertExactLedger(snapshot);
      assert.equal(isSaidToBeBusy(snapshot), !snapshot.capture.consistent, JSON.stringify(snapshot.problems));
      mostAttempts = Math.max(mostAttempts, snapshot.capture.attempts);
      const { types } = snapshot;
      const found = types.count[types.name.indexOf("Kept")];
      assert.ok(found >= COLLECTED_OBJECTS * 0.999 && found <= COLLECTED_OBJECTS, `${found} of ${COLLECTED_OBJECTS} found`);
    }
    // Nearly all its time is spent inside collections, so a first stop outside is luck, and two are none.
    assert.ok(mostAttempts > 1);
  },
);
