import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadNative } from "../../src/target/native.ts";
import { sleepMilliseconds } from "../../src/target/pause/sleep.ts";
import { stopProcess } from "../../src/target/pause/stop-process.ts";
import { expectOk, sleep } from "../support/pause-helpers.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget } from "../support/spawn.ts";

const PAUSER = fileURLToPath(new URL("../support/pauser.ts", import.meta.url));
/** SIGRTMIN as the C library numbers it. */
const FIRST_REAL_TIME_SIGNAL = 34;
const SIGNALS = 20_000;
const PAUSES = 400;
const options = { deadline: () => 60_000, allowSigstop: false };

/**
 * Counts signals: Python's own handler in C writes a byte a signal to the wakeup descriptor (signal.set_wakeup_fd), whichever
 * thread it runs in; a thread counts the bytes. Prints the count when told to.
 */
const HANDLER = `
import os, signal, sys, threading
reading, writing = os.pipe()
os.set_blocking(writing, False)
count = 0
def drain():
    global count
    while True: count += len(os.read(reading, 65536))
signal.signal(signal.SIGRTMIN, lambda *_: None)
signal.set_wakeup_fd(writing, warn_on_full_buffer=True)
threading.Thread(target=drain, daemon=True).start()
def work():
    while True: sum(range(1000))
threading.Thread(target=work, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
import time
time.sleep(0.3)
print(count, flush=True)
`;

/** Takes blocked signals one by one (sigwaitinfo), so that the system call is interrupted by the pauses. */
const WAITER = `
import os, signal, sys, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
count = 0
def take():
    global count
    while True:
        if signal.sigwaitinfo([signal.SIGRTMIN]).si_signo == signal.SIGRTMIN: count += 1
threading.Thread(target=take, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
import time
time.sleep(0.3)
print(count, flush=True)
`;

/** Pauses that are cut short by the death of whoever pauses. */
const KILLS = 16;

/** Sends them in small bursts over some seconds. */
const SENDER = `
import os, signal, sys, time
for sent in range(int(sys.argv[2])):
    os.kill(int(sys.argv[1]), signal.SIGRTMIN)
    if sent % 10 == 0: time.sleep(0.001)
print("sent")
`;

for (const [how, program] of [
  ["handled", HANDLER],
  ["waited for", WAITER],
]) {
  test(`of ${SIGNALS} real-time signals that are ${how} during ${PAUSES} pauses none is lost`, async (t) => {
    const target = startTarget(t, distributionPython(), program);
    await target.line();
    const sender = startProcess(t, distributionPython().path, ["-c", SENDER, String(target.pid), String(SIGNALS)]);
    let sending = true;
    const sent = sender.line().finally(() => {
      sending = false;
    });
    let pausesWhileSending = 0;
    for (let pause = 0; pause < PAUSES || sending; pause++) {
      expectOk(stopProcess(target.pid, options)).resume();
      if (sending) pausesWhileSending++;
      await sleep(2);
    }
    assert.equal(await sent, "sent");
    assert.ok(pausesWhileSending >= PAUSES, `only ${pausesWhileSending} pauses while signals were sent`);
    target.send("\n");
    assert.equal(Number(await target.line()), SIGNALS);
  });
}

test(`of ${SIGNALS} real-time signals none is lost although the pausing process is killed ${KILLS} times`, async (t) => {
  const target = startTarget(t, distributionPython(), HANDLER);
  await target.line();
  for (let kill = 0; kill < KILLS; kill++) {
    const pauser = startProcess(t, process.execPath, ["--import", "tsx", PAUSER, "loop", String(target.pid)]);
    await pauser.line();
    const sender = startProcess(t, distributionPython().path, ["-c", SENDER, String(target.pid), String(SIGNALS / KILLS)]);
    await sleep(50 + Math.random() * 100);
    await pauser.stop();
    assert.equal(await sender.line(), "sent");
    await sender.stop();
  }
  target.send("\n");
  assert.equal(Number(await target.line()), SIGNALS);
});

test("a signal that is being delivered when its thread stops arrives after the pause", async (t) => {
  const native = loadNative();
  if (native === undefined) return t.skip("koffi is not installed");
  const target = startTarget(t, distributionPython(), HANDLER);
  await target.line();
  // Seized but not interrupted, so that the signal is what stops the thread; a pause then finds it on its way.
  assert.equal(native.ptraceSeize(target.pid), 0);
  process.kill(target.pid, FIRST_REAL_TIME_SIGNAL);
  while (!native.ptraceIsStopped(target.pid)) sleepMilliseconds(0.1);
  expectOk(stopProcess(target.pid, options)).resume();
  target.send("\n");
  assert.equal(await target.line(), "1");
});

test("a signal that is being delivered when its thread stops arrives although the pausing process is killed", async (t) => {
  const target = startTarget(t, distributionPython(), HANDLER);
  await target.line();
  const pauser = startProcess(t, process.execPath, ["--import", "tsx", PAUSER, "catch", String(target.pid)]);
  assert.equal(await pauser.line(), "stopped");
  await pauser.stop();
  target.send("\n");
  assert.equal(await target.line(), "1");
});
