import { SHARE_ENV, Worker } from "node:worker_threads";

/** Positions in the shared words. `pid` is 0 when nothing is being stopped; `seizes` is odd during a PTRACE_SEIZE. */
const cell = { pid: 0, seizes: 1, never: 2 } as const;

/**
 * Resolves a deadlock between us and a target that executes a new program while it is being stopped.
 *
 * execve ends all other threads and waits until each has been collected, by us if we trace it; and it holds a lock
 * (cred_guard_mutex) for which our next PTRACE_SEIZE waits (fs/exec.c, de_thread; kernel/ptrace.c, ptrace_attach). So another OS
 * thread collects them when a seize does not return.
 */
class ExecWatch {
  private readonly shared = new Int32Array(new SharedArrayBuffer(4 * Int32Array.BYTES_PER_ELEMENT));
  private worker: Worker | undefined;

  /** Starts the worker unless it is there already; it needs no attention of this thread, nor does it keep the process alive. */
  start(): void {
    if (this.worker !== undefined) return;
    this.worker = new Worker(new URL("./exec-rescue.js", import.meta.url), {
      workerData: { shared: this.shared, cell },
      execArgv: [],
      env: SHARE_ENV,
    });
    // Without it the alarm of the stop is what is left.
    this.worker.on("error", () => {});
    this.worker.unref();
  }

  /** Threads of `pid` are going to be seized. */
  begin(pid: number): void {
    Atomics.store(this.shared, cell.pid, pid);
    Atomics.notify(this.shared, cell.pid);
  }

  end(): void {
    Atomics.store(this.shared, cell.pid, 0);
  }

  /** Runs one PTRACE_SEIZE under watch. */
  seize(call: (tid: number) => number, tid: number): number {
    Atomics.add(this.shared, cell.seizes, 1);
    const result = call(tid);
    Atomics.add(this.shared, cell.seizes, 1);
    return result;
  }
}

export const execWatch = new ExecWatch();
