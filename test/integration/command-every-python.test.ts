import assert from "node:assert/strict";
import { testOnEveryPython } from "../support/pythons.ts";
import { pystrata, sumOfLeaves } from "../support/report.ts";
import { startTarget } from "../support/spawn.ts";

/** Many objects of few sizes: pools whose blocks repeat at the stride of pymalloc's own tables. */
const SESSIONS = `
import time
class Session:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray(3000)
kept = [Session(number) for number in range(3000)]
print(id(kept[7]), flush=True)
time.sleep(1000)
`;

async function answerOf(...args: readonly string[]) {
  const { status, output, errors } = await pystrata([...args, "--format", "json"]);
  assert.equal(status, 0, errors);
  return JSON.parse(output);
}

testOnEveryPython("report, arenas and explain agree", async (t, python) => {
  const target = startTarget(t, python, SESSIONS);
  const session = await target.line();
  const pid = String(target.pid);

  const report = await answerOf("report", pid);
  assert.equal(sumOfLeaves(report.ledger), report.process.residentBytes);
  assert.ok(
    report.coverage.unexplainedBytes <= report.process.residentBytes * 0.005,
    `${report.coverage.unexplainedBytes} B unexplained`,
  );
  assert.equal(report.types.find((type: { name: string }) => type.name === "Session")?.count, 3000);

  const { arenas, unusedPools, sizeClasses } = await answerOf("arenas", pid);
  assert.ok(arenas.length > 0, "pymalloc is in use");
  const sum = (rows: Record<string, number>[], key: string) => rows.reduce((total, row) => total + row[key], 0);
  assert.equal(sum(arenas, "usedBlocks"), sum(sizeClasses, "usedBlocks"));
  assert.equal(sum(arenas, "freeBlocks"), sum(sizeClasses, "freeBlocks"));
  assert.equal(sum(arenas, "pools"), sum(sizeClasses, "pools") + unusedPools);

  const explained = await answerOf("explain", pid, session);
  assert.equal(explained.object.type, "Session");
  assert.equal(explained.pymalloc.state, "object");
  assert.ok(arenas.some((arena: { address: string }) => arena.address === explained.pymalloc.arena));
});
