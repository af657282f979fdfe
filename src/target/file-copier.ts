import { closeSync, openSync, readSync } from "node:fs";
import { PAGE_BYTES, roundDown } from "../base/units.ts";
import type { CopyOutcome, ImageCopier } from "./image-copier.ts";
import type { AddressRange, MemoryImage } from "./memory-image.ts";
import { monotonicMilliseconds } from "./pause/sleep.ts";
import { errorCode } from "./proc/proc-file.ts";

/** Reads of /proc/PID/mem: the kernel copies every page twice, so about half as fast; needs nothing but Node. */
export class FileCopier implements ImageCopier {
  readonly reader = "proc-mem";

  constructor(private readonly pid: number) {}

  populate(image: MemoryImage, ranges: readonly AddressRange[]): boolean {
    touchPages(image, ranges);
    return true;
  }

  copy(image: MemoryImage, ranges: readonly AddressRange[], deadline: number, meanwhile: () => void): CopyOutcome {
    meanwhile();
    return withMemoryFile(this.pid, (file) => {
      const outcome = {
        bytesCopied: 0,
        unreadPages: 0,
        firstUnread: undefined as number | undefined,
        inTime: true,
        gone: false,
      };
      for (const { start, end } of ranges) {
        image.forEachSpan(start, end, (address, word, byteOffset, length) => {
          outcome.inTime &&= monotonicMilliseconds() <= deadline;
          if (outcome.inTime)
            readSpan(file, image.memory.bytes(word, byteOffset + length).subarray(byteOffset), address, outcome);
        });
      }
      return outcome;
    });
  }

  close(): void {}
}

/** Reads one span, page by page where it cannot be read at once, and adds to the outcome. */
function readSpan(file: number | undefined, target: Uint8Array, address: number, outcome: Mutable<CopyOutcome>): void {
  let done = readFully(file, target, address);
  outcome.bytesCopied += done;
  for (; done < target.length; done = nextPage(done)) {
    const piece = target.subarray(done, Math.min(target.length, nextPage(done)));
    const got = readFully(file, piece, address + done);
    outcome.bytesCopied += got;
    if (got === piece.length) continue;
    outcome.unreadPages++;
    outcome.firstUnread ??= address + done;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Calls `use` with /proc/PID/mem, or with undefined where the kernel refuses it. Opened for each copy: an open file stays with the
 * memory of the program that it was opened on, even after exec.
 */
export function withMemoryFile<T>(pid: number, use: (file: number | undefined) => T): T {
  let file: number | undefined;
  try {
    file = openSync(`/proc/${pid}/mem`, "r");
  } catch {
    // Then process_vm_readv has had the last word.
  }
  try {
    return use(file);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Offset of the page after the one at `offset`; pieces of the image begin at page borders. */
export function nextPage(offset: number): number {
  return roundDown(offset, PAGE_BYTES) + PAGE_BYTES;
}

/** Reads until `target` is full or the file refuses; returns the bytes read. */
export function readFully(file: number | undefined, target: Uint8Array, address: number): number {
  let done = 0;
  while (file !== undefined && done < target.length) {
    try {
      const got = readSync(file, target, done, target.length - done, address + done);
      if (got === 0) break;
      done += got;
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      break;
    }
  }
  return done;
}

/** Writes one byte into each page of the image that `ranges` will fill. */
export function touchPages(image: MemoryImage, ranges: readonly AddressRange[]): void {
  for (const { start, end } of ranges) {
    image.forEachSpan(start, end, (_, word, byteOffset, length) => {
      const bytes = image.memory.bytes(word, byteOffset + length);
      for (let at = byteOffset; at < bytes.length; at += PAGE_BYTES) bytes[at] = 0;
    });
  }
}
