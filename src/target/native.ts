import { createRequire } from "node:module";

/**
 * The C library's calls that pystrata needs and Node lacks, through koffi (an optional dependency).
 *
 * All are synchronous and run on the calling OS thread, which matters to ptrace: the kernel knows the tracing thread, not
 * the process. Results follow the system call convention: zero or more is success, `-errno` is failure; see `Errno`.
 * Addresses and lengths are doubles: user-space addresses are below 2^47.
 */
export interface NativeCalls {
  /** Begins to trace thread `tid` without stopping it (Linux ≥ 3.4). No options are set, PTRACE_O_EXITKILL least of all. */
  ptraceSeize(tid: number): number;
  /** Asks a seized thread to stop; `waitChild` tells when it has. */
  ptraceInterrupt(tid: number): number;
  /** Lets a stopped tracee go, delivering `signal` unless it is 0. -ESRCH when it is not stopped (any more). */
  ptraceDetach(tid: number, signal: number): number;
  /** Reads the registers of a stopped tracee into `registers`. */
  ptraceGetRegisters(tid: number, registers: Registers): number;
  /** True while `tid` is stopped under us; a stopped tracee only leaves that state by being killed. */
  ptraceIsStopped(tid: number): boolean;
  /**
   * Looks without blocking whether child or tracee `tid` has stopped or ended (waitid with WNOHANG and __WALL).
   * @param event filled when the result is 1
   * @param consume false leaves the event in place (WNOWAIT)
   * @returns 1 with an event, 0 without, -ECHILD when there is no such child or tracee
   */
  waitChild(tid: number, event: WaitEvent, consume: boolean): number;
  /** Copies from another process; returns the bytes copied, short when a page in the middle cannot be read. At most 1024 vectors. */
  processVmReadv(pid: number, local: IoVectors, localCount: number, remote: IoVectors, remoteCount: number): number;
  /** `argument` is the address of the request's structure. */
  ioctl(fd: number, request: number, argument: number): number;
  /** @returns the address of the mapping */
  mmap(address: number, bytes: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, bytes: number): number;
  /** @param advice one of `MemoryAdvice` */
  madvise(address: number, bytes: number, advice: number): number;
  /** prctl(PR_SET_DUMPABLE): false keeps other processes of this user, and core files, away from our memory. */
  setDumpable(dumpable: boolean): number;
  /** How the kernel schedules the calling thread: one of `Scheduling`, or another number. */
  scheduling(): number;
  /** @param priority 1 for `roundRobin`, 0 for `other` */
  setScheduling(policy: number, priority: number): number;
  /** Has the kernel end this process after `seconds` (SIGALRM, whose default Node keeps); 0 calls it off. */
  alarm(seconds: number): number;
  /** Address of the first byte of a buffer or view, valid while it is referenced; buffers of 64 bytes and more never move. */
  addressOf(buffer: ArrayBuffer | NodeJS.ArrayBufferView): number;
  /** An ArrayBuffer over memory that was mapped with `mmap`; it must not be used after `munmap`. */
  viewOf(address: number, bytes: number): ArrayBuffer;
}

/** Error numbers of Linux (include/uapi/asm-generic/errno.h) that callers tell apart; `errorName` knows the rest. */
export const Errno = {
  EPERM: 1,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSYS: 38,
} as const;

/** Protection and flags of mmap on x86-64. */
export const MemoryProtection = { read: 1, write: 2 } as const;
export const MapFlags = {
  shared: 0x01,
  private: 0x02,
  fixed: 0x10,
  anonymous: 0x20,
  noReserve: 0x4000,
  populate: 0x8000,
} as const;
/** Advice of madvise; `populateWrite` needs Linux 5.14 and answers -EINVAL before. */
export const MemoryAdvice = {
  dontNeed: 4,
  hugePage: 14,
  noHugePage: 15,
  dontDump: 16,
  populateRead: 22,
  populateWrite: 23,
} as const;

