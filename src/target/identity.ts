import { closeSync, openSync, readlinkSync, readSync } from "node:fs";
import { fail, type Result, succeed } from "../base/result.ts";
import { type Architecture, architectureOf, ELF_HEAD_BYTES } from "./architecture.ts";
import { keepCommand, splitCommandLine } from "./command-line.ts";
import { keepEnvironment } from "./environment.ts";
import { splitDeleted } from "./proc/maps.ts";
import { errorCode, readOptionalFile } from "./proc/proc-file.ts";
import { type ProcessStat, parseStat } from "./proc/stat.ts";
import { type ProcessStatus, parseStatus } from "./proc/status.ts";

/** Who a process is, without a look into its memory. Whether it runs a CPython is not decided here. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Short name for headings: script, module, program or comm; hostile text. */
  readonly name: string;
  /** Path of its program, undefined when we may not know it; hostile text. */
  readonly executable: string | undefined;
  /** True when that file was removed or replaced since the start. */
  readonly executableDeleted: boolean;
  /** Interpreter and script only; hostile text. */
  readonly commandLine: readonly string[];
  readonly parentPid: number;
  /** Effective user id. */
  readonly userId: number;
  readonly threads: number;
  /** Start in clock ticks since boot: with the PID it names a process for good. */
  readonly startTicks: number;
  readonly startedSecondsAgo: number;
  /** Allocators' own variables of the environment that it was started with, and no others; hostile text. */
  readonly environment: Readonly<Record<string, string>>;
}

/** USER_HZ: the ticks of /proc on x86-64, whatever the kernel's own HZ (include/asm-generic/param.h). */
const TICKS_PER_SECOND = 100;
/** Parent of all kernel threads, itself one. */
const KTHREADD_PID = 2;
const LIST_HINT = "Run pystrata without arguments to list the Python processes.";

/**
 * Says who `pid` is, or why it can have no account: no such process, a thread's id, a zombie, a kernel thread (these have
 * no memory), a 32-bit process or one of another architecture (code `not-cpython`: nothing pystrata decodes).
 *
 * Needs no permission beyond seeing the process; what the kernel keeps from us is undefined or empty.
 */
export function identifyProcess(pid: number): Result<ProcessIdentity> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return fail("usage", `${pid} is not a process id.`, LIST_HINT);
  const stat = parseStat(readOptionalFile(`/proc/${pid}/stat`) ?? "");
  const status = parseStatus(readOptionalFile(`/proc/${pid}/status`) ?? "");
  if (stat === undefined || status.threadGroup === 0) return failUnseen(pid);
  const refusal = refuseMemoryless(pid, stat, status);
  if (refusal !== undefined) return refusal;

  const program = readExecutable(pid);
  if (program.architecture?.supported === false) return failArchitecture(pid, stat.name, program.architecture);
  const command = keepCommand(splitCommandLine(readOptionalFile(`/proc/${pid}/cmdline`) ?? ""), program.path);
  return succeed({
    pid,
    name: command.name ?? stat.name,
    executable: program.path,
    executableDeleted: program.deleted,
    commandLine: command.kept,
    parentPid: stat.parentPid,
    userId: status.effectiveUid,
    threads: status.threads,
    startTicks: stat.startTicks,
    startedSecondsAgo: secondsSince(stat.startTicks),
    environment: keepEnvironment(readOptionalFile(`/proc/${pid}/environ`) ?? ""),
  });
}

/** Seconds since a start in ticks. Measured against ourselves: /proc/uptime lies in containers that run lxcfs. */
export function secondsSince(startTicks: number): number {
  const own = parseStat(readOptionalFile("/proc/self/stat") ?? "");
  if (own === undefined) return 0;
  return Math.max(0, (own.startTicks - startTicks) / TICKS_PER_SECOND + process.uptime());
}

function failUnseen(pid: number): Result<never> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return fail("no-such-process", `There is no process ${pid}.`, LIST_HINT);
  }
  return fail(
    "not-permitted",
    `Process ${pid} exists, but /proc hides it from this user (mount option hidepid).`,
    "Run as root or as the process's user.",
  );
}

/** The failure for a task that has no address space of its own, or undefined when it has one. */
function refuseMemoryless(pid: number, stat: ProcessStat, status: ProcessStatus): Result<never> | undefined {
  if (status.threadGroup !== pid) {
    const owner = parseStat(readOptionalFile(`/proc/${status.threadGroup}/stat`) ?? "")?.name ?? "unknown";
    return fail(
      "no-such-process",
      `${pid} is a thread of process ${status.threadGroup} (${owner}), not a process.`,
      `Use ${status.threadGroup}.`,
    );
  }
  if (stat.state === "Z" || stat.state === "X") {
    // The main thread may have ended alone (pthread_exit); the kernel then shows no memory for the process either.
    if (stat.threads > 1) {
      return fail(
        "failed",
        `The main thread of process ${pid} (${stat.name}) has ended, so the kernel shows no memory for it, though other threads run on.`,
      );
    }
    const hint = `Its parent, process ${stat.parentPid}, has not collected its exit status yet.`;
    return fail("no-such-process", `Process ${pid} (${stat.name}) has ended and is a zombie: it has no memory any more.`, hint);
  }
  if (status.hasMemory) return undefined;
  if (pid === KTHREADD_PID || stat.parentPid === KTHREADD_PID || stat.parentPid === 0) {
    return fail("not-cpython", `Process ${pid} (${stat.name}) is a kernel thread: it has no memory of its own.`, LIST_HINT);
  }
  return fail("no-such-process", `Process ${pid} (${stat.name}) is just ending: it has no memory any more.`, LIST_HINT);
}

function failArchitecture(pid: number, name: string, architecture: Architecture): Result<never> {
  const what = architecture.machine === "x86-64" ? "x32" : architecture.machine;
  return fail(
    "not-cpython",
    `Process ${pid} (${name}) is a ${architecture.bits}-bit ${what} program; pystrata reads 64-bit x86-64 processes only.`,
  );
}

interface Executable {
  readonly path: string | undefined;
  readonly deleted: boolean;
  readonly architecture: Architecture | undefined;
}

/** Reads the link and, through it, the file itself: that works for removed files and in other mount namespaces. */
function readExecutable(pid: number): Executable {
  const link = `/proc/${pid}/exe`;
  try {
    const target = splitDeleted(readlinkSync(link));
    return { path: target.path, deleted: target.deleted, architecture: architectureOf(readHead(link)) };
  } catch {
    return { path: undefined, deleted: false, architecture: undefined };
  }
}

function readHead(path: string): Uint8Array {
  const descriptor = openSync(path, "r");
  try {
    const head = new Uint8Array(ELF_HEAD_BYTES);
    return head.subarray(0, readSync(descriptor, head));
  } finally {
    closeSync(descriptor);
  }
}
