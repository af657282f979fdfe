import { PAGE_BYTES, roundDown } from "../base/units.ts";
import { CopyCrew } from "./copy-helper.ts";
import {
  type CopyPlan,
  HostAddresses,
  planCopy,
  planPopulation,
  vectorAddress,
  vectorBytes,
  WORDS_PER_VECTOR,
} from "./copy-plan.ts";
import { nextPage, readFully, touchPages, withMemoryFile } from "./file-copier.ts";
import type { CopyOutcome, ImageCopier } from "./image-copier.ts";
import type { AddressRange, MemoryImage } from "./memory-image.ts";
import { Errno, IoVectors, MemoryAdvice, type NativeCalls } from "./native.ts";
import { monotonicMilliseconds } from "./pause/sleep.ts";

/** How long the second thread may take for its last batch once the deadline has passed. */
const LAST_BATCH_MILLISECONDS = 2000;

/** process_vm_readv, in batches, by two threads: about 170 ms for each GB and thread. */
export class VectorCopier implements ImageCopier {
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
    if (plan.results.includes(-Errno.EINVAL)) touchPages(image, ranges); // Linux before 5.14
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
    return late ? lateOutcome() : this.repair(image, plan, deadline);
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
    const local = new IoVectors(count, plan.local.subarray(first * WORDS_PER_VECTOR));
    const remote = new IoVectors(count, plan.remote.subarray(first * WORDS_PER_VECTOR));
    return this.native.processVmReadv(this.pid, local, count, remote, count);
  }

  /** Batches that came up short are read again page by page: one page that cannot be read must not cost its neighbours. */
  private repair(image: MemoryImage, plan: CopyPlan, deadline: number): CopyOutcome {
    const outcome = { bytesCopied: 0, unreadPages: 0, firstUnread: undefined as number | undefined, inTime: true, gone: false };
    for (let batch = 0; batch < plan.batches; batch++) {
      const result = plan.results[batch];
      if (result === -Errno.ESRCH) return { ...outcome, gone: true };
      let done = Math.max(0, result);
      outcome.bytesCopied += done;
      for (let vector = plan.starts[batch]; vector < plan.starts[batch + 1]; vector++) {
        const bytes = vectorBytes(plan.local, vector);
        for (let offset = Math.min(done, bytes); offset < bytes; offset = nextPage(offset)) {
          if (monotonicMilliseconds() > deadline) return lateOutcome();
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

function lateOutcome(): CopyOutcome {
  return { bytesCopied: 0, unreadPages: 0, firstUnread: undefined, inTime: false, gone: false };
}
