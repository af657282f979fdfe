import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from "node:fs";
import type { Mapping } from "./mapping.ts";
import { splitDeleted } from "./proc/maps.ts";

/**
 * Opens the very file that a mapping shows, or undefined when it cannot be had: deleted or replaced since, in another mount
 * namespace, or not a regular file. Device and inode are compared with maps before and after opening, since the path is
 * the target's word only. Not to be called while the target is stopped: a network file system may make us wait.
 */
export function openMappedFile(pid: number, mapping: Mapping): number | undefined {
  const range = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
  // map_files is the file itself, even a deleted one, but takes CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE.
  const paths = [`/proc/${pid}/map_files/${range}`, `/proc/${pid}/root${splitDeleted(mapping.path).path}`];
  for (const path of paths) {
    const fd = openIfSame(path, mapping);
    if (fd !== undefined) return fd;
  }
  return undefined;
}

function openIfSame(path: string, mapping: Mapping): number | undefined {
  try {
    if (!isSameFile(statSync(path), mapping)) return undefined;
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (isSameFile(fstatSync(fd), mapping)) return fd;
    closeSync(fd);
  } catch {
    // Gone or closed to us.
  }
  return undefined;
}

function isSameFile(stat: Stats, mapping: Mapping): boolean {
  return stat.isFile() && stat.ino === mapping.inode && deviceName(stat.dev) === mapping.device;
}

/** `major:minor` as maps prints it; a dev_t keeps 12 bits of the major between 8 and 24 bits of the minor. */
function deviceName(device: number): string {
  const major = Math.floor(device / 256) % 4096;
  const minor = (device % 256) + Math.floor(device / 2 ** 20) * 256;
  const hexadecimal = (value: number): string => value.toString(16).padStart(2, "0");
  return `${hexadecimal(major)}:${hexadecimal(minor)}`;
}
