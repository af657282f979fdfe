import { join } from "node:path";
import { readOptionalFile } from "./proc-file.ts";

/** Where a memory controller's files lie for one process. */
export interface MemoryCgroup {
  readonly version: 1 | 2;
  /** Where the hierarchy is mounted; no ancestor above it can be seen. */
  readonly mountPoint: string;
  /** Path below the mount point, beginning with `/`. */
  readonly path: string;
}

/**
 * The memory cgroup of a process, from its cgroup and our mountinfo text; version 2 wins only where version 1 has no memory
 * controller. Undefined without one.
 */
export function findMemoryCgroup(cgroupText: string, mountinfoText: string): MemoryCgroup | undefined {
  const mounts = parseCgroupMounts(mountinfoText);
  for (const version of [1, 2] as const) {
    const path = cgroupPath(cgroupText, version);
    const mount = mounts.find((candidate) => candidate.version === version);
    if (path === undefined || mount === undefined) continue;
    return { version, mountPoint: mount.mountPoint, path: belowRoot(path, mount.root) };
  }
  return undefined;
}

/** Bytes that a process in this cgroup can still take before the limit of it or of an ancestor; Infinity without limits. */
export function cgroupHeadroomBytes(
  cgroup: MemoryCgroup,
  read: (path: string) => string | undefined = readOptionalFile,
): number {
  let headroomBytes = Number.POSITIVE_INFINITY;
  const parts = cgroup.path.split("/").filter(Boolean);
  for (let depth = parts.length; depth >= 0; depth--) {
    const folder = join(cgroup.mountPoint, ...parts.slice(0, depth));
    headroomBytes = Math.min(headroomBytes, folderHeadroomBytes(folder, cgroup.version, read));
  }
  return Math.max(0, headroomBytes);
}

/** The headroom of our own process; Infinity where no cgroup limits it. */
export function readOwnHeadroomBytes(): number {
  const cgroup = findMemoryCgroup(readOptionalFile("/proc/self/cgroup") ?? "", readOptionalFile("/proc/self/mountinfo") ?? "");
  return cgroup ? cgroupHeadroomBytes(cgroup) : Number.POSITIVE_INFINITY;
}

/** Files of the two versions (Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst). */
const FILES = {
  1: { limits: ["memory.limit_in_bytes"], usage: "memory.usage_in_bytes", inactiveFile: "total_inactive_file" },
  2: { limits: ["memory.max", "memory.high"], usage: "memory.current", inactiveFile: "inactive_file" },
} as const;

/** Limit minus use; page cache that is not in active use gives way, as it does in MemAvailable. */
function folderHeadroomBytes(folder: string, version: 1 | 2, read: (path: string) => string | undefined): number {
  const files = FILES[version];
  const limitBytes = Math.min(...files.limits.map((name) => parseLimit(read(join(folder, name)))));
  if (limitBytes === Number.POSITIVE_INFINITY) return limitBytes;
  const usageBytes = Number(read(join(folder, files.usage)) ?? 0);
  const stat = read(join(folder, "memory.stat")) ?? "";
  const cacheBytes = Number(new RegExp(`^${files.inactiveFile} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return limitBytes - Math.max(0, usageBytes - cacheBytes);
}

/** `max`, or version 1's largest page-aligned signed 64-bit number, mean no limit. */
function parseLimit(text: string | undefined): number {
  const bytes = Number.parseInt(text ?? "", 10);
  return Number.isFinite(bytes) && bytes < 2 ** 62 ? bytes : Number.POSITIVE_INFINITY;
}

/** Lines are `id:controllers:path`; version 2 has id 0 and no controllers. */
function cgroupPath(text: string, version: 1 | 2): string | undefined {
  for (const line of text.split("\n")) {
    const match = /^(\d+):([^:]*):(\/.*)$/s.exec(line);
    if (!match) continue;
    const wanted = version === 1 ? match[2].split(",").includes("memory") : match[1] === "0" && match[2] === "";
    if (wanted) return match[3];
  }
  return undefined;
}

interface CgroupMount {
  readonly version: 1 | 2;
  /** The cgroup that is mounted here: not `/` inside many containers. */
  readonly root: string;
  readonly mountPoint: string;
}

/** Lines are `id parent major:minor root mountpoint options [tags] - type source superoptions`. */
function parseCgroupMounts(text: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of text.split("\n")) {
    const [before, after] = line.split(" - ");
    const fields = before.split(" ");
    const [type, , options] = (after ?? "").split(" ");
    if (fields.length < 6) continue;
    const mount = { root: unescapeOctal(fields[3]), mountPoint: unescapeOctal(fields[4]) };
    if (type === "cgroup2") mounts.push({ version: 2, ...mount });
    else if (type === "cgroup" && options?.split(",").includes("memory")) mounts.push({ version: 1, ...mount });
  }
  return mounts;
}

/** The kernel names a cgroup from the hierarchy's root, the mount shows it from the mounted cgroup. */
function belowRoot(path: string, root: string): string {
  if (root === "/") return path;
  if (path === root) return "/";
  return path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