/**
 * Scheduling policies (include/uapi/linux/sched.h). A thread under `roundRobin` runs before every usual one, whatever the share of its
 * session or cgroup; threads and processes that it starts do not inherit that (SCHED_RESET_ON_FORK).
 */
export const Scheduling = { other: 0, roundRobin: 0x40000002 } as const;

/** `ESRCH` and the like for a result of `NativeCalls`, sign ignored. */
export function errorName(result: number): string {
  const code = Math.abs(result);
  return koffi !== undefined
    ? (Object.entries(koffi.os.errno).find(([, value]) => value === code)?.[0] ?? `errno ${code}`)
    : `errno ${code}`;
}

const TWO_32 = 2 ** 32;

/** What `waitChild` saw. */
export class WaitEvent {
  /** True when the child or tracee ended, false when it is in a ptrace stop. */
  ended = false;
  /** The signal of the stop, or 0. */
  signal = 0;
  /** The PTRACE_EVENT of the stop; 0 for a signal-delivery-stop. */
  event = 0;
}

/** struct user_regs_struct (sys/user.h, x86-64): 27 words. Only the three that pystrata uses are exposed. */
export class Registers {
  readonly words = new Uint32Array(54);

  get instructionPointer(): number {
    return this.at(16);
  }
  get stackPointer(): number {
    return this.at(19);
  }
  /** fs_base: the thread control block. */
  get threadPointer(): number {
    return this.at(21);
  }

  private at(index: number): number {
    return this.words[index * 2] + this.words[index * 2 + 1] * TWO_32;
  }
}

/** An array of struct iovec { void *base; size_t length } that is reused from call to call. */
export class IoVectors {
  /** Pairs of 64-bit words as (low, high) halves, so that filling one needs no BigInt. */
  readonly words: Uint32Array;

  /**
   * @param capacity at most 1024 (IOV_MAX)
   * @param words vectors that lie somewhere already
   */
  constructor(
    readonly capacity: number,
    words: Uint32Array = new Uint32Array(capacity * 4),
  ) {
    this.words = words;
  }

  set(index: number, address: number, bytes: number): void {
    const at = index * 4;
    this.words[at] = address % TWO_32;
    this.words[at + 1] = Math.floor(address / TWO_32);
    this.words[at + 2] = bytes % TWO_32;
    this.words[at + 3] = Math.floor(bytes / TWO_32);
  }
}

type Koffi = typeof import("koffi");

let koffi: Koffi | undefined;
let loaded: NativeCalls | undefined;
let tried = false;

/**
 * The native calls, or undefined where they cannot be had: koffi is not installed, has no binary for this machine, or
 * PYSTRATA_NO_NATIVE=1 asks to do without. Loads on first use, since most verbs never need them.
 */
export function loadNative(): NativeCalls | undefined {
  if (process.env["PYSTRATA_NO_NATIVE"] === "1") return undefined;
  if (!tried) {
    tried = true;
    try {
      koffi = createRequire(import.meta.url)("koffi") as Koffi;
      loaded = bind(koffi);
    } catch {
      loaded = undefined;
    }
  }
  return loaded;
}

/** include/uapi/linux/ptrace.h and sys/ptrace.h. */
const Ptrace = { getRegisters: 12, detach: 17, getEventMessage: 0x4201, seize: 0x4206, interrupt: 0x4207 } as const;
/** include/uapi/linux/wait.h. */
const Wait = { noHang: 1, stopped: 2, exited: 4, noWait: 0x01000000, all: 0x40000000, idPid: 1 } as const;
/** siginfo_t of waitid, as 32-bit words: si_signo, si_errno, si_code, padding, si_pid, si_uid, si_status. */
const SigInfo = { words: 32, code: 2, pid: 4, status: 6 } as const;
/** si_code of SIGCHLD (include/uapi/asm-generic/siginfo.h). */
const ChildCode = { exited: 1, killed: 2, dumped: 3 } as const;
const PR_SET_DUMPABLE = 4;

