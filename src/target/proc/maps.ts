import { type Result, succeed } from "../../base/result.ts";
import { USER_SPACE_END } from "../../base/units.ts";
import type { Mapping } from "../mapping.ts";
import { readProcessFile } from "./proc-file.ts";

/**
 * start-end perms offset dev inode, then the path behind blanks (Documentation/filesystems/proc.rst). The path may hold what
 * ends a line elsewhere, such as a carriage return: the kernel escapes newlines only.
 */
const LINE = /^([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/s;

/**
 * The mappings of a maps text in address order. Lines that are not of the documented form, overlap their predecessor (a
 * running process's maps are read in pieces) or lie outside user space ([vsyscall]) are left out.
 */
export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  let lastEnd = 0;
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    if (!match) continue;
    const start = Number.parseInt(match[1], 16);
    const end = Number.parseInt(match[2], 16);
    if (start < lastEnd || end <= start || end > USER_SPACE_END) continue;
    lastEnd = end;
    mappings.push({
      start,
      end,
      permissions: match[3],
      offset: Number.parseInt(match[4], 16),
      device: match[5],
      inode: Number(match[6]),
      path: unescapePath(match[7]),
    });
  }
  return mappings;
}

/** The mappings of a process now; fails as `readProcessFile` does. */
export function readMaps(pid: number): Result<Mapping[]> {
  const text = readProcessFile(pid, "maps");
  return text.ok ? succeed(parseMaps(text.value)) : text;
}

const DELETED = " (deleted)";

/** A mapping's path without the kernel's mark that the file is no longer reachable under it, and whether it had one. */
export function splitDeleted(path: string): { readonly path: string; readonly deleted: boolean } {
  return path.endsWith(DELETED) ? { path: path.slice(0, -DELETED.length), deleted: true } : { path, deleted: false };
}

/** Memory that a driver answers for: reading it can have effects, so it is never read. Matched by the name in maps. */
export function isDeviceMapping(mapping: Mapping): boolean {
  const { path } = mapping;
  if (path.startsWith("/dev/")) return !/^\/dev\/(shm|mqueue|hugepages)\/|^\/dev\/zero( |$)/.test(path);
  return /^(anon_inode:|socket:|\/dmabuf|\/i915|\/dri)/.test(path);
}

/** True for the pages that the kernel shows every process: vdso, vvar and their kin. */
export function isKernelMapping(mapping: Mapping): boolean {
  return /^\[(vvar|vdso|vsyscall|vvar_vclock|uprobes|sigpage)\]$/.test(mapping.path);
}

/** seq_path escapes a newline, and only that, as backslash 012. */
function unescapePath(path: string): string {
  return path.includes("\\") ? path.replaceAll("\\012", "\n") : path;
}
