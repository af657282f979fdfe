import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeSnapshotFile } from "../../src/snapshot/file/write-snapshot.ts";
import { captured } from "../support/captured.ts";
import type { ForgedAnswers } from "../support/forged-answers.ts";
import { distributionPython } from "../support/pythons.ts";
import { snapshotFolder } from "../support/snapshot-folder.ts";
import { startTarget } from "../support/spawn.ts";

const ASK = fileURLToPath(new URL("../support/forged-answers.ts", import.meta.url));
const FILES = 30;
/** Said to have hung: a verb takes a hundredth of it. */
const HANGING_MILLISECONDS = 30_000;

const SMALL = `
import time
class Item: pass
kept = [Item() for _ in range(100)]
for number, item in enumerate(kept):
    item.number, item.buffer, item.before = number, bytearray(2000), kept[number - 1]
print(id(kept[5]), flush=True)
time.sleep(1000)
`;

test("forged files whose checksums are right end in an answer or in a sentence", async (t) => {
  const target = startTarget(t, distributionPython(), SMALL, { interpreterArgs: ["-S", "-E"] });
  const address = await target.line();
  const file = snapshotFolder(t)();
  const snapshot = await captured(target.pid, { references: true });
  assert.ok(writeSnapshotFile(snapshot, file, {}).ok);
  await target.stop();
  const args = ["--import", "tsx", ASK, file, address, "1", String(FILES)];
  // Read, not mapped: mapped files stay mapped until the process ends.
  const env = { ...process.env, PYSTRATA_NO_NATIVE: "1" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 2 ** 26 });
  const answers = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ForgedAnswers);
  assert.equal(answers.length, FILES);
  for (const { seed, changes, wrong, slowestMilliseconds } of answers) {
    assert.deepEqual(wrong, [], `file ${seed}: ${changes.join("; ")}`);
    assert.ok(slowestMilliseconds < HANGING_MILLISECONDS, `file ${seed} took ${slowestMilliseconds} ms: ${changes.join("; ")}`);
  }
  const answered = answers.filter((answer) => answer.answered > answer.asked / 2).length;
  t.diagnostic(`${answered} of ${FILES} files were opened`);
  assert.ok(answered > FILES / 5 && answered < FILES, "some are refused, some are not");
});