function bind(native: Koffi): NativeCalls {
  const libc = native.load(null);
  const ptrace = libc.func("long ptrace(long request, int tid, uintptr_t address, uintptr_t data)");
  const waitid = libc.func("int waitid(int kind, int id, uintptr_t info, int options)");
  const readv = libc.func(
    "long process_vm_readv(int pid, uintptr_t local, ulong localCount, uintptr_t remote, ulong remoteCount, ulong flags)",
  );
  const ioctl = libc.func("int ioctl(int fd, ulong request, uintptr_t argument)");
  const mmap = libc.func("intptr_t mmap(uintptr_t address, size_t bytes, int protection, int flags, int fd, long offset)");
  const munmap = libc.func("int munmap(uintptr_t address, size_t bytes)");
  const madvise = libc.func("int madvise(uintptr_t address, size_t bytes, int advice)");
  const prctl = libc.func("int prctl(int option, ulong argument)");
  const alarm = libc.func("uint alarm(uint seconds)");
  const schedGetScheduler = libc.func("int sched_getscheduler(int pid)");
  const schedSetScheduler = libc.func("int sched_setscheduler(int pid, int policy, int *priority)");

  const addressOf = (buffer: ArrayBuffer | NodeJS.ArrayBufferView): number => Number(native.address(buffer));
  const orErrno = (result: number): number => (result === -1 ? -native.errno() : result);
  // One scratch buffer, kept alive by `waitChild`, so that addresses are asked for only once: siginfo_t, then an event message.
  const info = new Int32Array(SigInfo.words + 2);
  const infoAddress = addressOf(info);
  const eventMessageAddress = infoAddress + SigInfo.words * Int32Array.BYTES_PER_ELEMENT;

  return {
    ptraceSeize: (tid) => orErrno(ptrace(Ptrace.seize, tid, 0, 0)),
    ptraceInterrupt: (tid) => orErrno(ptrace(Ptrace.interrupt, tid, 0, 0)),
    ptraceDetach: (tid, signal) => orErrno(ptrace(Ptrace.detach, tid, 0, signal)),
    ptraceGetRegisters: (tid, registers) => orErrno(ptrace(Ptrace.getRegisters, tid, 0, addressOf(registers.words))),
    ptraceIsStopped: (tid) => ptrace(Ptrace.getEventMessage, tid, 0, eventMessageAddress) === 0,
    waitChild: (tid, event, consume) => {
      info[SigInfo.pid] = 0;
      const options = Wait.noHang | Wait.stopped | Wait.exited | Wait.all | (consume ? 0 : Wait.noWait);
      const result = orErrno(waitid(Wait.idPid, tid, infoAddress, options));
      if (result < 0) return result;
      if (info[SigInfo.pid] === 0) return 0;
      const code = info[SigInfo.code];
      const status = info[SigInfo.status];
      event.ended = code === ChildCode.exited || code === ChildCode.killed || code === ChildCode.dumped;
      event.signal = event.ended ? 0 : status & 0xff;
      event.event = event.ended ? 0 : status >>> 8;
      return 1;
    },
    processVmReadv: (pid, local, localCount, remote, remoteCount) =>
      orErrno(readv(pid, addressOf(local.words), localCount, addressOf(remote.words), remoteCount, 0)),
    ioctl: (fd, request, argument) => orErrno(ioctl(fd, request, argument)),
    mmap: (address, bytes, protection, flags, fd, offset) => orErrno(mmap(address, bytes, protection, flags, fd, offset)),
    munmap: (address, bytes) => orErrno(munmap(address, bytes)),
    madvise: (address, bytes, advice) => orErrno(madvise(address, bytes, advice)),
    setDumpable: (dumpable) => orErrno(prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0)),
    // For the kernel a PID is a thread's id, and 0 the calling thread (sched_setscheduler(2)).
    scheduling: () => orErrno(schedGetScheduler(0)),
    setScheduling: (policy, priority) => orErrno(schedSetScheduler(0, policy, [priority])),
    alarm: (seconds) => alarm(seconds),
    addressOf,
    viewOf: (address, bytes) => native.view(address, bytes),
  };
}
