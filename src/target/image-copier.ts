import { closeSync, openSync, readSync } from "node:fs";
import { PAGE_BYTES, roundDown } from "../base/units.ts";
import { CopyCrew, monotonicMilliseconds } from "./copy-helper.ts";
import { type CopyPlan, HostAddresses, planCopy, planPopulation, vectorAddress, vectorBytes } from "./copy-plan.ts";
import type { AddressRange, MemoryImage } from "./memory-image.ts";
import { Errno, IoVectors, MemoryAdvice, type NativeCalls } from "./native.ts";
import { errorCode } from "./proc/proc-file.ts";

/** How a copy went. */
export interface CopyOutcome {
  readonly bytesCopied: number;
  readonly unreadPages: number;
  readonly firstUnread: number | undefined;
  /** False when the deadline came first; the image is then of no use. */
  readonly inTime: boolean;
  /** The process is gone. */
  readonly gone: boolean;
}

/** How long the second thread may take for its last batch once the deadline has passed. */
const LAST_BATCH_MILLISECONDS = 2000;
const VECTOR_WORDS = 4;

/** Copies pages of a stopped process into an image. */
export interface ImageCopier {
  readonly reader: "process_vm_readv" | "proc-mem";
  /** Touches the pages of the image that `ranges` will fill, so that no page fault of ours lies in the pause; false without memory. */
  populate(image: MemoryImage, ranges: readonly AddressRange[]): boolean;
  /**
   * @param deadline on the clock of `monotonicMilliseconds`
   * @param meanwhile done on this thread, while another one copies where there is one
   */
  copy(image: MemoryImage, ranges: readonly AddressRange[], deadline: number, meanwhile: () => void): CopyOutcome;
  close(): void;
}

/** @param pages what will be copied, roughly: more than 64 MiB are worth a second thread */
export function openImageCopier(pid: number, native: NativeCalls | undefined, bytes: number): ImageCopier {
  return native ? new VectorCopier(pid, native, bytes > SECOND_THREAD_BYTES) : new FileCopier(pid);
}

/** Starting a thread costs about 30 ms of processor time, outside the pause. */
const SECOND_THREAD_BYTES = 64 * 1024 * 1024;

/**
 * Calls `use` with /proc/PID/mem, or with undefined where the kernel refuses it. Opened for each copy: an open file stays with the
 * memory of the program that it was opened on, even after exec.
 */
