import { readSync } from "node:fs";
import type { MappedFile } from "../../base/mmap.ts";
import { GIB } from "../../base/units.ts";
import { Unreadable } from "./unreadable.ts";

/** The bytes of a file, read or mapped. */
export interface ByteSource {
  readonly length: number;
  /** A buffer of its own for each call; the range lies within the file. */
  bytes(offset: number, length: number): ArrayBuffer;
}

/** read(2) takes less than 2 GiB at once. */
const MOST_READ_BYTES = GIB;

export function readBytes(fd: number, length: number): ByteSource {
  return { length, bytes: (offset, bytes) => readRange(fd, offset, bytes) };
}

export function mappedBytes(mapped: MappedFile, length: number): ByteSource {
  return { length, bytes: (offset, bytes) => (bytes === 0 ? new ArrayBuffer(0) : mapped.view(offset, bytes)) };
}

function readRange(fd: number, offset: number, length: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length);
  for (let done = 0; done < length; ) {
    const piece = new Uint8Array(buffer, done, Math.min(MOST_READ_BYTES, length - done));
    const read = readSync(fd, piece, 0, piece.length, offset + done);
    if (read === 0) throw new Unreadable("became shorter while it was read");
    done += read;
  }
  return buffer;
}
