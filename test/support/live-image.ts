import { closeSync, openSync, readSync } from "node:fs";
import { PageSet } from "../../src/base/page-set.ts";
import type { Result } from "../../src/base/result.ts";
import { LinearMemory } from "../../src/target/linear-memory.ts";
import type { Mapping } from "../../src/target/mapping.ts";
import { type AddressRange, MemoryImage } from "../../src/target/memory-image.ts";
import { loadNative, type NativeCalls, Registers, WaitEvent } from "../../src/target/native.ts";
import { sleepMilliseconds } from "../../src/target/pause/sleep.ts";
import { readMaps } from "../../src/target/proc/maps.ts";
import { readOptionalFile } from "../../src/target/proc/proc-file.ts";
import { readSmapsTotals } from "../../src/target/proc/smaps.ts";
import { parseStat } from "../../src/target/proc/stat.ts";
import { listThreads, threadName, threadRegisters } from "../../src/target/proc/tasks.ts";
import { type KernelThread, type PageRuns, PageState, type ProcessImage } from "../../src/target/process-image.ts";
import { ResidencyScanner } from "../../src/target/residency.ts";

/**
 * An image of a test's own process, stopped meanwhile, taken through /proc and without any of the care that a capture takes:
 * enough to test decoders on their own.
 * @param registers false leaves out what only ptrace tells
 */
export function takeLiveImage(pid: number, { registers = true } = {}): ProcessImage {
  process.kill(pid, "SIGSTOP");
  try {
    while (unwrap(listThreads(pid)).some((tid) => !isStopped(pid, tid))) sleepMilliseconds(1);
    return readImage(pid, registers);
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

function isStopped(pid: number, tid: number): boolean {
  const state = parseStat(readOptionalFile(`/proc/${pid}/task/${tid}/stat`) ?? "")?.state;
  if (state === "Z" && tid === pid) throw new Error(`process ${pid} has ended`);
  return state === "T" || state === undefined;
}

function readImage(pid: number, registers: boolean): ProcessImage {
  const native = loadNative();
  const mappings = unwrap(readMaps(pid));
  const scanner = unwrap(ResidencyScanner.open(pid, native));
  const pages = scanner.scan(mappings);
  scanner.close();
  const resident = new PageSet();
  for (let run = 0; run < pages.length; run++) {
    if (pages.state[run] & PageState.counted) resident.addRange(pages.start[run], pages.end[run]);
  }
  const totals = unwrap(readSmapsTotals(pid));
  return {
    pid,
    mappings,
    pages,
    resident,
    totals: { ...totals, virtualBytes: 0, peakResidentBytes: 0, pageTableBytes: 0, minorFaults: 0, majorFaults: 0 },
    threads: unwrap(listThreads(pid)).map((tid) => threadOf(pid, tid, registers ? native : undefined)),
    image: copy(pid, rangesOf(mappings, pages)),
    pause: {
      pausedMilliseconds: 0,
      totalPausedMilliseconds: 0,
      attempts: 1,
      bytesCopied: 0,
      method: "already-stopped",
      reader: "proc-mem",
      unreadPages: 0,
      swappedBytesNotRead: 0,
      spooled: false,
    },
    problems: [],
  };
}

function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.failure.sentence);
  return result.value;
}

/** Present pages of private memory that was written: the loader's relocated pages included. */
function rangesOf(mappings: readonly Mapping[], pages: PageRuns): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (let run = 0; run < pages.length; run++) {
    const [start, end, state] = [pages.start[run], pages.end[run], pages.state[run]];
    const mapping = mappings.find((candidate) => candidate.start <= start && end <= candidate.end);
    const written =
      (state & PageState.counted) !== 0 && (mapping?.permissions[1] === "w" || (state & PageState.fileOrShared) === 0);
    if (mapping?.permissions[3] === "p" && written) ranges.push({ start, end });
  }
  return ranges;
}

function copy(pid: number, ranges: readonly AddressRange[]): MemoryImage {
  const memory = LinearMemory.create(MemoryImage.bytesNeeded(ranges), false);
  const image = MemoryImage.layOut(memory, ranges);
  const descriptor = openSync(`/proc/${pid}/mem`, "r");
  for (const { start, end } of ranges) {
    image.forEachSpan(start, end, (address, word, byteOffset, length) => {
      readSync(descriptor, memory.bytes(word, byteOffset + length), byteOffset, length, address);
    });
  }
  closeSync(descriptor);
  return image;
}

function threadOf(pid: number, tid: number, native: NativeCalls | undefined): KernelThread {
  const kernel = threadRegisters(pid, tid);
  const threadPointer = native === undefined ? undefined : readThreadPointer(native, tid);
  return {
    tid,
    name: threadName(pid, tid),
    stackPointer: kernel?.stackPointer,
    instructionPointer: kernel?.instructionPointer,
    threadPointer,
  };
}

function readThreadPointer(native: NativeCalls, tid: number): number | undefined {
  if (native.ptraceSeize(tid) < 0) return undefined;
  native.ptraceInterrupt(tid);
  const event = new WaitEvent();
  while (native.waitChild(tid, event, true) === 0) sleepMilliseconds(1);
  const registers = new Registers();
  const known = native.ptraceGetRegisters(tid, registers) >= 0;
  native.ptraceDetach(tid, 0);
  return known ? registers.threadPointer : undefined;
}
