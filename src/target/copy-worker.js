/**
 * The second thread of a copy. Plain JavaScript, so that it starts the same way from the sources and from the built
 * package. It shares nothing with the main thread but the plans that it is sent and the four words of `control`.
 */
import { createRequire } from "node:module";
import { constants, getPriority, setPriority } from "node:os";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

const { control, words, scheduling } = workerData;
const koffi = createRequire(import.meta.url)("koffi");
const libc = koffi.load(null);
const readv = libc.func(
  "long process_vm_readv(int pid, uintptr_t local, ulong localCount, uintptr_t remote, ulong remoteCount, ulong flags)",
);
const madvise = libc.func("int madvise(uintptr_t address, size_t bytes, int advice)");
const getScheduler = libc.func("int sched_getscheduler(int pid)");
const setScheduler = libc.func("int sched_setscheduler(int pid, int policy, int *priority)");
const VECTOR_BYTES = 16;
const usualPriority = getPriority(0);

/** A stopped target waits for us while we copy; touching memory before that is nobody's hurry. As `hurry` of host.ts. */
function hurry(body) {
  const before = getScheduler(0) === scheduling.other && setScheduler(0, scheduling.roundRobin, [1]) === 0;
  if (!before) prioritize(constants.priority.PRIORITY_HIGHEST);
  body();
  if (before) setScheduler(0, scheduling.other, [0]);
  else prioritize(usualPriority);
}

function prioritize(priority) {
  try {
    setPriority(0, priority);
  } catch {
    // Not permitted: then the copy takes its turn.
  }
}

/** Takes batches until none is left; the main thread does the same at the same time. */
function work({ task, pid, advice, deadline, plan }) {
  const local = Number(koffi.address(plan.local));
  const remote = Number(koffi.address(plan.remote));
  for (;;) {
    if (Atomics.load(control, words.abort) !== 0 || Number(process.hrtime.bigint()) / 1e6 > deadline) return;
    const batch = Atomics.add(control, words.cursor, 1);
    if (batch >= plan.batches) return;
    const first = plan.starts[batch];
    const count = plan.starts[batch + 1] - first;
    const offset = first * VECTOR_BYTES;
    if (task === "copy") {
      const result = readv(pid, local + offset, count, remote + offset, count, 0);
      plan.results[batch] = result === -1 ? -koffi.errno() : result;
    } else {
      for (let vector = first; vector < first + count; vector++) {
        const address = plan.local[vector * 4] + plan.local[vector * 4 + 1] * 2 ** 32;
        if (madvise(address, plan.local[vector * 4 + 2], advice) === -1) plan.results[batch] = -koffi.errno();
      }
    }
  }
}

for (let seen = 0; ; ) {
  Atomics.store(control, words.done, seen);
  Atomics.notify(control, words.done);
  Atomics.wait(control, words.sequence, seen);
  seen = Atomics.load(control, words.sequence);
  const received = receiveMessageOnPort(parentPort);
  if (received === undefined || received.message.task === "end") break;
  const { message } = received;
  if (message.task === "copy") hurry(() => work(message));
  else work(message);
}
parentPort.close();
