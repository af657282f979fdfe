import { fail, type Result, succeed } from "../base/result.ts";
import { MIB, PAGE_BYTES, roundDown, roundUp } from "../base/units.ts";
import { addressSpaceFailure, mebibytes, refuse } from "./capture-failures.ts";
import { type CaptureOptions, DEFAULT_TABLES_SHARE } from "./capture-options.ts";
import { HostAddresses } from "./copy-plan.ts";
import { totalBytes } from "./copy-ranges.ts";
import { LinearMemory, MAX_LINEAR_BYTES } from "./linear-memory.ts";
import { memoryCeilingBytes } from "./memory-budget.ts";
import { type AddressRange, MemoryImage } from "./memory-image.ts";
import { loadNative, MemoryAdvice, type NativeCalls } from "./native.ts";
import { type Spool, spoolImage } from "./spool.ts";

/** Slots in reserve for mappings that grow or appear between the plan and the stop. They cost nothing until used. */
const SPARE_SLOTS = 96;
/** Never less than this share of the image in reserve: a busy process of 2 GB grows faster than one of 20 MB. */
const SPARE_SHARE = 1 / 16;

/** The linear memory of a capture and the image in it, from the plan before the stop to the decoder that releases it. */
export class ImageMemory {
  private filled: readonly AddressRange[] = [];

  private constructor(
    /** The present layout. */
    public image: MemoryImage,
    private readonly tablesBytes: number,
    private readonly native: NativeCalls | undefined,
    private readonly spool: Spool | undefined,
  ) {}

  /**
   * Reserves linear memory for `ranges`, for some growth and for the tables that follow, over a spool file where memory
   * does not reach. Fails with `limit`, and figures, where neither does.
   */
  static reserve(
    ranges: readonly AddressRange[],
    options: CaptureOptions,
    native: NativeCalls | undefined,
  ): Result<ImageMemory> {
    const copyBytes = totalBytes(ranges);
    const layoutBytes = MemoryImage.bytesNeeded(ranges);
    const imageBytes = layoutBytes + (SPARE_SLOTS + Math.ceil((layoutBytes / MIB) * SPARE_SHARE)) * MIB;
    const tablesBytes = options.tablesBytes(imageBytes);
    if (imageBytes + tablesBytes > MAX_LINEAR_BYTES) {
      return fail(
        "limit",
        `The process has ${mebibytes(copyBytes)} of private memory; one analysis can hold ${mebibytes(MAX_LINEAR_BYTES)} with its tables.`,
      );
    }
    const ceilingBytes = memoryCeilingBytes(options.maxMemoryBytes);
    const expectedBytes = options.expectedTablesBytes?.(copyBytes) ?? Math.min(tablesBytes, copyBytes * DEFAULT_TABLES_SHARE);
    const spooled = copyBytes + expectedBytes > ceilingBytes;
    if (spooled && (expectedBytes > ceilingBytes || !native))
      return failCeiling(copyBytes, expectedBytes, ceilingBytes, native);

    // Tables that are reserved beyond need are address space only, but some hosts are short of that (ulimit -v, strict overcommit).
    const leastTablesBytes = Math.min(tablesBytes, expectedBytes * 2 + 64 * MIB);
    const memory = grant(imageBytes + tablesBytes, imageBytes + leastTablesBytes, options.webAssembly);
    if (!memory) return refuse(addressSpaceFailure(imageBytes + leastTablesBytes));
    const image = MemoryImage.layOut(memory, ranges);
    if (native) avoidHugePages(memory, native);
    if (!spooled || !native) return succeed(new ImageMemory(image, leastTablesBytes, native, undefined));
    options.progress?.("spooling");
    const slots = Math.floor(imageBytes / MIB) - image.firstSlot / (MIB / 4);
    const spool = spoolImage(image, slots, ranges, native);
    return spool.ok ? succeed(new ImageMemory(image, leastTablesBytes, native, spool.value)) : spool;
  }

  get spooled(): boolean {
    return this.spool !== undefined;
  }

  /** Makes room for exactly `ranges`, keeping the layout where it already fits; false when the memory is too small. */
  fit(ranges: readonly AddressRange[]): boolean {
    if (ranges.every(({ start, end }) => this.hasSlots(start, end))) return true;
    if (MemoryImage.bytesNeeded(ranges) + this.tablesBytes > this.image.memory.words * 4) return false;
    this.image = this.image.layOutAgain(ranges);
    return true;
  }

