import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sleepMilliseconds } from "../../src/target/pause/sleep.ts";
import { stopProcess } from "../../src/target/pause/stop-process.ts";
import { parseMaps } from "../../src/target/proc/maps.ts";
import {
  contextSwitches,
  eventually,
  expectOk,
  isRunning,
  sleep,
  threadStates,
  tracerOf,
  whileStopped,
} from "../support/pause-helpers.ts";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

const PAUSER = fileURLToPath(new URL("../support/pauser.ts", import.meta.url));
const options = { deadline: () => 60_000, allowSigstop: false };

/** Threads that wake up a thousand times a second. */
const busyThreads = (count: number): string => `
import threading, time
def work():
    while True: time.sleep(0.001)
for _ in range(${count}): threading.Thread(target=work, daemon=True).start()
print("ready")
work()
`;

testOnEveryPython("a stopped process stands still, shows its registers and runs on", async (t, python) => {
  const target = startTarget(t, python, busyThreads(4));
  await target.line();
  whileStopped(stopProcess(target.pid, options), (stopped) => {
    assert.equal(stopped.method, "ptrace");
    assert.equal(threadStates(target.pid), "ttttt");
    assert.equal(stopped.threads.length, 5);
    assert.ok(stopped.alive());
    const switches = contextSwitches(target.pid);
    sleepMilliseconds(20);
    assert.equal(contextSwitches(target.pid), switches);

    const mappings = parseMaps(readFileSync(`/proc/${target.pid}/maps`, "utf8"));
    const permissionsAt = (address = 0): string =>
      mappings.find(({ start, end }) => address >= start && address < end)?.permissions ?? "unmapped";
    for (const thread of stopped.threads) {
      assert.match(permissionsAt(thread.stackPointer), /^rw/);
      assert.match(permissionsAt(thread.instructionPointer), /^r.x/);
      assert.match(permissionsAt(thread.threadPointer), /^rw/);
    }
    assert.equal(new Set(stopped.threads.map((thread) => thread.threadPointer)).size, 5);
  });
  const switches = contextSwitches(target.pid);
  await eventually(() => isRunning(target.pid) && contextSwitches(target.pid) > switches + 10, "the target runs again");
  assert.equal(tracerOf(target.pid), 0);
});

test("resume answers the same twice", async (t) => {
  const target = startTarget(t, distributionPython(), busyThreads(1));
  await target.line();
  const stopped = expectOk(stopProcess(target.pid, options));
  assert.deepEqual(stopped.resume(), { died: false });
  assert.deepEqual(stopped.resume(), { died: false });
  assert.ok(stopped.alive());
  assert.ok(isRunning(target.pid));
});

test("300 threads stop", async (t) => {
  const target = startTarget(t, distributionPython(), busyThreads(300));
  await target.line();
  for (let round = 0; round < 10; round++) {
    whileStopped(stopProcess(target.pid, options), (stopped) => {
      assert.equal(stopped.threads.length, 301);
      assert.equal(threadStates(target.pid), "t".repeat(301));
    });
  }
  assert.ok(isRunning(target.pid));
});

