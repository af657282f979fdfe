import type { Failure, FailureCode, Result } from "../../base/result.ts";
import { readOptionalFile } from "../proc/proc-file.ts";
import { type ProcessStatus, parseStatus, readStatus } from "../proc/status.ts";
import { sleepMilliseconds } from "./sleep.ts";
import { hasEnded } from "./thread-state.ts";

/** CAP_SYS_PTRACE (include/uapi/linux/capability.h). */
const CAP_SYS_PTRACE = 19n;
/** kthreadd, the parent of every kernel thread. In a container another process may have this PID. */
const KERNEL_THREADS_PID = 2;
/** kernel.yama.ptrace_scope (Documentation/admin-guide/LSM/Yama.rst). */
const YAMA_CHILDREN_ONLY = 1;
const YAMA_CAPABILITY_ONLY = 2;
const YAMA_NOBODY = 3;

/** What decides whether this process may trace another one. */
export interface TracingRights {
  readonly hasPtraceCapability: boolean;
  /** Effective user id of this process. */
  readonly uid: number;
  /** A seccomp filter is in force on this process. */
  readonly filtered: boolean;
  /** undefined where the kernel has no Yama. */
  readonly yamaScope: number | undefined;
}

export function readTracingRights(): TracingRights {
  const self = parseStatus(readOptionalFile("/proc/self/status") ?? "");
  const scope = Number.parseInt(readOptionalFile("/proc/sys/kernel/yama/ptrace_scope") ?? "", 10);
  return {
    hasPtraceCapability: hasCapability(self.effectiveCapabilities, CAP_SYS_PTRACE),
    uid: self.effectiveUid,
    filtered: self.seccomp !== 0,
    yamaScope: Number.isNaN(scope) ? undefined : scope,
  };
}

function hasCapability(mask: string, capability: bigint): boolean {
  return /^[0-9a-f]+$/i.test(mask) && ((BigInt(`0x${mask}`) >> capability) & 1n) === 1n;
}

/**
 * Why process `pid` cannot be stopped whoever asks: it is gone, a zombie, a thread's id, without memory, or already traced.
 * undefined when nothing speaks against trying.
 * @param tid a thread of which the tracer is looked at: each has its own
 */
export function explainUntraceable(pid: number, tid: number = pid): Failure | undefined {
  const read = readSettledStatus(pid);
  if (!read.ok) return read.failure;
  const status = read.value;
  if (pid === process.pid) return failure("usage", `Process ${pid} is pystrata itself, which cannot stop itself.`);
  if (status.threadGroup !== pid) {
    return failure("no-such-process", `${pid} is a thread of process ${status.threadGroup}.`, `Use ${status.threadGroup}.`);
  }
  // Such a process is about to execute a new program or to end; who stops it sees which.
  if (hasEnded(status.state) && status.threads > 1) return undefined;
  if (hasEnded(status.state)) {
    return failure(
      "no-such-process",
      `Process ${pid} has ended and waits for its parent ${status.parentPid} to collect it (zombie).`,
    );
  }
  if (!status.hasMemory && (pid === KERNEL_THREADS_PID || status.parentPid === KERNEL_THREADS_PID)) {
    return failure("not-cpython", `Process ${pid} "${status.name}" is a kernel thread: it has no memory of its own.`);
  }
  // The memory goes before the process becomes a zombie.
  if (!status.hasMemory) return failure("no-such-process", `Process ${pid} is just ending.`);
  if (tid === pid) return explainTracer(pid, status);
  const thread = readOptionalFile(`/proc/${pid}/task/${tid}/status`);
  return thread === undefined ? undefined : explainTracer(pid, parseStatus(thread));
}

/** A process looks like a zombie for an instant while one of its threads replaces the main thread by execve: look twice. */
function readSettledStatus(pid: number): Result<ProcessStatus> {
  const first = readStatus(pid);
  if (!first.ok || !hasEnded(first.value.state)) return first;
  sleepMilliseconds(1);
  return readStatus(pid);
}

function explainTracer(pid: number, status: ProcessStatus): Failure | undefined {
  // Our own tracee is a thread of an earlier attempt that could not be let go yet.
  if (status.tracerPid === 0 || status.tracerPid === process.pid) return undefined;
  const tracer = readStatus(status.tracerPid);
  const name = tracer.ok ? ` "${tracer.value.name}"` : "";
  return failure(
    "not-permitted",
    `Process ${pid} is already traced by process ${status.tracerPid}${name}, and a process has at most one tracer.`,
    "End that debugger or tracer, then try again.",
  );
}

/** Why the kernel refused to let us trace a thread of process `pid` that `explainUntraceable` has nothing against. */
export function explainRefusal(pid: number): Failure {
  const status = readStatus(pid);
  return status.ok ? explainRights(pid, status.value.realUid, readTracingRights()) : status.failure;
}

/** The rule that refuses, in the order in which it can be told from outside (man 2 ptrace, "Ptrace access mode checking"). */
export function explainRights(pid: number, targetUid: number, rights: TracingRights): Failure {
  const subject = `The kernel does not let us trace process ${pid}`;
  if (rights.yamaScope === YAMA_NOBODY) {
    return failure(
      "not-permitted",
      `${subject}: kernel.yama.ptrace_scope is 3, which forbids tracing to everybody until the next boot.`,
      "Boot with another setting, or use --allow-sigstop.",
    );
  }
  if (rights.hasPtraceCapability && rights.filtered) {
    return failure(
      "not-permitted",
      `${subject}: a seccomp filter of this container or service forbids ptrace.`,
      "Run pystrata outside, or the container with --cap-add SYS_PTRACE and a seccomp profile that allows ptrace.",
    );
  }
  if (rights.hasPtraceCapability) {
    return failure(
      "not-permitted",
      `${subject} although we hold CAP_SYS_PTRACE: a security module, or a user namespace above ours, forbids it.`,
      "Run pystrata as root on the host, outside of the container.",
    );
  }
  if (rights.uid !== targetUid) {
    return failure(
      "not-permitted",
      `${subject}: it belongs to user ${targetUid}, we are user ${rights.uid}.`,
      "Run as that user or as root (sudo).",
    );
  }
  if (rights.yamaScope === YAMA_CHILDREN_ONLY || rights.yamaScope === YAMA_CAPABILITY_ONLY) {
    const who = rights.yamaScope === YAMA_CHILDREN_ONLY ? "only the ancestors of a process" : "only root";
    return failure(
      "not-permitted",
      `${subject}: kernel.yama.ptrace_scope is ${rights.yamaScope}, which lets ${who} trace it.`,
      "Run as root (sudo), or give this binary CAP_SYS_PTRACE.",
    );
  }
  if (rights.filtered) {
    return failure(
      "not-permitted",
      `${subject}: a seccomp filter of this container or service may forbid ptrace.`,
      "Run pystrata outside, or as root.",
    );
  }
  return failure(
    "not-permitted",
    `${subject}: it has made itself undumpable, changed its user or holds capabilities that we lack.`,
    "Run as root (sudo).",
  );
}

function failure(code: FailureCode, sentence: string, hint?: string): Failure {
  return { code, sentence, hint };
}
