import { closeSync, constants, fstatSync, openSync, type Stats } from "node:fs";
import { crc32 } from "node:zlib";
import { mapFile } from "../../base/mmap.ts";
import { fail, type Result, succeed } from "../../base/result.ts";
import type { Snapshot } from "../tables.ts";
import { ColumnReader } from "./column-reader.ts";
import { type ByteSource, mappedBytes, readBytes } from "./file-bytes.ts";
import { checkFooter } from "./footer.ts";
import {
  decodeHeader,
  decodeTrailer,
  FORMAT_VERSION,
  type Footer,
  HEADER_BYTES,
  TRAILER_BYTES,
  type Trailer,
} from "./layout.ts";
import { rebuild } from "./rebuild.ts";
import { SNAPSHOT_SCHEMA } from "./schema.ts";
import { Unreadable } from "./unreadable.ts";
import { upgradeFooter } from "./upgrade.ts";

const WRITABLE_BY_OTHERS = 0o022;
const DAMAGED_HINT = "Copy it again from where it was written, or take a new snapshot.";

/**
 * Opens a snapshot file. A file of our own is mapped: opening costs one look at every byte (its checksum), and memory is the page
 * cache's. Others are read, since a mapped file that someone cuts short would kill us. Every byte that a figure depends on has been
 * checked when this returns.
 *
 * Fails with `no-such-file`, `not-permitted`, or `failed` for a file that is no snapshot, is damaged or is of a newer format.
 */
export function openSnapshotFile(path: string): Result<Snapshot> {
  let fd: number | undefined;
  try {
    // Without O_NONBLOCK a named pipe would hold us.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    return succeed(read(fd, fstatSync(fd)));
  } catch (error) {
    if (error instanceof Unreadable) return fail("failed", `${path} ${error.message}.`, error.hint ?? DAMAGED_HINT);
    return failOpening(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function read(fd: number, stat: Stats): Snapshot {
  if (!stat.isFile()) throw new Unreadable("is no regular file", "A snapshot is made with pystrata snapshot PID -o FILE.");
  const file = readBytes(fd, stat.size);
  const version = readVersion(file);
  const trailer = readTrailer(file);
  const footer = upgradeFooter(readFooter(file, trailer), version);
  const mayMap = footer.form === "mapped" && stat.uid === process.geteuid?.() && (stat.mode & WRITABLE_BY_OTHERS) === 0;
  const mapped = mayMap ? mapFile(fd, stat.size) : undefined;
  const columns = new ColumnReader(footer, mapped ? mappedBytes(mapped, stat.size) : file, trailer.footerOffset);
  return rebuild(SNAPSHOT_SCHEMA, footer.snapshot, columns) as Snapshot;
}

function readVersion(file: ByteSource): number {
  const header = decodeHeader(Buffer.from(file.bytes(0, Math.min(HEADER_BYTES, file.length))));
  switch (header.kind) {
    case "foreign":
      throw new Unreadable("is no snapshot of pystrata", "A snapshot is made with pystrata snapshot PID -o FILE.");
    case "damaged":
      throw new Unreadable("is damaged: its header does not have the checksum that it was written with");
    case "known":
      if (header.version <= FORMAT_VERSION) return header.version;
      throw new Unreadable(
        `has format ${header.version}, and this pystrata reads formats up to ${FORMAT_VERSION}`,
        header.since === undefined ? "Get a newer pystrata." : `Get pystrata ${header.since} or newer.`,
      );
  }
}

function readTrailer(file: ByteSource): Trailer {
  const start = file.length - TRAILER_BYTES;
  const trailer = start < HEADER_BYTES ? undefined : decodeTrailer(Buffer.from(file.bytes(start, TRAILER_BYTES)));
  if (!trailer) throw new Unreadable(`is damaged: it ends after ${file.length} bytes, in the middle`);
  const { footerOffset, footerBytes, fileBytes } = trailer;
  if (fileBytes !== file.length || footerOffset < HEADER_BYTES || footerOffset + footerBytes !== start)
    throw new Unreadable("is damaged: it is not as long as it was written, or its end is another's");
  return trailer;
}

function readFooter(file: ByteSource, { footerOffset, footerBytes, footerCrc32 }: Trailer): Footer {
  const bytes = new Uint8Array(file.bytes(footerOffset, footerBytes));
  if (crc32(bytes) !== footerCrc32)
    throw new Unreadable("is damaged: its footer does not have the checksum that it was written with");
  return checkFooter(bytes);
}

function failOpening(path: string, error: unknown): Result<never> {
  if (error instanceof RangeError)
    return fail("limit", `${path} does not fit into memory: ${error.message}.`, "Open it on a larger machine.");
  if (!(error instanceof Error && "syscall" in error)) throw error;
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
    case "ENOTDIR":
      return fail("no-such-file", `There is no file ${path}.`, "pystrata snapshot PID -o FILE makes one.");
    case "EACCES":
    case "EPERM":
      return fail("not-permitted", `${path} may not be read.`, "Snapshots are readable for the user who took them: use sudo.");
    default:
      return fail("failed", `${path} could not be read: ${error.message}.`, DAMAGED_HINT);
  }
}
