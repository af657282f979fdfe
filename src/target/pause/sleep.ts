const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this OS thread. A stop must not wait by the event loop: other work would run, and lengthen it. */
export function sleepMilliseconds(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}

/** A clock that all threads and processes share (CLOCK_MONOTONIC). */
export function monotonicMilliseconds(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
