import { type NativeCalls, WaitEvent } from "../native.ts";
import { sleepMilliseconds } from "./sleep.ts";

/** How often the event loop looks after them. */
const POLL_MILLISECONDS = 2;

/**
 * Tracees that could not be let go yet: a thread that had not stopped (only a stopped one can be detached), and what is left of
 * a process that was killed. They are detached or collected as soon as the kernel allows it, and at the latest when this
 * process ends. Not before: a forgotten one would stop one day and never run again, or stay a zombie that its parent cannot see.
 */
class LingeringTracees {
  /** By tid: true when its end must be left to libuv, because it is a child of this process. */
  private readonly childOfOurs = new Map<number, boolean>();
  private readonly event = new WaitEvent();
  private timer: NodeJS.Timeout | undefined;

  add(native: NativeCalls, tid: number, childOfOurs: boolean): void {
    this.childOfOurs.set(tid, childOfOurs);
    this.timer ??= setInterval(() => this.poll(native), POLL_MILLISECONDS).unref();
  }

  /** Leaves a thread to a new attempt at stopping it. */
  forget(tid: number): void {
    this.childOfOurs.delete(tid);
  }

  /** Looks after them for at most `milliseconds`, without the event loop; true when none is left. */
  settle(native: NativeCalls, milliseconds: number): boolean {
    const giveUpAt = performance.now() + milliseconds;
    while (!this.poll(native)) {
      if (performance.now() >= giveUpAt) return false;
      sleepMilliseconds(0.1);
    }
    return true;
  }

  private poll(native: NativeCalls): boolean {
    for (const [tid, childOfOurs] of this.childOfOurs) {
      if (this.release(native, tid, childOfOurs)) this.childOfOurs.delete(tid);
    }
    if (this.childOfOurs.size > 0) return false;
    clearInterval(this.timer);
    this.timer = undefined;
    return true;
  }

  private release(native: NativeCalls, tid: number, childOfOurs: boolean): boolean {
    const found = native.waitChild(tid, this.event, false);
    if (found < 0) return true;
    if (found === 1 && this.event.ended) {
      if (!childOfOurs) native.waitChild(tid, this.event, true);
      return true;
    }
    if (found === 1) return native.ptraceDetach(tid, signalToDeliver(this.event)) === 0;
    // Its stop was already seen, by us or by libuv.
    return native.ptraceIsStopped(tid) && native.ptraceDetach(tid, 0) === 0;
  }
}

export const lingeringTracees = new LingeringTracees();

/** Signal that a stopped thread was about to receive: it left the queue at the stop and is lost unless DETACH passes it on. */
export function signalToDeliver(event: WaitEvent): number {
  return event.event === 0 ? event.signal : 0;
}