  /** Notes what has been copied, so that `clear` knows what to undo. */
  noteFilled(ranges: readonly AddressRange[]): void {
    this.filled = ranges;
  }

  /** Makes the image read zero again and gives back its memory. */
  clear(): void {
    const host = this.native && new HostAddresses(this.image.memory, this.native);
    for (const { start, end } of this.filled) {
      if (this.spooled || !this.native || !host) {
        this.image.forEachSpan(start, end, (_, word, byteOffset, length) => {
          this.image.memory
            .bytes(word, byteOffset + length)
            .subarray(byteOffset)
            .fill(0);
        });
      } else discard(this.image, start, end, host, this.native, "outwards");
    }
    this.filled = [];
  }

  /** After the last copy; the image stays usable. */
  close(): void {
    this.spool?.close();
  }

  private hasSlots(start: number, end: number): boolean {
    for (let address = start; address < end; address += MIB - (address % MIB)) {
      if (!this.image.has(address)) return false;
    }
    return true;
  }
}

/**
 * Gives the pages of [start, end) of an image back to the kernel, once they are decoded; they read zero, or what the spool
 * file holds, from then on. Does nothing without native calls.
 */
export function releaseImage(image: MemoryImage, start: number, end: number): void {
  imageReleaser(image)(start, end);
}

/** `releaseImage` for many ranges of one image. */
export function imageReleaser(image: MemoryImage): (start: number, end: number) => void {
  const native = loadNative();
  if (!native) return () => {};
  const host = new HostAddresses(image.memory, native);
  return (start, end) => discard(image, start, end, host, native, "inwards");
}

/** Gives the pages of `words` words of linear memory back to the kernel; they read zero from then on. Nothing without native calls. */
export function releaseMemory(memory: LinearMemory, word: number, words: number): void {
  const native = loadNative();
  if (!native) return;
  const start = new HostAddresses(memory, native).of(word);
  const first = roundUp(start, PAGE_BYTES);
  const last = roundDown(start + words * 4, PAGE_BYTES);
  if (last > first) native.madvise(first, last - first, MemoryAdvice.dontNeed);
}

/** @param rounding `inwards` spares a page that also belongs to a neighbour: a buffer need not begin at a page */
function discard(
  image: MemoryImage,
  start: number,
  end: number,
  host: HostAddresses,
  native: NativeCalls,
  rounding: "inwards" | "outwards",
): void {
  image.forEachSpan(start, end, (_, word, byteOffset, length) => {
    const from = host.of(word) + byteOffset;
    const to = from + length;
    const first = rounding === "inwards" ? roundUp(from, PAGE_BYTES) : roundDown(from, PAGE_BYTES);
    const last = rounding === "inwards" ? roundDown(to, PAGE_BYTES) : roundUp(to, PAGE_BYTES);
    if (last > first) native.madvise(first, last - first, MemoryAdvice.dontNeed);
  });
}

/** As much linear memory as the system grants: all of it if it can be, with WebAssembly if it can be. */
function grant(wantedBytes: number, leastBytes: number, webAssembly: boolean): LinearMemory | undefined {
  for (const bytes of new Set([wantedBytes, leastBytes])) {
    // WebAssembly reserves a guard region of several GiB along, so plain buffers may be granted where it is not.
    for (const wasm of new Set([webAssembly, false])) {
      try {
        return LinearMemory.create(bytes, wasm);
      } catch {
        // The next one is smaller.
      }
    }
  }
  return undefined;
}

/** Huge pages would give a sparse image the size of a dense one, and make touching it wait for compaction. */
function avoidHugePages(memory: LinearMemory, native: NativeCalls): void {
  for (const segment of memory.segments) {
    const start = roundUp(native.addressOf(segment), PAGE_BYTES);
    const end = roundDown(native.addressOf(segment) + segment.byteLength, PAGE_BYTES);
    native.madvise(start, end - start, MemoryAdvice.noHugePage);
  }
}

function failCeiling(
  copyBytes: number,
  tablesBytes: number,
  ceilingBytes: number,
  native: NativeCalls | undefined,
): Result<never> {
  const need = `The image of ${mebibytes(copyBytes)} and ${mebibytes(tablesBytes)} of tables exceed the ceiling of ${mebibytes(ceilingBytes)}`;
  return native
    ? fail("limit", `${need}, and only the image can go to disk.`, "Raise --max-memory, or run where more memory is free.")
    : fail("limit", `${need}; going to disk needs the optional package koffi.`, "Install koffi, or raise --max-memory.");
}