test("a process that keeps starting threads stops, the newest included", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import threading
def starter():
    while True:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
for _ in range(4): threading.Thread(target=starter, daemon=True).start()
print("ready")
starter()
`,
  );
  await target.line();
  for (let round = 0; round < 100; round++) {
    whileStopped(stopProcess(target.pid, options), (stopped) => {
      // A zombie is a thread that ended in the stop and is being collected.
      assert.match(threadStates(target.pid), /^Z*t+$/);
      sleepMilliseconds(1);
      assert.match(threadStates(target.pid), new RegExp(`^Z*t{${stopped.threads.length}}$`));
    });
    await sleep(2);
  }
  await eventually(() => isRunning(target.pid), "the target runs again");
});

for (const native of [true, false]) {
  test(`a process found stopped stays stopped${native ? "" : ", without native calls"}`, async (t) => {
    const target = startTarget(t, distributionPython(), busyThreads(3));
    await target.line();
    target.signal("SIGSTOP");
    await eventually(() => threadStates(target.pid) === "TTTT", "the target stops");
    withNative(native, () => {
      whileStopped(stopProcess(target.pid, { deadline: () => 60_000, allowSigstop: !native }), (stopped) => {
        assert.equal(stopped.method, "already-stopped");
        assert.equal(stopped.threads.length, 4);
        assert.ok(stopped.threads.every((thread) => (thread.threadPointer !== undefined) === native));
      });
    });
    await eventually(() => threadStates(target.pid) === "TTTT", "the target is stopped as before");
    await sleep(50);
    assert.equal(threadStates(target.pid), "TTTT");
    target.signal("SIGCONT");
    await eventually(() => isRunning(target.pid), "the target runs again");
  });
}

test("SIGSTOP stops a process where ptrace is impossible, if it is allowed", async (t) => {
  const target = startTarget(t, distributionPython(), busyThreads(3));
  await target.line();
  withNative(false, () => {
    const refused = stopProcess(target.pid, options);
    assert.ok(!refused.ok);
    assert.equal(refused.failure.code, "not-permitted");
    assert.match(refused.failure.hint ?? "", /--allow-sigstop/);
    whileStopped(stopProcess(target.pid, { ...options, allowSigstop: true }), (stopped) => {
      assert.equal(stopped.method, "sigstop");
      assert.equal(threadStates(target.pid), "TTTT");
      assert.equal(stopped.threads.length, 4);
      assert.ok(stopped.alive());
    });
  });
  await eventually(() => isRunning(target.pid), "the target runs again");
});

test("a traced process is refused with the tracer's name", async (t) => {
  const target = startTarget(t, distributionPython(), busyThreads(1));
  await target.line();
  const tracer = startPauser(t, ["hold", String(target.pid)]);
  assert.equal(await tracer.line(), "stopped");
  const result = stopProcess(target.pid, { ...options, allowSigstop: true });
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "not-permitted");
  assert.match(result.failure.sentence, new RegExp(`already traced by process ${tracer.pid} "node"`));
  assert.equal(tracerOf(target.pid), tracer.pid);
  await tracer.stop();
  await eventually(() => isRunning(target.pid), "the target runs when its tracer is gone");
});

test("system calls of Python are not interrupted", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    `
import select, socket, threading, time
left, right = socket.socketpair()
right.settimeout(30)
lock = threading.Lock()
lock.acquire()
calls = {
    "sleep": lambda: time.sleep(1.5),
    "select": lambda: select.select([right], [], [], 1.5),
    "epoll": lambda: select.epoll().poll(1.5),
    "recv": lambda: right.recv(1),
    "lock": lambda: lock.acquire(timeout=1.5),
}
def run(name):
    started = time.monotonic()
    try: calls[name]()
    except BaseException as error: print(name, "failed", repr(error))
    print(name, "early" if time.monotonic() - started < 1.4 else "in time")
threads = [threading.Thread(target=run, args=(name,)) for name in calls]
for thread in threads: thread.start()
print("ready")
time.sleep(1.6)
left.send(b"x")
for thread in threads: thread.join()
print("end")
`,
  );
  await target.line();
  for (let round = 0; round < 100; round++) {
    expectOk(stopProcess(target.pid, options)).resume();
    await sleep(5);
  }
  const lines: string[] = [];
  for (let line = await target.line(); line !== "end"; line = await target.line()) lines.push(line);
  assert.deepEqual(lines.sort(), ["epoll in time", "lock in time", "recv in time", "select in time", "sleep in time"]);
});

test("another user's process is refused with the rule that refuses", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async (t) => {
  const target = startTarget(t, distributionPython(), busyThreads(1));
  await target.line();
  const nobody = 65534;
  const pauser = startProcess(t, "setpriv", [
    `--reuid=${nobody}`,
    "--clear-groups",
    process.execPath,
    "--import",
    "tsx",
    PAUSER,
    "once",
    String(target.pid),
  ]);
  const failure = JSON.parse(await pauser.line());
  assert.equal(failure.code, "not-permitted");
  assert.match(failure.sentence, /belongs to user 0, we are user 65534/);
  assert.ok(isRunning(target.pid));
});

test("what is no live process is refused in one sentence", () => {
  const sentenceOf = (pid: number): string => {
    const result = stopProcess(pid, options);
    assert.ok(!result.ok);
    return `${result.failure.code}: ${result.failure.sentence}`;
  };
  assert.match(sentenceOf(2 ** 22 + 1), /^no-such-process: /);
  assert.match(sentenceOf(process.pid), /^usage: .* itself/);
});

function startPauser(t: Parameters<typeof startProcess>[0], args: readonly string[]): Target {
  return startProcess(t, process.execPath, ["--import", "tsx", PAUSER, ...args]);
}

function withNative(native: boolean, body: () => void): void {
  if (!native) process.env["PYSTRATA_NO_NATIVE"] = "1";
  try {
    body();
  } finally {
    delete process.env["PYSTRATA_NO_NATIVE"];
  }
}
