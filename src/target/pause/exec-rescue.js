// The worker of exec-watch.ts. Plain JavaScript, because it is started as a file of its own both from the sources and from the
// published package.
import { readdirSync } from "node:fs";
import { workerData } from "node:worker_threads";
import koffi from "koffi";

/** How long one PTRACE_SEIZE may take before something must be in its way. */
const STUCK_MILLISECONDS = 10;
/** include/uapi/linux/wait.h: P_PID, and WNOHANG | WEXITED | __WALL. */
const BY_PID = 1;
const ENDED = 0x40000005;
const SIGINFO_BYTES = 128;

const { shared, cell } = workerData;
const waitid = koffi.load(null).func("int waitid(int kind, int id, void *info, int options)");
const info = new Uint8Array(SIGINFO_BYTES);

for (;;) {
  Atomics.wait(shared, cell.pid, 0);
  const seizes = Atomics.load(shared, cell.seizes);
  Atomics.wait(shared, cell.never, 0, STUCK_MILLISECONDS);
  const isStuck = seizes % 2 === 1 && Atomics.load(shared, cell.seizes) === seizes;
  if (isStuck) collectEndedThreads(Atomics.load(shared, cell.pid));
}

/** The kernel lets any thread of this process collect what one of them traces. The main thread's end is execve's own affair. */
function collectEndedThreads(pid) {
  let threads;
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return; // the process is gone
  }
  for (const thread of threads) {
    const tid = Number(thread);
    if (tid !== pid) waitid(BY_PID, tid, info, ENDED);
  }
}
