import { closeSync, existsSync, openSync, readlinkSync, readSync, statSync } from "node:fs";
import { PAGE_BYTES } from "../base/units.ts";
import { Errno, IoVectors, loadNative, type NativeCalls } from "./native.ts";
import { readMaps } from "./proc/maps.ts";
import { errorCode, readOptionalFile } from "./proc/proc-file.ts";
import { type ProcessStatus, parseStatus } from "./proc/status.ts";
import { ResidencyScanner } from "./residency.ts";

/** Capabilities that matter to us (include/uapi/linux/capability.h). */
export const Capability = { dacOverride: 1, sysPtrace: 19, sysAdmin: 21 } as const;
export type Capability = (typeof Capability)[keyof typeof Capability];

/** What decides about access to a process, and what trying brought. Nothing was stopped, written or read out for it. */
export interface AccessContext {
  readonly pid: number;
  readonly own: ProcessStatus;
  readonly target: ProcessStatus;
  /** Name of the tracer when the target is traced; hostile text. */
  readonly tracerName: string | undefined;
  /** False when its files in /proc belong to another user than it runs as: it has made itself undumpable. */
  readonly dumpable: boolean;
  /** True when both are known to be in the same user namespace, undefined when we may not know. */
  readonly sameUserNamespace: boolean | undefined;
  /** kernel.yama.ptrace_scope, undefined where the kernel has no Yama. */
  readonly yamaScope: number | undefined;
  /** What we run in, such as "Docker"; undefined on a plain host. */
  readonly container: string | undefined;
  readonly probes: AccessProbes;
}

/** What was tried; true when it worked. */
export interface AccessProbes {
  /** PTRACE_MODE_READ: /proc/PID/maps and pagemap. */
  readonly maps: boolean;
  readonly pagemap: boolean;
  /** PTRACE_MODE_ATTACH, the check that ptrace itself makes: opening /proc/PID/mem. */
  readonly memory: boolean;
  /** Page frame numbers are shown in pagemap; undefined when pagemap is closed to us. */
  readonly frameNumbers: boolean | undefined;
  readonly signal: boolean;
  /** koffi is there. */
  readonly native: boolean;
  /** The calls ptrace and process_vm_readv are not filtered (seccomp); undefined without native calls. */
  readonly ptraceCall: boolean | undefined;
  readonly vmReadCall: boolean | undefined;
  /** PAGEMAP_SCAN exists; undefined when it could not be tried. */
  readonly pageScan: boolean | undefined;
}

/** True when a process has a capability in its effective set. */
export function hasCapability(status: ProcessStatus, capability: Capability): boolean {
  const mask = status.effectiveCapabilities;
  return /^[0-9a-f]+$/i.test(mask) && ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n;
}

/** Collects what decides about access to `pid`; a process that is gone looks like one that nothing may be done to. */
export function probeAccess(pid: number): AccessContext {
  const own = parseStatus(readOptionalFile("/proc/self/status") ?? "");
  const target = parseStatus(readOptionalFile(`/proc/${pid}/status`) ?? "");
  const yama = Number.parseInt(readOptionalFile("/proc/sys/kernel/yama/ptrace_scope") ?? "", 10);
  const tracer = target.tracerPid === 0 ? undefined : readOptionalFile(`/proc/${target.tracerPid}/comm`);
  return {
    pid,
    own,
    target,
    tracerName: tracer?.trimEnd(),
    dumpable: ownerOf(pid) === target.effectiveUid,
    sameUserNamespace: sameNamespace(pid, "user"),
    yamaScope: Number.isNaN(yama) ? undefined : yama,
    container: findContainer(),
    probes: probe(pid),
  };
}

function ownerOf(pid: number): number | undefined {
  // The kernel gives the files of an undumpable process to root, the folder itself never (fs/proc/base.c, task_dump_owner).
  return statSync(`/proc/${pid}/maps`, { throwIfNoEntry: false })?.uid;
}

function sameNamespace(pid: number, kind: "user"): boolean | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`);
  } catch {
    return undefined;
  }
}

/** Names of container managers by the marks that they leave; none of them is reliable, all are hints. */
function findContainer(): string | undefined {
  if (existsSync("/.dockerenv")) return "Docker";
  if (existsSync("/run/.containerenv")) return "Podman";
  const cgroup = readOptionalFile("/proc/self/cgroup") ?? "";
  const marks: readonly (readonly [RegExp, string])[] = [
    [/kubepods/, "Kubernetes"],
    [/docker/, "Docker"],
    [/libpod/, "Podman"],
    [/lxc/, "LXC"],
    [/containerd|crio/, "a container"],
  ];
  return marks.find(([mark]) => mark.test(cgroup))?.[1];
}

function probe(pid: number): AccessProbes {
  const native = loadNative();
  const pagemap = canOpen(`/proc/${pid}/pagemap`);
  return {
    maps: readMaps(pid).ok,
    pagemap,
    memory: canOpen(`/proc/${pid}/mem`),
    frameNumbers: pagemap ? showsFrameNumbers(pid) : undefined,
    signal: maySignal(pid),
    native: native !== undefined,
    ptraceCall: native && isPtraceAllowed(native),
    vmReadCall: native && isVmReadAllowed(native),
    pageScan: pagemap ? hasPageScan(pid, native) : undefined,
  };
}

function canOpen(path: string): boolean {
  try {
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  }
}

function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Pages that are looked at from the top of the stack mapping down; the topmost hold the environment and are present. */
const PROBED_PAGES = 32;
const ENTRY_BYTES = 8;
/** Bits 0–54 of an entry: the frame number, 0 for those who may not know it. */
const FRAME_MASK = (1n << 55n) - 1n;
const PRESENT = 1n << 63n;

function showsFrameNumbers(pid: number): boolean | undefined {
  const maps = readMaps(pid);
  const stack = maps.ok ? maps.value.find((mapping) => mapping.path === "[stack]") : undefined;
  if (stack === undefined) return undefined;
  const pages = Math.min(PROBED_PAGES, (stack.end - stack.start) / PAGE_BYTES);
  const entries = new BigUint64Array(pages);
  try {
    const descriptor = openSync(`/proc/${pid}/pagemap`, "r");
    try {
      readSync(descriptor, entries, 0, pages * ENTRY_BYTES, (stack.end / PAGE_BYTES - pages) * ENTRY_BYTES);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return errorCode(error) === "EPERM" ? false : undefined;
  }
  const present = entries.filter((entry) => (entry & PRESENT) !== 0n);
  return present.length === 0 ? undefined : present.some((entry) => (entry & FRAME_MASK) !== 0n);
}

/** Asks to interrupt ourselves, whom we do not trace: ESRCH says that the call itself went through. */
function isPtraceAllowed(native: NativeCalls): boolean {
  return native.ptraceInterrupt(process.pid) === -Errno.ESRCH;
}

/** Copies one word from ourselves to ourselves. */
function isVmReadAllowed(native: NativeCalls): boolean {
  const [from, to] = [new Uint8Array(64), new Uint8Array(64)];
  const [local, remote] = [new IoVectors(1), new IoVectors(1)];
  local.set(0, native.addressOf(to), to.length);
  remote.set(0, native.addressOf(from), from.length);
  return native.processVmReadv(process.pid, local, 1, remote, 1) === from.length;
}

function hasPageScan(pid: number, native: NativeCalls | undefined): boolean | undefined {
  if (native === undefined) return undefined;
  const scanner = ResidencyScanner.open(pid, native);
  if (!scanner.ok) return undefined;
  try {
    return scanner.value.knowsZeroPages;
  } finally {
    scanner.value.close();
  }
}
