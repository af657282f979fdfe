import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import type { Failure } from "../../src/base/result.ts";
import { loadNative } from "../../src/target/native.ts";
import { stopByPtrace } from "../../src/target/pause/ptrace-stop.ts";
import { sleepMilliseconds } from "../../src/target/pause/sleep.ts";
import { stopProcess } from "../../src/target/pause/stop-process.ts";
import { eventually, expectOk, isRunning, sleep, threadStates, tracerOf, whileStopped } from "../support/pause-helpers.ts";
import { distributionPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

const options = { deadline: () => 60_000, allowSigstop: false };

/** Forks a child with some threads, prints its pid, waits for it and prints its status. */
const PARENT = `
import os, threading, time
child = os.fork()
if child == 0:
    for _ in range(20): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    print("child", os.getpid(), flush=True)
    time.sleep(1000)
print("status", os.waitpid(child, 0)[1], flush=True)
`;

test("the parent learns at once of a process that is killed in the pause", async (t) => {
  const parent = startTarget(t, distributionPython(), PARENT);
  const child = Number((await parent.line()).split(" ")[1]);
  const stopped = expectOk(stopProcess(child, options));
  assert.equal(stopped.threads.length, 21);
  assert.ok(stopped.alive());
  process.kill(child, "SIGKILL");
  while (stopped.alive()) sleepMilliseconds(0.1);
  // Not resumed yet: the look alone has collected what the parent would otherwise wait for.
  assert.equal(await parent.line(), "status 9");
  assert.deepEqual(stopped.resume(), { died: true });
  assert.equal(stopped.alive(), false);
});

test("resume tells that the process was killed, and its parent learns of it", async (t) => {
  const parent = startTarget(t, distributionPython(), PARENT);
  const child = Number((await parent.line()).split(" ")[1]);
  const stopped = expectOk(stopProcess(child, options));
  process.kill(child, "SIGKILL");
  sleepMilliseconds(5);
  assert.deepEqual(stopped.resume(), { died: true });
  assert.equal(await parent.line(), "status 9");
});

test("the end of a child of our own is left to the event loop", async (t) => {
  const target = startTarget(t, distributionPython(), "import time\nprint('ready')\ntime.sleep(1000)\n");
  await target.line();
  const stopped = expectOk(stopProcess(target.pid, options));
  target.signal("SIGKILL");
  while (stopped.alive()) sleepMilliseconds(0.1);
  stopped.resume();
  assert.equal(await target.ended, "SIGKILL");
});

test("processes that end while they are being stopped are told apart from those that stop", async (t) => {
  const parent = startTarget(
    t,
    distributionPython(),
    `
import os, sys, threading, time
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        for _ in range(3): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        print(os.getpid(), flush=True)
        time.sleep(float(line))
        os._exit(7)
    print(os.waitpid(child, 0)[1] >> 8, flush=True)
`,
  );
  const seen = { stopped: 0, ended: 0 };
  for (let round = 0; round < 60; round++) {
    parent.send(`${(round % 10) * 0.0005}\n`);
    const child = Number(await parent.line());
    for (;;) {
      const result = stopProcess(child, options);
      if (result.ok) {
        seen.stopped++;
        result.value.resume();
        continue;
      }
      if (isOverloaded(result.failure)) continue;
      assert.equal(result.failure.code, "no-such-process", result.failure.sentence);
      seen.ended++;
      break;
    }
    assert.equal(await parent.line(), "7");
  }
  assert.equal(seen.ended, 60);
  assert.ok(seen.stopped > 0);
});

test("children that a process forks meanwhile are not traced, and none is lost", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import os, threading, time
failed = forked = 0
until = time.monotonic() + 2
def fork_all():
    global failed, forked
    while time.monotonic() < until:
        child = os.fork()
        if child == 0: os._exit(os.getppid() % 100)
        forked += 1
        if os.waitpid(child, 0)[1] >> 8 != os.getpid() % 100: failed += 1
print("ready")
threads = [threading.Thread(target=fork_all) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failed, forked > 50)
`,
  );
  await target.line();
  let pauses = 0;
  for (const giveUpAt = Date.now() + 1500; Date.now() < giveUpAt; pauses++) {
    const result = stopProcess(target.pid, options);
    if (result.ok || !isOverloaded(result.failure)) expectOk(result).resume();
    await sleep(2);
  }
  assert.ok(pauses > 50);
  assert.equal(await target.line(), "0 True");
});

test("a process that executes itself again and again can be stopped", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import os, sys, time
turn = int(sys.argv[1]) if len(sys.argv) > 1 else 0
if turn % 10 == 0: print(turn, flush=True)
os.execv(sys.executable, [sys.executable, "-S", "-E", sys.argv[0], str(turn + 1)])
`,
  );
  await target.line();
  for (let round = 0; round < 200; round++) {
    whileStopped(stopProcess(target.pid, options), () => assert.match(threadStates(target.pid), /^Z*t$/));
    await sleep(1);
  }
  const turn = Number(await target.line());
  assert.equal(Number(await target.line()), turn + 10);
});

