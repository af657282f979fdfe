import assert from "node:assert/strict";
import { readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { captureSnapshot } from "../../../src/capture/capture.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { isRunning, threadStates } from "../../support/pause-helpers.ts";
import { distributionPython, pythons } from "../../support/pythons.ts";
import { pystrata, residentBytesOf } from "../../support/report.ts";
import { settled } from "../../support/settled.ts";
import { startTarget } from "../../support/spawn.ts";

/** What a capture tells while it goes on, in order; the target runs at each of them. */
const MOMENTS = ["locate", "copy", "preparing", "stopping", "resumed", "allocators", "decode"] as const;
const READY_AND_WAIT = "print('ready', flush=True)\nfor line in __import__('sys').stdin: print('still here', flush=True)\n";

/** Runs `deed` once, the first time that a capture reaches `moment`. */
function at(moment: string, deed: () => void) {
  let done = false;
  const reached = (name: string) => {
    if (done || name !== moment) return;
    done = true;
    deed();
  };
  return { phase: reached, progress: ({ phase }: { readonly phase: string }) => reached(phase), wasReached: () => done };
}

/** Down to the names of types, which lie in memory that is not copied. */
function assertAccounted(snapshot: Snapshot): void {
  assertExactLedger(snapshot);
  const { types } = snapshot;
  assert.ok(types.count[types.name.indexOf("dict")] > 100, `${types.length} types: ${types.name.slice(0, 20)}`);
}

for (const moment of MOMENTS) {
  test(`a target that is killed when the capture says "${moment}": a snapshot or one sentence`, async (t) => {
    const target = startTarget(t, distributionPython(), READY_AND_WAIT);
    await target.line();
    const kill = at(moment, () => {
      target.signal("SIGKILL");
      while (!/^(Z*|X*)$/.test(threadStates(target.pid)));
    });
    const result = await captureSnapshot(target.pid, kill);
    assert.ok(kill.wasReached());
    if (result.ok) {
      assertAccounted(result.value);
      assert.ok(MOMENTS.indexOf(moment) >= MOMENTS.indexOf("resumed"), "nothing can be known of a process that ended before");
    } else {
      assert.equal(result.failure.code, "no-such-process", result.failure.sentence);
      assert.match(result.failure.sentence, /^[A-Z][^\n]*\.$/);
    }
    assert.equal(await target.ended, "SIGKILL");
  });

  test(`a target that executes another program when the capture says "${moment}": an account of one of the two`, async (t) => {
    const [other] = pythons();
    const code = `import os, sys
print('ready', flush=True)
sys.stdin.readline()
os.execv(${JSON.stringify(other.path)}, ['python', '-c', 'print("replaced", flush=True); input(); print("still here", flush=True); input()'])
`;
    const target = startTarget(t, distributionPython(), code);
    await target.line();
    const replace = at(moment, () => {
      target.send("go\n");
      // Until the new program has said its word, it is not settled.
      while (readlinkSync(`/proc/${target.pid}/exe`) !== other.path);
      const until = Date.now() + 500;
      while (Date.now() < until);
    });
    const result = await captureSnapshot(target.pid, replace);
    assert.ok(replace.wasReached());
    if (result.ok) {
      assertAccounted(result.value);
      const { python } = result.value.process;
      assert.ok([`CPython ${other.version}`, `CPython ${distributionPython().version}`].includes(python ?? ""), python);
    } else {
      assert.equal(result.failure.code, "failed", result.failure.sentence);
      assert.match(result.failure.sentence, /another program \(exec\)/);
    }
    assert.equal(await target.line(), "replaced");
    target.send("go\n");
    assert.equal(await target.line(), "still here");
  });
}

test("threads and children that come and go at full speed: every snapshot is exact, and none of them is lost", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import os, threading, time
failed = turns = 0
until = time.monotonic() + 600
def come_and_go():
    global failed, turns
    while not over:
        thread = threading.Thread(target=lambda: [object() for _ in range(100)])
        thread.start()
        child = os.fork()
        if child == 0: os._exit(7)
        thread.join()
        if os.waitpid(child, 0)[1] >> 8 != 7: failed += 1
        turns += 1
over = False
threads = [threading.Thread(target=come_and_go) for _ in range(3)]
print("ready", flush=True)
for thread in threads: thread.start()
input()
over = True
for thread in threads: thread.join()
print(failed, turns > 20, flush=True)
`,
  );
  await target.line();
  for (let round = 0; round < 10; round++) {
    const snapshot = await captured(target.pid);
    assertExactLedger(snapshot);
    assert.ok(snapshot.process.threads >= 4 - 3 && snapshot.threads.length >= 1);
  }
  target.send("over\n");
  assert.equal(await target.line(), "0 True");
});

test("300 threads: each is found with its Python stack, and runs on", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import threading
def wait_for_word(number):
    with word: word.wait()
    said.append(number)
word, said = threading.Condition(), []
threads = [threading.Thread(target=wait_for_word, args=(number,)) for number in range(300)]
for thread in threads: thread.start()
print("ready", flush=True)
input()
with word: word.notify_all()
for thread in threads: thread.join()
print(len(said), flush=True)
`,
  );
  await target.line();
  const snapshot = await captured(target.pid);
  assertExactLedger(snapshot);
  assert.equal(snapshot.threads.length, 301);
  const waiting = snapshot.threads.filter(({ frames }) => frames.some((frame) => frame.function === "wait_for_word"));
  assert.equal(waiting.length, 300);
  target.send("go\n");
  assert.equal(await target.line(), "300");
});

test("a process that was stopped stays stopped, and the report says so", async (t) => {
  const target = startTarget(t, distributionPython(), READY_AND_WAIT);
  await target.line();
  target.signal("SIGSTOP");
  while (!/^T+$/.test(threadStates(target.pid)));
  const { status, output, errors } = await pystrata([String(target.pid)]);
  assert.equal(status, 0, errors);
  assert.match(output, /It was stopped already and was left so/);
  assert.match(threadStates(target.pid), /^T+$/);
  target.signal("SIGCONT");
  target.send("?\n");
  assert.equal(await target.line(), "still here");
});

test("looking at a process that shares 1 GiB which nobody touched leaves its resident bytes as they are", async (t) => {
  const code = `import mmap\nshared = mmap.mmap(-1, 1 << 30)\n${READY_AND_WAIT}`;
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  const before = await settled(() => residentBytesOf(target.pid));
  assertExactLedger(await captured(target.pid));
  assert.equal(residentBytesOf(target.pid), before);
  assert.ok(isRunning(target.pid));
  assert.doesNotMatch(readFileSync(`/proc/${target.pid}/status`, "utf8"), /^TracerPid:\s+[1-9]/m);
});
