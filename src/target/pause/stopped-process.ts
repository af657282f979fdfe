/** How a process may be stopped. */
export interface StopOptions {
  /** Milliseconds that are left of what the caller grants the stop; asked again and again while threads are coming to a halt. */
  readonly deadline: () => number;
  /** Whether SIGSTOP may be used where ptrace is impossible: the parent sees it, and only a guard process undoes it if we die. */
  readonly allowSigstop: boolean;
}

/** A thread that stands still. Registers are those of user mode, also when it stopped inside a system call. */
export interface StoppedThread {
  readonly tid: number;
  readonly stackPointer?: number | undefined;
  readonly instructionPointer?: number | undefined;
  /** Base of the thread's control block (fs); by ptrace only. */
  readonly threadPointer?: number | undefined;
}

/** `already-stopped`: found in a group stop (SIGSTOP, Ctrl-Z), in which `resume` leaves it. */
export type StopMethod = "ptrace" | "sigstop" | "already-stopped";

/**
 * A process of which no thread runs, until `resume`.
 *
 * With ptrace, every call must come from the OS thread that stopped it, and it runs again when that thread ends, however it ends.
 */
export interface StoppedProcess {
  readonly method: StopMethod;
  /** When the pause began: just before the first thread was asked to stop, in milliseconds of CLOCK_MONOTONIC (process.hrtime). */
  readonly requestedAtMilliseconds: number;
  /** Live threads; a thread that has ended but was not collected yet is not among them. */
  readonly threads: readonly StoppedThread[];
  /**
   * Lets every thread go, with the signals that were on their way to it. Calling it again does nothing and answers the same.
   * @returns whether the process was killed while it was stopped
   */
  resume(): { readonly died: boolean };
  /** False once the process has been killed; what is left of it is then collected at once, so that its parent learns of it. */
  alive(): boolean;
}

/** Longest that one thread may take to come to a halt. */
export const STOP_LIMIT_MILLISECONDS = 200;