test("a thread that executes a new program ends the others; stopping it meanwhile succeeds", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import os, sys, threading, time
turn = int(sys.argv[1]) if len(sys.argv) > 1 else 0
for _ in range(6): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
def replace():
    if turn % 10 == 0: os.write(1, b"%d\\n" % turn)
    os.execv(sys.executable, [sys.executable, "-S", "-E", sys.argv[0], str(turn + 1)])
threading.Thread(target=replace).start()
time.sleep(1000)
`,
  );
  assert.equal(await target.line(), "0");
  let stops = 0;
  for (const giveUpAt = Date.now() + 3000; Date.now() < giveUpAt; ) {
    const result = stopProcess(target.pid, options);
    if (!result.ok && isOverloaded(result.failure)) continue;
    if (!result.ok) assert.fail(result.failure.sentence);
    assert.match(threadStates(target.pid), /^Z*t+$/);
    assert.deepEqual(result.value.resume(), { died: false });
    stops++;
    await sleep(0);
  }
  const turn = Number(await target.line());
  assert.equal(Number(await target.line()), turn + 10);
  assert.ok(stops > 100);
});

/** A thread that waits in vfork (state D) until somebody opens the FIFO that its child opens, and three that run. */
const VFORK = `
import ctypes, os, tempfile, threading, time
fifo = os.path.join(tempfile.mkdtemp(), "fifo")
os.mkfifo(fifo)
libc = ctypes.CDLL(None)
def spawn():
    # os.posix_spawn keeps the interpreter's lock, a call through ctypes does not.
    actions = ctypes.create_string_buffer(256)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_addopen(actions, 0, fifo.encode(), os.O_RDONLY, 0)
    child = ctypes.c_int()
    arguments = (ctypes.c_char_p * 2)(b"true", None)
    libc.posix_spawn(ctypes.byref(child), b"/bin/true", actions, None, arguments, None)
    print("spawned", os.waitpid(child.value, 0)[1], flush=True)
def work():
    while True: time.sleep(0.001)
for _ in range(2): threading.Thread(target=work, daemon=True).start()
threading.Thread(target=spawn, daemon=True).start()
print(fifo, flush=True)
work()
`;

test("a thread in an uninterruptible wait is named, and nobody is stopped for it", async (t) => {
  const target = startTarget(t, distributionPython(), VFORK);
  const fifo = await target.line();
  await eventually(() => threadStates(target.pid).startsWith("D"), "a thread waits in vfork");
  const result = stopProcess(target.pid, { ...options, allowSigstop: true });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "limit");
  assert.match(
    result.failure.sentence,
    /^Thread \d+ "python3[.\d]*" of process \d+ did not stop within 200 ms \(state D(, in \w+)?\)/,
  );
  assert.equal(tracerOf(target.pid), 0);
  assert.match(threadStates(target.pid), /^D[RS]{3}$/);
  closeSync(openSync(fifo, "w"));
  assert.equal(await target.line(), "spawned 0");
});

test("a thread that enters an uninterruptible wait while it is being stopped is let go as soon as it leaves it", async (t) => {
  const native = loadNative();
  if (native === undefined) return t.skip("koffi is not installed");
  const target = startTarget(t, distributionPython(), VFORK);
  const fifo = await target.line();
  await eventually(() => threadStates(target.pid).startsWith("D"), "a thread waits in vfork");
  // Without the look at the threads' states that comes before: as if the wait had begun just after it.
  const outcome = stopByPtrace(native, target.pid, true, options);
  assert.ok("kind" in outcome && outcome.kind === "failed");
  assert.equal(outcome.failure.code, "limit");
  assert.match(threadStates(target.pid), /^D[RS]{3}$/);
  closeSync(openSync(fifo, "w"));
  assert.equal(await target.line(), "spawned 0");
  assert.ok(isRunning(target.pid));
  whileStopped(stopProcess(target.pid, options), (stopped) => assert.ok(stopped.threads.length >= 3));
});

test("a second attempt takes over a thread that the first one could not let go", async (t) => {
  const native = loadNative();
  if (native === undefined) return t.skip("koffi is not installed");
  const target = startTarget(t, distributionPython(), VFORK);
  const fifo = await target.line();
  await eventually(() => threadStates(target.pid).startsWith("D"), "a thread waits in vfork");
  assert.ok("kind" in stopByPtrace(native, target.pid, true, options));
  // The event loop does not run in between, so only the second attempt can find the thread when it leaves its wait.
  closeSync(openSync(fifo, "w"));
  while (threadStates(target.pid).includes("D")) sleepMilliseconds(1);
  whileStopped(stopProcess(target.pid, options), () => assert.match(threadStates(target.pid), /^t+$/));
  assert.equal(await target.line(), "spawned 0");
  assert.ok(isRunning(target.pid));
});

/** A thread that was given no processor time for 200 ms: the machine's doing, not that of what is tested. */
function isOverloaded(failure: Failure): boolean {
  return failure.code === "limit" && failure.sentence.includes("(state R)");
}
