import { Errno, type NativeCalls, Registers, WaitEvent } from "../native.ts";
import { lingeringTracees, signalToDeliver } from "./lingering.ts";
import type { StoppedThread } from "./stopped-process.ts";
import { hasEnded, threadState } from "./thread-state.ts";

/** PTRACE_EVENT_STOP (include/uapi/linux/ptrace.h): stopped by PTRACE_INTERRUPT, or by a group stop. */
const EVENT_STOP = 128;
const SIGTRAP = 5;

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
    const result = this.native.ptraceSeize(tid);
    if (result === -Errno.ESRCH) return "gone";
    if (result < 0) {
      const state = threadState(this.pid, tid);
      if (state === undefined) return "gone";
      if (hasEnded(state)) {
        this.byTid.set(tid, { tid, state: "ended", signal: 0 });
        return "gone";
      }
    }
    // Only our own tracee can be interrupted; one that could not be seized may be ours since an earlier attempt or before execve.
    const interrupted = this.native.ptraceInterrupt(tid);
    if (result < 0 && interrupted < 0) return "refused";
    const tracee: Tracee = { tid, state: "pending", signal: 0 };
    this.byTid.set(tid, tracee);
    this.pending.push(tracee);
    return "seized";
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

  /**
   * Settles what `collect` cannot see: threads that have ended but are not to be waited for (a main thread that ended before the
   * others), and stops that libuv has seen in our place. Asks for every thread, so only when stopping takes long.
   */
  review(): void {
    this.pending = this.pending.filter((tracee) => {
      if (this.native.ptraceIsStopped(tracee.tid)) this.settle(tracee, 0);
      else if (hasEnded(threadState(this.pid, tracee.tid))) tracee.state = "ended";
      return tracee.state === "pending";
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
   * Lets all threads go. Those that cannot be let go yet are left to `lingeringTracees`.
   * @returns true when a stopped thread was not there any more: only the end of the whole process does that
   */
  release(): boolean {
    let died = false;
    for (const { tid, state, signal } of this.byTid.values()) {
      if (state === "stopped" && this.native.ptraceDetach(tid, signal) === 0) continue;
      if (state === "stopped") died = true;
      // Zombies that were never ours leave that list at the first look.
      lingeringTracees.add(this.native, tid, this.childOfOurs && tid === this.pid);
    }
    this.byTid.clear();
    this.pending = [];
    return died;
  }

  private look(tracee: Tracee): void {
    const { native, event } = this;
    const isLeader = tracee.tid === this.pid;
    // WNOWAIT leaves a signal that is being delivered with the thread: it is not lost even if we are killed before the detach.
    const found = native.waitChild(tracee.tid, event, false);
    if (found === 0) return;
    if (found < 0) {
      // Not ours any more: another thread took over its id by execve, or it was collected. Seize whoever has the id now.
      this.byTid.delete(tracee.tid);
      return;
    }
    if (event.ended) {
      if (!(isLeader && this.childOfOurs)) native.waitChild(tracee.tid, event, true);
      this.byTid.delete(tracee.tid);
      return;
    }
    this.settle(tracee, signalToDeliver(event));
    if (event.event === EVENT_STOP && event.signal !== SIGTRAP) this.groupStopped = true;
    // libuv waits for its children without asking what happened to them, and takes a stop for an end: leave it none to see.
    if (isLeader && this.childOfOurs && event.event === EVENT_STOP) native.waitChild(tracee.tid, event, true);
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