function withMemoryFile<T>(pid: number, use: (file: number | undefined) => T): T {
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

/** process_vm_readv, in batches, by two threads: about 170 ms for each GB and thread. */
class VectorCopier implements ImageCopier {
  readonly reader = "process_vm_readv";
  private readonly crew: CopyCrew;
  private readonly one = { local: new IoVectors(1), remote: new IoVectors(1) };

  constructor(
    private readonly pid: number,
    private readonly native: NativeCalls,
    twoThreads: boolean,
  ) {
    this.crew = new CopyCrew(twoThreads);
  }

  populate(image: MemoryImage, ranges: readonly AddressRange[]): boolean {
    const plan = planPopulation(image, ranges, new HostAddresses(image.memory, this.native));
    const advice = MemoryAdvice.populateWrite;
    this.crew.begin({ task: "populate", pid: this.pid, advice, deadline: Number.POSITIVE_INFINITY, plan });
    for (let batch = this.crew.take(); batch < plan.batches; batch = this.crew.take()) {
      for (let vector = plan.starts[batch]; vector < plan.starts[batch + 1]; vector++) {
        const result = this.native.madvise(vectorAddress(plan.local, vector), vectorBytes(plan.local, vector), advice);
        if (result < 0) plan.results[batch] = result;
      }
    }
    while (!this.crew.join(LAST_BATCH_MILLISECONDS));
    if (plan.results.includes(-Errno.EINVAL)) touch(image, ranges); // Linux before 5.14
    return !plan.results.includes(-Errno.ENOMEM);
  }

  copy(image: MemoryImage, ranges: readonly AddressRange[], deadline: number, meanwhile: () => void): CopyOutcome {
    const plan = planCopy(image, ranges, new HostAddresses(image.memory, this.native));
    this.crew.begin({ task: "copy", pid: this.pid, advice: 0, deadline, plan });
    try {
      meanwhile();
    } catch (error) {
      this.finish(true);
      throw error;
    }
    let late = false;
    for (let batch = this.crew.take(); batch < plan.batches; batch = this.crew.take()) {
      late = monotonicMilliseconds() > deadline;
      if (late) break;
      plan.results[batch] = this.copyBatch(plan, batch);
    }
    late = !this.finish(late) || late || monotonicMilliseconds() > deadline;
    return late ? lateOutcome() : this.repair(image, plan);
  }

  close(): void {
    this.crew.close();
  }

  private finish(abort: boolean): boolean {
    if (abort) this.crew.abort();
    return this.crew.join(LAST_BATCH_MILLISECONDS);
  }

  private copyBatch(plan: CopyPlan, batch: number): number {
    const first = plan.starts[batch];
    const count = plan.starts[batch + 1] - first;
    const local = { capacity: count, words: plan.local.subarray(first * VECTOR_WORDS), set: unused };
    const remote = { capacity: count, words: plan.remote.subarray(first * VECTOR_WORDS), set: unused };
    return this.native.processVmReadv(this.pid, local, count, remote, count);
  }

  /** Batches that came up short are read again page by page: one page that cannot be read must not cost its neighbours. */
  private repair(image: MemoryImage, plan: CopyPlan): CopyOutcome {
    const outcome = { bytesCopied: 0, unreadPages: 0, firstUnread: undefined as number | undefined, inTime: true, gone: false };
    for (let batch = 0; batch < plan.batches; batch++) {
      const result = plan.results[batch];
      if (result === -Errno.ESRCH) return { ...outcome, gone: true };
      let done = Math.max(0, result);
      outcome.bytesCopied += done;
      for (let vector = plan.starts[batch]; vector < plan.starts[batch + 1]; vector++) {
        const bytes = vectorBytes(plan.local, vector);
        for (let offset = Math.min(done, bytes); offset < bytes; offset = nextPage(offset)) {
          const address = vectorAddress(plan.remote, vector) + offset;
          const length = Math.min(bytes, nextPage(offset)) - offset;
          const local = vectorAddress(plan.local, vector) + offset;
          if (this.copyPiece(local, image, address, length)) outcome.bytesCopied += length;
          else {
            outcome.unreadPages++;
            outcome.firstUnread ??= roundDown(address, PAGE_BYTES);
          }
        }
        done = Math.max(0, done - bytes);
      }
    }
    return outcome;
  }

  private copyPiece(local: number, image: MemoryImage, address: number, bytes: number): boolean {
    this.one.local.set(0, local, bytes);
    this.one.remote.set(0, address, bytes);
    if (this.native.processVmReadv(this.pid, this.one.local, 1, this.one.remote, 1) === bytes) return true;
    return withMemoryFile(
      this.pid,
      (file) => readFully(file, image.memory.bytes(image.wordOf(address), bytes), address) === bytes,
    );
  }
}

/** Reads of /proc/PID/mem: the kernel copies every page twice, so about half as fast; needs nothing but Node. */
class FileCopier implements ImageCopier {
  readonly reader = "proc-mem";

  constructor(private readonly pid: number) {}

  populate(image: MemoryImage, ranges: readonly AddressRange[]): boolean {
    touch(image, ranges);
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

function unused(): void {}

function lateOutcome(): CopyOutcome {
  return { bytesCopied: 0, unreadPages: 0, firstUnread: undefined, inTime: false, gone: false };
}

/** Offset of the page after the one at `offset`; pieces of the image begin at page borders. */
function nextPage(offset: number): number {
  return roundDown(offset, PAGE_BYTES) + PAGE_BYTES;
}

/** Reads until `target` is full or the file refuses; returns the bytes read. */
function readFully(file: number | undefined, target: Uint8Array, address: number): number {
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

/** Writes one byte into each page that will be filled. */
function touch(image: MemoryImage, ranges: readonly AddressRange[]): void {
  for (const { start, end } of ranges) {
    image.forEachSpan(start, end, (_, word, byteOffset, length) => {
      const bytes = image.memory.bytes(word, byteOffset + length);
      for (let at = byteOffset; at < bytes.length; at += PAGE_BYTES) bytes[at] = 0;
    });
  }
}
