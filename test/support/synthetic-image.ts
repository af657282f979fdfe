import { PageSet } from "../../src/base/page-set.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { LinearMemory } from "../../src/target/linear-memory.ts";
import { MemoryImage } from "../../src/target/memory-image.ts";
import { parseMaps } from "../../src/target/proc/maps.ts";
import { type KernelThread, PageState, type ProcessImage } from "../../src/target/process-image.ts";

/** Pages in one state. */
export interface SyntheticRun {
  readonly start: number;
  readonly end: number;
  readonly state: number;
}

export interface SyntheticProcess {
  /** As in /proc/PID/maps. */
  readonly maps: string;
  readonly threads?: readonly Partial<KernelThread>[];
  /** Ascending. */
  readonly runs?: readonly SyntheticRun[];
  /** 64-bit words by address; their pages are the image. */
  readonly words?: ReadonlyMap<number, number>;
}

/** An image of a process that never was: for states that no process can be brought into on purpose. */
export function syntheticImage({ maps, threads = [], runs = [], words = new Map() }: SyntheticProcess): ProcessImage {
  const resident = new PageSet();
  for (const { start, end, state } of runs) if (state & PageState.counted) resident.addRange(start, end);
  const residentBytes = resident.pages * PAGE_BYTES;
  return {
    pid: 100,
    mappings: parseMaps(maps),
    pages: {
      length: runs.length,
      start: Float64Array.from(runs, (run) => run.start),
      end: Float64Array.from(runs, (run) => run.end),
      state: Uint8Array.from(runs, (run) => run.state),
    },
    resident,
    totals: {
      residentBytes,
      proportionalBytes: residentBytes,
      uniqueBytes: residentBytes,
      privateDirtyBytes: residentBytes,
      swappedBytes: 0,
      anonymousBytes: residentBytes,
      anonymousHugeBytes: 0,
      hugetlbBytes: 0,
      virtualBytes: 0,
      peakResidentBytes: residentBytes,
      pageTableBytes: 0,
      minorFaults: 0,
      majorFaults: 0,
    },
    threads: threads.map((thread) => ({
      tid: 100,
      name: "synthetic",
      stackPointer: undefined,
      instructionPointer: undefined,
      threadPointer: undefined,
      ...thread,
    })),
    image: memoryOf(words),
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

function memoryOf(words: ReadonlyMap<number, number>): MemoryImage {
  const ranges = [...words.keys()].map((address) => ({ start: address, end: address + 8 }));
  const memory = LinearMemory.create(MemoryImage.bytesNeeded(ranges), false);
  const image = MemoryImage.layOut(memory, ranges);
  for (const [address, value] of words) {
    const word = image.wordOf(address);
    memory.store(word, (value % 2 ** 32) | 0);
    memory.store(word + 1, Math.floor(value / 2 ** 32) | 0);
  }
  return image;
}
