import { type AccessContext, Capability, hasCapability, probeAccess } from "./access-probes.ts";

/** Something that a capture needs or is better with, whether it is allowed, why, and how to get it. */
export interface Permission {
  /** What it is for, such as "read its memory". */
  readonly ability: string;
  readonly granted: boolean;
  /** One sentence without a full stop; may hold hostile text. */
  readonly why: string;
  /** What to do when it is not granted; undefined when nothing has to be or can be done. */
  readonly remedy?: string | undefined;
  /** True when no report can be made without it. */
  readonly required: boolean;
}

/**
 * What this user may do to process `pid` and how to get the rest. Each answer was tried where trying is harmless; nothing is
 * stopped. A process that does not exist is not allowed anything: ask `identifyProcess` first.
 */
export function permissionsFor(pid: number): Permission[] {
  return judgeAccess(probeAccess(pid));
}

/** The same for a context that is known already. */
export function judgeAccess(context: AccessContext): Permission[] {
  return [
    mappings(context),
    memory(context),
    notTraced(context),
    stopByPtrace(context),
    stopBySignal(context),
    nativeCalls(context),
    fastCopy(context),
    pageScan(context),
    frameNumbers(context),
    pidNamespace(context),
  ];
}

function mappings(context: AccessContext): Permission {
  const granted = context.probes.maps && context.probes.pagemap;
  const refusal = explainCredentials(context);
  return {
    ability: "see its mappings and resident pages",
    granted,
    why: granted ? "/proc/PID/maps and pagemap are open to us" : refusal.why,
    remedy: granted ? undefined : refusal.remedy,
    required: true,
  };
}

function memory(context: AccessContext): Permission {
  const granted = context.probes.memory;
  const refusal = explainYama(context) ?? explainCredentials(context);
  return {
    ability: "read its memory",
    granted,
    why: granted ? grantedBy(context) : refusal.why,
    remedy: granted ? undefined : refusal.remedy,
    required: true,
  };
}

function notTraced({ target, tracerName }: AccessContext): Permission {
  const granted = target.tracerPid === 0;
  return {
    ability: "become its tracer",
    granted,
    why: granted
      ? "nobody traces it"
      : `process ${target.tracerPid} (${tracerName ?? "unknown"}) traces it, and a process has at most one tracer`,
    remedy: granted ? undefined : `End that debugger or tracer (pid ${target.tracerPid}).`,
    required: true,
  };
}

/** ptrace makes the same check as opening /proc/PID/mem, which was tried; only the call itself can still be filtered. */
function stopByPtrace(context: AccessContext): Permission {
  const { probes, target, own } = context;
  const base = { ability: "stop it by ptrace", required: false };
  if (!probes.native) return { ...base, granted: false, why: "koffi, which makes the call, is not there", remedy: KOFFI };
  if (probes.ptraceCall === false) {
    const why = own.seccomp === 0 ? "the call ptrace is refused here" : "a seccomp filter forbids us the call ptrace";
    return {
      ...base,
      granted: false,
      why,
      remedy: "Run outside of this sandbox, or allow it: docker run --cap-add SYS_PTRACE.",
    };
  }
  if (!probes.memory) {
    const refusal = explainYama(context) ?? explainCredentials(context);
    return { ...base, granted: false, ...refusal };
  }
  if (target.tracerPid !== 0) return { ...base, granted: false, why: `process ${target.tracerPid} traces it already` };
  return { ...base, granted: true, why: "the kernel resumes it by itself should we die" };
}

function stopBySignal({ probes, own, target }: AccessContext): Permission {
  return {
    ability: "stop it by SIGSTOP (--allow-sigstop)",
    granted: probes.signal,
    why: probes.signal
      ? "we may send it signals; only used when ptrace is impossible and you allow it"
      : `it runs as user ${target.realUid}, we run as user ${own.effectiveUid} without CAP_KILL`,
    remedy: probes.signal ? undefined : runAs(target.realUid),
    required: false,
  };
}

const KOFFI = "Install the optional dependency koffi (npm install koffi).";

function nativeCalls({ probes }: AccessContext): Permission {
  const off = process.env.PYSTRATA_NO_NATIVE === "1";
  return {
    ability: "make system calls that Node lacks",
    granted: probes.native,
    why: probes.native
      ? "koffi is there"
      : off
        ? "PYSTRATA_NO_NATIVE=1 turns koffi off"
        : "koffi is not installed or does not run here",
    remedy: probes.native ? undefined : off ? "Unset PYSTRATA_NO_NATIVE." : KOFFI,
    required: false,
  };
}

function fastCopy({ probes, own }: AccessContext): Permission {
  const granted = probes.vmReadCall === true && probes.memory;
  const base = { ability: "copy by process_vm_readv", granted, required: false };
  if (granted) return { ...base, why: "memory is copied at full speed" };
  if (probes.vmReadCall === undefined)
    return { ...base, why: "koffi, which makes the call, is not there; /proc/PID/mem serves, slower", remedy: KOFFI };
  if (!probes.memory) return { ...base, why: "its memory is closed to us" };
  const why =
    own.seccomp === 0
      ? "the call is refused here; /proc/PID/mem serves, slower"
      : "a seccomp filter forbids the call; /proc/PID/mem serves, slower";
  return { ...base, why, remedy: "Run outside of this sandbox for a shorter pause." };
}

