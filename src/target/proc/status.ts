import { type Result, succeed } from "../../base/result.ts";
import { parseKilobyteLines, readProcessFile } from "./proc-file.ts";

/** The lines of /proc/PID/status that pystrata uses; absent lines (kernel threads have no Vm lines) read as 0. */
export interface ProcessStatus {
  /** comm as status escapes it; hostile text. */
  readonly name: string;
  /** One letter, as in stat. */
  readonly state: string;
  /** Thread group: differs from the PID when that was a thread's. */
  readonly threadGroup: number;
  readonly parentPid: number;
  /** 0 when nobody traces it. */
  readonly tracerPid: number;
  readonly realUid: number;
  readonly effectiveUid: number;
  readonly realGid: number;
  readonly effectiveGid: number;
  readonly virtualBytes: number;
  /** VmHWM. */
  readonly peakResidentBytes: number;
  /** VmRSS: its per-CPU counters drift, so it serves lists only, never the ledger. */
  readonly approximateResidentBytes: number;
  readonly pageTableBytes: number;
  readonly swappedBytes: number;
  readonly threads: number;
  /** True when the process has memory of its own: kernel threads and zombies have none. */
  readonly hasMemory: boolean;
  /** PIDs in nested PID namespaces, outermost first; empty before Linux 4.1. */
  readonly namespacePids: readonly number[];
  /** Effective capabilities as a hexadecimal mask. */
  readonly effectiveCapabilities: string;
  /** 0 off, 1 strict, 2 filter. */
  readonly seccomp: number;
}

/** Reads a status text; every line is optional. */
export function parseStatus(text: string): ProcessStatus {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    // The first line of a name wins: comm's newlines are escaped, but a later kernel may not repeat that care.
    if (colon > 0 && !fields.has(line.slice(0, colon))) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const bytes = parseKilobyteLines(text);
  const number = (name: string, index = 0): number => Number(fields.get(name)?.split(/\s+/)[index] ?? 0) || 0;
  return {
    name: fields.get("Name") ?? "",
    state: fields.get("State")?.charAt(0) ?? "",
    threadGroup: number("Tgid"),
    parentPid: number("PPid"),
    tracerPid: number("TracerPid"),
    realUid: number("Uid"),
    effectiveUid: number("Uid", 1),
    realGid: number("Gid"),
    effectiveGid: number("Gid", 1),
    virtualBytes: bytes.get("VmSize") ?? 0,
    peakResidentBytes: bytes.get("VmHWM") ?? 0,
    approximateResidentBytes: bytes.get("VmRSS") ?? 0,
    pageTableBytes: bytes.get("VmPTE") ?? 0,
    swappedBytes: bytes.get("VmSwap") ?? 0,
    threads: number("Threads"),
    hasMemory: fields.has("VmSize"),
    namespacePids: (fields.get("NSpid") ?? "").split(/\s+/).filter(Boolean).map(Number),
    effectiveCapabilities: fields.get("CapEff") ?? "0",
    seccomp: number("Seccomp"),
  };
}

export function readStatus(pid: number): Result<ProcessStatus> {
  const text = readProcessFile(pid, "status");
  return text.ok ? succeed(parseStatus(text.value)) : text;
}
