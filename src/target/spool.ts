import { closeSync, constants, ftruncateSync, openSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, type Result, succeed } from "../base/result.ts";
import { MIB, PAGE_BYTES, roundDown, roundUp } from "../base/units.ts";
import { HostAddresses } from "./copy-plan.ts";
import { SEGMENT_WORDS } from "./linear-memory.ts";
import type { AddressRange, MemoryImage } from "./memory-image.ts";
import { MapFlags, MemoryProtection, type NativeCalls } from "./native.ts";

/** O_TMPFILE of x86-64 Linux (include/uapi/asm-generic/fcntl.h), which Node does not name. */
const O_TMPFILE = 0o20200000;
/** File systems that live in memory themselves (include/uapi/linux/magic.h): tmpfs, ramfs, hugetlbfs. */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6, 0x958458f6]);
/** Room that is left to others on the disk. */
const SPARE_DISK_BYTES = 256 * MIB;
const ZEROS = new Uint8Array(4 * MIB);

/** An image's slots laid over a nameless file, so that the kernel can take the pages away from us. */
export interface Spool {
  /** Ends at the process's end too: the file has no name. The memory stays mapped. */
  close(): void;
}

/**
 * Lays a file over the slots of `image` and fills the parts that `ranges` will be copied to, so that neither space nor
 * blocks are missing later. `slots` slots are covered, spare ones included.
 * Fails with `limit` when no disk has the room.
 */
export function spoolImage(
  image: MemoryImage,
  slots: number,
  ranges: readonly AddressRange[],
  native: NativeCalls,
): Result<Spool> {
  const lengthBytes = slots * MIB;
  const file = openSpoolFile(lengthBytes);
  if (!file.ok) return file;
  const fd = file.value;
  try {
    // Touching a mapping beyond the end of its file is fatal (SIGBUS), so the file is as long as the slots from the start.
    ftruncateSync(fd, lengthBytes);
    for (const { start, end } of ranges) {
      image.forEachSpan(start, end, (_, word, byteOffset, length) => {
        fill(fd, (word - image.firstSlot) * 4 + byteOffset, length);
      });
    }
  } catch (error) {
    closeSync(fd);
    return fail("limit", `Writing a spool file of ${Math.ceil(lengthBytes / MIB)} MiB failed: ${String(error)}.`, SPOOL_HINT);
  }
  const host = new HostAddresses(image.memory, native);
  for (let word = image.firstSlot, left = lengthBytes; left > 0; ) {
    // A segment is a buffer of its own, so the file is laid over it piece by piece.
    const room = image.memory.flat ? left : Math.min(left, (SEGMENT_WORDS - (word % SEGMENT_WORDS)) * 4);
    const start = roundUp(host.of(word), PAGE_BYTES);
    const end = roundDown(host.of(word) + room, PAGE_BYTES);
    // Where a buffer does not begin at a page, the file does not either: its first page stays memory.
    const offset = roundDown((word - image.firstSlot) * 4, PAGE_BYTES);
    const flags = MapFlags.fixed | MapFlags.shared;
    const mapped = native.mmap(start, end - start, MemoryProtection.read | MemoryProtection.write, flags, fd, offset);
    if (mapped !== start) throw new Error(`cannot map the spool file over the image (${mapped})`);
    word += room / 4;
    left -= room;
  }
  return succeed({ close: () => closeSync(fd) });
}

const SPOOL_HINT = "Set TMPDIR to a folder on a disk with more room, or raise --max-memory.";

/** A nameless file of our own on a disk with room for `bytes`: in $TMPDIR, /var/tmp or the working folder. */
function openSpoolFile(bytes: number): Result<number> {
  for (const folder of [tmpdir(), "/var/tmp", process.cwd()]) {
    try {
      const disk = statfsSync(folder);
      if (MEMORY_FILE_SYSTEMS.has(disk.type >>> 0) || disk.bavail * disk.bsize < bytes + SPARE_DISK_BYTES) continue;
      return succeed(openNameless(folder));
    } catch {
      // Not there or not ours to write: the next one may be.
    }
  }
  return fail("limit", `No folder on a disk has room for a spool file of ${Math.ceil(bytes / MIB)} MiB.`, SPOOL_HINT);
}

function openNameless(folder: string): number {
  try {
    return openSync(folder, constants.O_RDWR | O_TMPFILE, 0o600);
  } catch {
    // Overlay and network file systems may not know O_TMPFILE: a new file of ours whose name goes at once.
    const path = join(folder, `.pystrata-${process.pid}-${process.hrtime.bigint()}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    unlinkSync(path);
    return fd;
  }
}

function fill(fd: number, offset: number, bytes: number): void {
  for (let done = 0; done < bytes; ) done += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, bytes - done), offset + done);
}
