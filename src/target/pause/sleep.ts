const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this OS thread. A stop must not wait by the event loop: other work would run, and lengthen it. */
export function sleepMilliseconds(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}
