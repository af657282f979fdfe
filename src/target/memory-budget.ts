import { readOwnHeadroomBytes } from "./proc/cgroup.ts";
import { readAvailableBytes } from "./proc/meminfo.ts";

/** Share of the available memory that a capture takes without being asked. */
const DEFAULT_SHARE = 0.5;

/** Bytes that this host can give us without harm: MemAvailable, or the headroom of the tightest cgroup that we are in. */
export function availableMemoryBytes(): number {
  return Math.min(readAvailableBytes() ?? Number.POSITIVE_INFINITY, readOwnHeadroomBytes());
}

/** Most bytes of memory that image and tables may take: what the user asked for, else half of what is available. */
export function memoryCeilingBytes(maxMemoryBytes: number | undefined): number {
  return maxMemoryBytes ?? Math.floor(availableMemoryBytes() * DEFAULT_SHARE);
}
