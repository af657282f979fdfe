import { type Result, succeed } from "../base/result.ts";
import { outOfMemoryFailure, predictedFailure, refuse } from "./capture-failures.ts";
import type { CaptureOptions } from "./capture-options.ts";
import { firstBytes, rangesToCopy, totalBytes } from "./copy-ranges.ts";
import type { ImageCopier } from "./image-copier.ts";
import { ImageMemory } from "./image-memory.ts";
import type { Mapping } from "./mapping.ts";
import type { AddressRange } from "./memory-image.ts";
import type { NativeCalls } from "./native.ts";
import { openImageCopier } from "./open-image-copier.ts";
import { monotonicMilliseconds } from "./pause/sleep.ts";
import type { PageRuns } from "./process-image.ts";

/** At this rate a copy fits for sure; only larger images are worth a measurement. */
const SURE_BYTES_PER_MILLISECOND = 500_000;
const SAMPLE_BYTES = 32 * 1024 * 1024;
const SAMPLES = 4;

/** Ranges to copy. Swapped ones only when asked for, and after the totals are read, since reading moves them. */
export interface WantedRanges {
  readonly present: readonly AddressRange[];
  readonly swapped: readonly AddressRange[];
  readonly all: readonly AddressRange[];
}

/** @param readSwapped whether pages in swap are wanted too */
export function chooseRanges(mappings: readonly Mapping[], pages: PageRuns, readSwapped: boolean): WantedRanges {
  const present = rangesToCopy(mappings, pages, "present");
  const swapped = readSwapped ? rangesToCopy(mappings, pages, "swapped") : [];
  return { present, swapped, all: swapped.length > 0 ? [...present, ...swapped] : present };
}

/** Memory that is ready to be copied into. */
export interface ReadyImage {
  readonly memory: ImageMemory;
  readonly copier: ImageCopier;
}

/** What is made ready before a stop, and kept from one attempt to the next. */
export class ImagePreparation {
  private memory: ImageMemory | undefined;
  private copier: ImageCopier | undefined;

  constructor(
    private readonly pid: number,
    private readonly options: CaptureOptions,
    private readonly native: NativeCalls | undefined,
  ) {}

  /**
   * Memory for `ranges`, reading zero, with the pages that will be filled touched.
   * Fails with `limit` when memory or the time that is left cannot suffice.
   * @param leftMilliseconds how long the target may still be stopped
   */
  prepare(ranges: readonly AddressRange[], leftMilliseconds: number): Result<ReadyImage> {
    const memory = this.memoryFor(ranges);
    if (!memory.ok) return memory;
    this.copier ??= openImageCopier(this.pid, this.native, totalBytes(ranges));
    const ready = { memory: memory.value, copier: this.copier };
    if (!touch(ready, ranges)) return refuse(outOfMemoryFailure(totalBytes(ranges)));
    const bytes = totalBytes(ranges);
    // A disk may be slow in ways that no figure here foresees.
    if (!ready.memory.spooled && bytes < leftMilliseconds * SURE_BYTES_PER_MILLISECOND) return succeed(ready);
    const predictedMilliseconds = predictCopy(ready, ranges);
    if (predictedMilliseconds > leftMilliseconds)
      return refuse(predictedFailure(this.pid, bytes, predictedMilliseconds, leftMilliseconds));
    return succeed(ready);
  }

  /** The next preparation begins with new memory: what there is turned out too small. */
  discard(): void {
    this.memory?.close();
    this.memory = undefined;
  }

  close(): void {
    this.copier?.close();
    this.memory?.close();
  }

  private memoryFor(ranges: readonly AddressRange[]): Result<ImageMemory> {
    this.memory?.clear();
    if (this.memory?.fit(ranges)) return succeed(this.memory);
    this.discard();
    const memory = ImageMemory.reserve(ranges, this.options, this.native);
    if (memory.ok) this.memory = memory.value;
    return memory;
  }
}

/** False without memory. */
function touch({ memory, copier }: ReadyImage, ranges: readonly AddressRange[]): boolean {
  memory.noteFilled(ranges);
  return copier.populate(memory.image, ranges);
}

/** Milliseconds that a copy of `ranges` takes at best, by the times of a sample that is copied while the target still runs. */
function predictCopy(ready: ReadyImage, ranges: readonly AddressRange[]): number {
  const sample = firstBytes(ranges, SAMPLE_BYTES);
  // The best of a few, since a stop is refused by it: a busy moment of the host proves nothing.
  let bestMilliseconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < SAMPLES; round++) {
    const began = monotonicMilliseconds();
    ready.copier.copy(ready.memory.image, sample, Number.POSITIVE_INFINITY, () => {});
    bestMilliseconds = Math.min(bestMilliseconds, monotonicMilliseconds() - began);
  }
  // Torn out of a running process: nothing of it may be left where the stop finds no page.
  ready.memory.noteFilled(sample);
  ready.memory.clear();
  touch(ready, ranges);
  return (bestMilliseconds * totalBytes(ranges)) / totalBytes(sample);
}
