/** Where a snapshot is written: a new file of our own under a name of its own, put in place when it is whole. */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fail, type Result, succeed } from "../../base/result.ts";
import { decodeHeader, HEADER_BYTES } from "./layout.ts";

const OWNER_ONLY = 0o600;

/**
 * Whether a snapshot may be written to `path`: the name is free, or with `force` it is a snapshot of ours. Never a link, never another
 * user's file, never a file that is no snapshot.
 */
export function checkDestination(path: string, force: boolean): Result<void> {
  const folder = dirname(path);
  if (!existsSync(folder)) return fail("no-such-file", `There is no folder ${folder}.`, "Make it first, or name another.");
  if (!isWritable(folder)) return failFolder(path);
  const present = lstatOf(path);
  if (!present) return succeed(undefined);
  if (present.isSymbolicLink())
    return fail("not-permitted", `${path} is a link, and pystrata writes through none.`, "Name the file itself.");
  if (!present.isFile()) return fail("usage", `${path} is no regular file.`, "Name a new file, such as leak.strata.");
  if (present.uid !== process.geteuid?.())
    return fail("not-permitted", `${path} belongs to another user and is left alone.`, "Name a new file.");
  if (!isSnapshot(path))
    return fail(
      "usage",
      `${path} is there already and is no snapshot.`,
      "Name a new file: not even --force replaces this one.",
    );
  return force ? succeed(undefined) : fail("usage", `${path} is there already.`, "--force replaces it.");
}

/** Reads the beginning only. */
function isSnapshot(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const head = Buffer.alloc(HEADER_BYTES);
    return fstatSync(fd).isFile() && decodeHeader(head.subarray(0, readSync(fd, head))).kind !== "foreign";
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Creates a file beside `path`, has it filled, and gives it its name. Whatever fails, no part of it is left.
 * @param fill gets the descriptor of an empty file that only we can read
 */
export function createFile(path: string, force: boolean, fill: (fd: number) => void): Result<void> {
  const checked = checkDestination(path, force);
  if (!checked.ok) return checked;
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.part`);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const fd = openSync(temporary, flags, OWNER_ONLY);
    try {
      try {
        fill(fd);
      } finally {
        closeSync(fd);
      }
      return putInPlace(temporary, path, force);
    } finally {
      removeIfThere(temporary);
    }
  } catch (error) {
    return failWriting(path, error);
  }
}

/** A name that was free is taken with link(2), which replaces nothing, whoever took it meanwhile. */
function putInPlace(temporary: string, path: string, force: boolean): Result<void> {
  if (!force) {
    try {
      linkSync(temporary, path);
      return succeed(undefined);
    } catch (error) {
      if (codeOf(error) === "EEXIST") return checkDestination(path, false);
      // File systems without links, such as FAT: looking again is the best that there is.
    }
  }
  const checked = checkDestination(path, force);
  if (checked.ok) renameSync(temporary, path);
  return checked;
}

function failWriting(path: string, error: unknown): Result<never> {
  switch (codeOf(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return fail("limit", `The disk is full: ${path} was not written.`, "Make room, name another disk, or use --archive.");
    case "EFBIG":
      return fail("limit", `${path} would be larger than a file may be here.`, "--archive makes it smaller.");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return failFolder(path);
    case undefined:
      throw error;
    default:
      return fail("failed", `${path} could not be written: ${(error as Error).message}.`, "Name another folder.");
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function failFolder(path: string): Result<never> {
  return fail("not-permitted", `In ${dirname(path)} no file may be made.`, "Name a folder of yours.");
}

function lstatOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It has its final name.
  }
}

/** Of an error of the operating system; undefined for any other. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "syscall" in error ? (error as NodeJS.ErrnoException).code : undefined;
}
