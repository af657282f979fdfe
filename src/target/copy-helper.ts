import { Worker } from "node:worker_threads";
import type { CopyPlan } from "./copy-plan.ts";
import { Scheduling } from "./native.ts";
import { monotonicMilliseconds } from "./pause/sleep.ts";

/** Indexes of the words that both threads share. `done` follows `sequence`: it begins at -1, before the thread runs. */
const WORDS = { sequence: 0, cursor: 1, done: 2, abort: 3 } as const;
const START_MILLISECONDS = 3000;

/** Work of a plan, as both threads understand it. */
export interface PlanTask {
  readonly task: "copy" | "populate";
  readonly pid: number;
  /** For `populate`: the advice to madvise. */
  readonly advice: number;
  /** On the clock of `monotonicMilliseconds`. */
  readonly deadline: number;
  readonly plan: CopyPlan;
}

/**
 * Hands out the batches of a plan, to this thread and to a second one where there is one.
 *
 * The main thread never returns to its event loop while a process is stopped, so the threads meet in shared memory only.
 */
export class CopyCrew {
  private readonly control = new Int32Array(new SharedArrayBuffer(16));
  private readonly worker: Worker | undefined;
  private sequence = 0;
  private ready = false;

  constructor(withHelper: boolean) {
    this.control[WORDS.done] = -1;
    this.worker = withHelper ? startWorker(this.control) : undefined;
  }

  /** Lets the second thread begin. */
  begin(task: PlanTask): void {
    Atomics.store(this.control, WORDS.cursor, 0);
    Atomics.store(this.control, WORDS.abort, 0);
    if (!this.worker) return;
    // A worker that never came up (no threads left, say) is simply not waited for: this thread does all the work.
    if (!this.ready) this.ready = this.waitUntil(0, START_MILLISECONDS);
    if (!this.ready) return;
    this.worker.postMessage(task);
    this.sequence++;
    Atomics.store(this.control, WORDS.sequence, this.sequence);
    Atomics.notify(this.control, WORDS.sequence);
  }

  /** The next batch that nobody has taken; at or above the plan's number of batches when all are. */
  take(): number {
    return Atomics.add(this.control, WORDS.cursor, 1);
  }

  /** Stops the other thread after its current batch. */
  abort(): void {
    Atomics.store(this.control, WORDS.abort, 1);
  }

  /** Waits until the other thread has let go of the plan; false when it has not in `milliseconds`. */
  join(milliseconds: number): boolean {
    return !this.ready || this.waitUntil(this.sequence, milliseconds);
  }

  close(): void {
    if (!this.worker) return;
    this.abort();
    this.worker.postMessage({ task: "end" });
    Atomics.store(this.control, WORDS.sequence, this.sequence + 1);
    Atomics.notify(this.control, WORDS.sequence);
  }

  private waitUntil(sequence: number, milliseconds: number): boolean {
    const end = monotonicMilliseconds() + milliseconds;
    for (;;) {
      const done = Atomics.load(this.control, WORDS.done);
      if (done >= sequence) return true;
      const left = end - monotonicMilliseconds();
      if (left <= 0) return false;
      Atomics.wait(this.control, WORDS.done, done, left);
    }
  }
}

function startWorker(control: Int32Array): Worker | undefined {
  try {
    // No execArgv: loaders of the main thread (tsx) would need its event loop, which stands still.
    const worker = new Worker(new URL("./copy-worker.js", import.meta.url), {
      workerData: { control, words: WORDS, scheduling: Scheduling },
      execArgv: [],
    });
    worker.on("error", () => {});
    worker.unref();
    return worker;
  } catch {
    return undefined;
  }
}
