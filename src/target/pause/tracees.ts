import { Errno, type NativeCalls, Registers, WaitEvent } from "../native.ts";
import { execWatch } from "./exec-watch.ts";
import { lingeringTracees, signalToDeliver } from "./lingering.ts";
import type { StoppedThread } from "./stopped-process.ts";
import { hasEnded, threadState } from "./thread-state.ts";

/** PTRACE_EVENT_STOP (include/uapi/linux/ptrace.h): stopped by PTRACE_INTERRUPT, or by a group stop. */
const EVENT_STOP = 128;
const SIGTRAP = 5;
const SEIZE_ATTEMPTS = 3;

interface Tracee extends StoppedThread {
  /** `ended`: a zombie; its parent, or we, will collect it. */
  state: "pending" | "stopped" | "ended";
  /** Passed on when the thread is let go; 0 for none. */
  signal: number;
  stackPointer?: number;
  instructionPointer?: number;
  threadPointer?: number;
}

/**
 * The threads of one process that this OS thread traces. Each is seized, interrupted, seen to stop and let go again
 * (ptrace(2), "Attaching and detaching"). No option is set, so that a child the process forks is not traced.
 */
export class Tracees {
  /** True when a thread was found in a group stop, that is, the process had been stopped by a signal. */
  groupStopped = false;
  private readonly byTid = new Map<number, Tracee>();
  private pending: Tracee[] = [];
  private someoneLeft = false;
  private readonly event = new WaitEvent();
  private readonly registers = new Registers();

  /** @param childOfOurs the process is a child of this one: libuv collects it, and must not be robbed of its end */
  constructor(
    private readonly native: NativeCalls,
    readonly pid: number,
    private readonly childOfOurs: boolean,
  ) {}

  /** The first thread that has not stopped yet. */
  get firstPending(): number | undefined {
    return this.pending[0]?.tid;
  }

  /** True for a thread that is being stopped, stands still or is a zombie, and needs no further attention. */
  knows(tid: number): boolean {
    const tracee = this.byTid.get(tid);
    if (tracee === undefined || tracee.state !== "ended") return tracee !== undefined;
    // A thread that executes a new program takes over the id of the main thread, which has ended by then.
    if (hasEnded(threadState(this.pid, tid))) return true;
    this.byTid.delete(tid);
    return false;
  }

  /** Begins to stop a thread. That a thread is gone or has ended is no refusal. */
  seize(tid: number): "seized" | "gone" | "refused" {
    lingeringTracees.forget(tid);
    for (let attempt = 0; attempt < SEIZE_ATTEMPTS; attempt++) {
      const result = execWatch.seize(this.native.ptraceSeize, tid);
      if (result === -Errno.ESRCH) return "gone";
      const state = result < 0 ? threadState(this.pid, tid) : "";
      if (state === undefined) return "gone";
      if (hasEnded(state)) {
        this.byTid.set(tid, { tid, state: "ended", signal: 0 });
        return "gone";
      }
      // Only our own tracee can be interrupted; one that cannot be seized may be ours since an earlier attempt or before execve.
      if (this.native.ptraceInterrupt(tid) === 0 || result === 0) {
        const tracee: Tracee = { tid, state: "pending", signal: 0 };
        this.byTid.set(tid, tracee);
        this.pending.push(tracee);
        return "seized";
      }
      // Refused, or execve has given the id of a thread that had ended to one that lives: then the next attempt succeeds.
    }
    return "refused";
  }

  /** Looks once at every thread that has not stopped yet; returns how many are left. */
  collect(): number {
    let left = 0;
    for (const tracee of this.pending) {
      this.look(tracee);
      if (tracee.state === "pending" && this.byTid.has(tracee.tid)) this.pending[left++] = tracee;
    }
    this.pending.length = left;
    return left;
  }

  /** True when a thread has ended, or changed its id, since the last `lookAgain`: then nothing that was seen before is certain. */
  get changed(): boolean {
    return this.someoneLeft;
  }

  /** Has every thread seen to stop once more. What a stopped thread has to tell stays in place, so nothing is missed or lost. */
  lookAgain(): void {
    this.someoneLeft = false;
    this.pending = [...this.byTid.values()].filter((tracee) => tracee.state !== "ended");
    for (const tracee of this.pending) tracee.state = "pending";
  }

  /**
   * Settles what `collect` cannot see: a main thread that ended before the others and is not to be waited for yet, stops that
   * libuv has seen in our place, and threads that another one's execve ends although they stood still. Asks for every thread,
   * so only when stopping takes long.
   */
  review(): void {
    this.lookAgain();
    this.collect();
    this.pending = this.pending.filter((tracee) => {
      const { tid } = tracee;
      if (this.native.ptraceIsStopped(tid)) this.settle(tracee, 0);
      else if (hasEnded(threadState(this.pid, tid))) tracee.state = "ended";
      // Not our tracee, but another thread under its id since an execve. (waitChild does not tell of a child of ours.)
      else if (this.native.ptraceInterrupt(tid) < 0) this.remove(tracee);
      return tracee.state === "pending" && this.byTid.has(tid);
    });
  }

  /** The threads that stand still. */
  stoppedThreads(): readonly StoppedThread[] {
    const threads: StoppedThread[] = [];
    for (const { tid, state, stackPointer, instructionPointer, threadPointer } of this.byTid.values()) {
      if (state === "stopped") threads.push({ tid, stackPointer, instructionPointer, threadPointer });
    }
    return threads;
  }

  /**
   * Lets all threads go. Those that cannot be let go yet (not stopped, or killed) are left to `lingeringTracees`.
   * @returns how many those are
   */
  release(): number {
    let left = 0;
    for (const { tid, state, signal } of this.byTid.values()) {
      if (state === "stopped" && this.native.ptraceDetach(tid, signal) === 0) continue;
      // Zombies that were never ours leave that list at the first look.
      left++;
      lingeringTracees.add(this.native, tid, this.childOfOurs && tid === this.pid);
    }
    this.byTid.clear();
    this.pending = [];
    return left;
  }

  private look(tracee: Tracee): void {
    const { native, event } = this;
    const isLeader = tracee.tid === this.pid;
    // WNOWAIT leaves a signal that is being delivered with the thread: it is not lost even if we are killed before the detach.
    const found = native.waitChild(tracee.tid, event, false);
    if (found === 0) return;
    if (found < 0) {
      // Not ours any more: another thread took over its id by execve, or it was collected. Seize whoever has the id now.
      this.remove(tracee);
      return;
    }
    if (event.ended) {
      if (!(isLeader && this.childOfOurs)) native.waitChild(tracee.tid, event, true);
      this.remove(tracee);
      return;
    }
    this.settle(tracee, signalToDeliver(event));
    if (event.event === EVENT_STOP && event.signal !== SIGTRAP) this.groupStopped = true;
    // libuv waits for its children without asking what happened to them, and takes a stop for an end: leave it none to see.
    if (isLeader && this.childOfOurs && event.event === EVENT_STOP) native.waitChild(tracee.tid, event, true);
  }

  private remove(tracee: Tracee): void {
    this.byTid.delete(tracee.tid);
    this.someoneLeft = true;
  }

  private settle(tracee: Tracee, signal: number): void {
    const { registers } = this;
    tracee.state = "stopped";
    tracee.signal = signal;
    if (this.native.ptraceGetRegisters(tracee.tid, registers) < 0) return;
    tracee.stackPointer = registers.stackPointer;
    tracee.instructionPointer = registers.instructionPointer;
    tracee.threadPointer = registers.threadPointer;
  }
}
