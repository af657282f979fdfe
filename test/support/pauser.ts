/**
 * A program that stops processes, for tests that kill it or look at what it is told.
 *
 *   hold PID…   stops them and stays so
 *   catch PID   stops one while a signal is being delivered to it, and stays so
 *   loop PID…   stops them and lets them go, again and again
 *   hang PID    stops one against a deadline and hangs past it
 *   once PID    stops one, lets it go and prints the result as JSON
 *
 * Prints a line when the first stop is due. PAUSE_ALLOW_SIGSTOP=1 allows SIGSTOP.
 */
import { writeSync } from "node:fs";
import { loadNative } from "../../src/target/native.ts";
import { sleepMilliseconds } from "../../src/target/pause/sleep.ts";
import { stopProcess } from "../../src/target/pause/stop-process.ts";

/** SIGRTMIN as the C library numbers it. */
const FIRST_REAL_TIME_SIGNAL = 34;

const [mode, ...rest] = process.argv.slice(2);
const pids = rest.map(Number);
const options = { deadline: () => 60_000, allowSigstop: process.env["PAUSE_ALLOW_SIGSTOP"] === "1" };

switch (mode) {
  case "hold": {
    const results = pids.map((pid) => stopProcess(pid, options));
    console.log(results.every((result) => result.ok) ? "stopped" : JSON.stringify(results));
    setInterval(() => {}, 1000);
    break;
  }
  case "catch": {
    const native = loadNative();
    // Seized but not interrupted, so that the signal is what stops the thread; the pause then finds it on its way.
    native?.ptraceSeize(pids[0]);
    process.kill(pids[0], FIRST_REAL_TIME_SIGNAL);
    while (native?.ptraceIsStopped(pids[0]) === false) sleepMilliseconds(0.1);
    const result = stopProcess(pids[0], options);
    writeSync(1, result.ok ? "stopped\n" : `${result.failure.sentence}\n`);
    sleepMilliseconds(60_000);
    break;
  }
  case "hang": {
    const result = stopProcess(pids[0], { ...options, deadline: () => 500 });
    writeSync(1, result.ok ? "hanging\n" : `${result.failure.sentence}\n`);
    sleepMilliseconds(60_000);
    break;
  }
  case "loop":
    console.log("ready");
    // The line is written before the event loop is left for good.
    setImmediate(pauseForever);
    break;
  case "once": {
    const result = stopProcess(pids[0], options);
    if (result.ok) result.value.resume();
    console.log(JSON.stringify(result.ok ? { method: result.value.method } : result.failure));
    break;
  }
  default:
    throw new Error(`unknown mode ${mode}`);
}

function pauseForever(): void {
  for (;;) {
    const stopped = pids.map((pid) => stopProcess(pid, options));
    sleepMilliseconds(5);
    for (const result of stopped) {
      if (!result.ok) throw new Error(result.failure.sentence);
      result.value.resume();
    }
    sleepMilliseconds(1);
  }
}
