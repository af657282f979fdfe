import assert from "node:assert/strict";
import { readThreads } from "../../../src/strata/cpython/runtime/threads.ts";
import { locateTarget } from "../../support/located.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";
import { startTruth } from "../../support/truth.ts";

interface SaidFrame {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/** Threads that stand still in places where a line number is easy to get wrong; the main thread tells where they are. */
const STACKS = `
import functools, json, os, sys, threading

never = threading.Event()
arrived = threading.Semaphore(0)

def stand_still(*ignored, **also_ignored):
    arrived.release()
    never.wait()

def deep(depth):
    if depth == 0:
        stand_still()
    else:
        deep(depth - 1)

def produce(number):
    for value in range(number):
        yield value
        if value == 1:
            stand_still()

def consume():
    return [
        value
        for value in (inner * 2 for inner in produce(5))
        if value >= 0
    ]

class Key:
    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        stand_still(
            self,
            other,
        )
        return True

def compare():
    return sorted([3, 2, 1],
                  key=lambda value: Key(value))

def span_lines():
    return max(
        1,
        functools.reduce(
            lambda left, right: left + right,
            [1, 2],
        ),
        stand_still(
            "several",
            *["lines"],
            key="value"),
    )

def handle():
    try:
        raise ValueError("to be handled")
    except ValueError:
        with never_entered():
            pass
    finally:
        del sys

class never_entered:
    def __enter__(self):
        exec(compile("\\n\\n\\nstand_still()", "<made>", "exec"), globals())

    def __exit__(self, *details):
        pass

class Attribute:
    @property
    def value(self):
        x = 1

        def far_below():

            # Only blank lines and comments between.

            stand_still()
        far_below()

    def __getattr__(self, name):
        return self.value

bodies = [
    lambda: deep(300), consume, compare, span_lines, handle,
    lambda: getattr(Attribute(), "missing"),
    lambda: list(map(lambda n: deep(n), [3])),
]
threads = [threading.Thread(target=body, daemon=True) for body in bodies]
for thread in threads:
    thread.start()
for thread in threads:
    arrived.acquire()
import time
time.sleep(0.3)
stacks = {}
for ident, frame in sys._current_frames().items():
    if ident != threading.get_ident():
        stacks[ident] = frames = []
        while frame:
            code = frame.f_code
            frames.append({"function": code.co_name, "file": code.co_filename, "line": frame.f_lineno})
            frame = frame.f_back
print(json.dumps(stacks))
never.wait()
`;

testOnEveryPython("stacks of threads in recursion, generators, callbacks and calls of several lines", async (t, python) => {
  const target = startTarget(t, python, STACKS);
  const said = new Map(Object.entries(JSON.parse(await target.line()) as Record<string, SaidFrame[]>));
  const { runtime, taken } = locateTarget(target.pid);
  const threads = readThreads(runtime, taken.image, taken.threads);
  assert.equal(said.size, 7);
  assert.equal(threads.length, said.size + 1);
  for (const thread of threads) {
    if (thread.tid === target.pid) continue;
    const found = thread.frames.map(({ function: name, file, line }) => ({ function: name, file, line }));
    assert.deepEqual(found, said.get(String(thread.ident)));
  }
  const tids = new Set(threads.map((thread) => thread.tid));
  assert.deepEqual(tids, new Set(taken.threads.map((thread) => thread.tid)));
});

testOnEveryPython("stacks of the rich process", async (t, python) => {
  const truth = await startTruth(t, python, { scale: 100 });
  const { runtime, taken } = locateTarget(truth.target.pid);
  const threads = readThreads(runtime, taken.image, taken.threads);
  assert.equal(threads.length, truth.threads.length);
  for (const { ident, nativeId, frames } of truth.threads) {
    const found = threads.find((thread) => thread.ident === ident);
    assert.equal(found?.tid, nativeId);
    assert.deepEqual(
      found?.frames.map(({ function: name, file, line }) => ({ function: name, file, line })),
      frames,
    );
  }
});

testOnEveryPython("qualified names, and threads known without their registers", async (t, python) => {
  const code = `
import time
class Server:
    def serve(self):
        def retry():
            print("ready")
            time.sleep(1000)
        retry()
Server().serve()`;
  const target = startTarget(t, python, code);
  await target.line();
  const { runtime, taken } = locateTarget(target.pid, { registers: false });
  const [thread] = readThreads(runtime, taken.image, taken.threads);
  assert.equal(thread.tid, target.pid);
  assert.deepEqual(
    thread.frames.map((frame) => frame.function),
    ["retry", "serve", "<module>"],
  );
  const names =
    python.minor >= 11 ? ["Server.serve.<locals>.retry", "Server.serve", "<module>"] : [undefined, undefined, undefined];
  assert.deepEqual(
    thread.frames.map((frame) => frame.qualifiedName),
    names,
  );
});