function pageScan({ probes }: AccessContext): Permission {
  const granted = probes.pageScan === true;
  const base = { ability: "scan pages by PAGEMAP_SCAN", granted, required: false };
  if (granted) return { ...base, why: "the kernel tells zero pages and huge pages apart" };
  if (probes.pageScan === undefined) {
    return probes.native
      ? { ...base, why: "its pagemap is closed to us" }
      : { ...base, why: "koffi, which makes the call, is not there; pagemap is read, slower", remedy: KOFFI };
  }
  return { ...base, why: "this kernel does not have it (Linux 6.7 and later do); pagemap is read, slower" };
}

function frameNumbers(context: AccessContext): Permission {
  const granted = context.probes.frameNumbers === true;
  const why = granted
    ? "we hold CAP_SYS_ADMIN"
    : hasCapability(context.own, Capability.sysAdmin)
      ? "CAP_SYS_ADMIN counts only outside of this user namespace"
      : "we lack CAP_SYS_ADMIN; sharing is told by whether a page is exclusive";
  return {
    ability: "see which physical pages are shared with whom",
    granted,
    why,
    remedy: granted ? undefined : "Run as root on the host (sudo).",
    required: false,
  };
}

/** Seeing its PID at all means that our namespace contains it: what remains to be said is which number is whose. */
function pidNamespace({ pid, own, target, container }: AccessContext): Permission {
  const inner = target.namespacePids.at(-1);
  const nested = target.namespacePids.length > own.namespacePids.length;
  const where = container === undefined ? "" : `; we run in ${container}`;
  return {
    ability: "see it by its PID",
    granted: true,
    why: nested
      ? `it runs in a PID namespace of its own, where it is ${inner}; here it is ${pid}${where}`
      : `its PID namespace is ours${where}`,
    required: true,
  };
}

interface Refusal {
  readonly why: string;
  readonly remedy: string;
}

function grantedBy({ own, target }: AccessContext): string {
  if (hasCapability(own, Capability.sysPtrace)) return "we hold CAP_SYS_PTRACE";
  return target.realUid === own.effectiveUid ? `it runs as our user (${own.effectiveUid})` : "the kernel allows it";
}

/** kernel.yama.ptrace_scope (Documentation/admin-guide/LSM/Yama.rst) forbids attaching, never looking at mappings. */
function explainYama({ yamaScope, own, probes }: AccessContext): Refusal | undefined {
  // Whom credentials already forbid to look is not helped by another setting.
  if (!probes.maps) return undefined;
  const capable = hasCapability(own, Capability.sysPtrace);
  switch (yamaScope) {
    case 1:
      if (capable) return undefined;
      return {
        why: "kernel.yama.ptrace_scope is 1: without CAP_SYS_PTRACE only the ancestors of a process may read its memory",
        remedy:
          "Run as root (sudo); or sysctl kernel.yama.ptrace_scope=0; or let the program call prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY).",
      };
    case 2:
      if (capable) return undefined;
      return { why: "kernel.yama.ptrace_scope is 2: it takes CAP_SYS_PTRACE", remedy: "Run as root (sudo)." };
    case 3:
      return {
        why: "kernel.yama.ptrace_scope is 3: nobody may trace or read another process until the next boot",
        remedy: "Boot with another kernel.yama.ptrace_scope.",
      };
    default:
      return undefined;
  }
}

/** The rules of ptrace(2), "Ptrace access mode checking", in their order. */
function explainCredentials(context: AccessContext): Refusal {
  const { own, target, dumpable, sameUserNamespace, container } = context;
  const capable = hasCapability(own, Capability.sysPtrace);
  if (capable && sameUserNamespace === false) {
    return {
      why: "it runs in another user namespace, where our CAP_SYS_PTRACE does not count",
      remedy: "Run as root in the host's user namespace.",
    };
  }
  if (capable && !hasCapability(own, Capability.dacOverride) && own.effectiveUid !== target.effectiveUid) {
    return {
      why: `its files in /proc are open to user ${target.effectiveUid} only, and we lack CAP_DAC_OVERRIDE`,
      remedy: `Run with CAP_DAC_OVERRIDE too. ${runAs(target.realUid)}`,
    };
  }
  if (capable) {
    return {
      why: `we hold CAP_SYS_PTRACE, yet a security module (SELinux, AppArmor)${container === undefined ? "" : ` or ${container}`} forbids it`,
      remedy:
        container === undefined
          ? "Look into the audit log; run under an unconfined profile."
          : "Run as root on the host, outside of the container.",
    };
  }
  if (own.effectiveUid === 0) {
    return {
      why: "we are root without CAP_SYS_PTRACE",
      remedy:
        container === undefined
          ? "Run with all capabilities of root."
          : "Start the container with --cap-add SYS_PTRACE, or run on the host.",
    };
  }
  if (own.effectiveUid !== target.realUid || own.effectiveUid !== target.effectiveUid) {
    return { why: `it runs as user ${target.effectiveUid}, we run as user ${own.effectiveUid}`, remedy: runAs(target.realUid) };
  }
  if (own.effectiveGid !== target.realGid || own.effectiveGid !== target.effectiveGid) {
    return {
      why: `it runs as group ${target.effectiveGid}, we run as group ${own.effectiveGid}`,
      remedy: `Run as root (sudo) or with that group (sudo -g '#${target.realGid}').`,
    };
  }
  if (!dumpable) {
    return {
      why: "it is not dumpable: it changed its user, was started from a file we may not read, or asked for it",
      remedy: "Run as root (sudo).",
    };
  }
  return { why: "it holds capabilities or runs in a namespace that we do not", remedy: "Run as root (sudo)." };
}

function runAs(userId: number): string {
  return userId === 0 ? "Run as root (sudo)." : `Run as root (sudo) or as that user (sudo -u '#${userId}').`;
}
