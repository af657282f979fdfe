import { randomFillSync } from "node:crypto";
import { releaseMemory } from "../../../target/image-memory.ts";
import type { LinearMemory } from "../../../target/linear-memory.ts";
import type { KernelSet } from "../kernels/kernel-set.ts";
import * as P from "../kernels/parameters.ts";

/** Pointers of native memory that are told apart; real programs have some ten thousand. */
const MOST_NATIVE_POINTERS = 2 ** 20;

/** What native code points at: evidence of who holds an object that no object refers to. */
export interface NativePointers {
  /** Places of objects. */
  readonly target: Uint32Array;
  /** Library whose data or memory points there, −1 for the Python runtime. */
  readonly library: Int32Array;
}

/** Every str and bytes object by ascending place. */
export interface DecodedContents {
  readonly length: number;
  readonly place: Uint32Array;
  /** Characters of a str, bytes of a bytes. */
  readonly size: Uint32Array;
  readonly hashLow: Uint32Array;
  readonly hashHigh: Uint32Array;
}

/** Share of the free linear memory that the window of references takes, and that of contents; address space until it is written. */
const REFERENCES_SHARE = 0.6;
const CONTENTS_SHARE = 0.3;
/** Words of a window where memory is several buffers, which no window may cross. */
const WINDOW_WORDS = 2 ** 24;
/** Room for some pieces (`PIECE_ENTRIES`), which are written without looking. */
const LEAST_WINDOW_WORDS = 2 ** 16;

/** Where the kernels write a stream, and what was moved out of it to empty it. */
class StreamWindow {
  private readonly chunks: Int32Array[] = [];
  private taken = 0;

  constructor(
    private readonly memory: LinearMemory,
    readonly word: number,
    readonly words: number,
  ) {}

  /** Moves the first `words` words out; the window is empty then. */
  empty(words: number): void {
    this.chunks.push(this.memory.int32(this.word, words).slice());
    this.taken += words;
  }

  /** Words that were moved out. */
  get movedWords(): number {
    return this.taken;
  }

  /** Everything that was written, `last` words of which are still in the window. Whole entries each. */
  takeAll(last: number): Int32Array[] {
    const chunks = this.chunks.splice(0);
    if (last > 0) chunks.push(this.memory.int32(this.word, last));
    return chunks;
  }
}

/** Who refers to whom, as the kernels wrote it down. */
export interface DecodedGraph {
  /** Records as `kernels/references.ts` has them, in the order of decoding; whoever reads them takes them out. */
  readonly references: Int32Array[];
  /** Puts the contents in order, in new columns; called once, best when the image has made room for them. */
  readonly takeContents: () => DecodedContents;
  readonly nativePointers: NativePointers;
  /** True when there were more references or contents than there was room for. */
  readonly partial: boolean;
  /** Gives the memory of the records back once they are read. */
  readonly releaseWindow: () => void;
}

/**
 * Takes what the kernels write down when references are asked for (see `kernels/references.ts` and `kernels/contents.ts`).
 * The windows are made last, because they take most of what linear memory is left.
 */
export class GraphStreams {
  readonly references: StreamWindow;
  readonly contents: StreamWindow;
  /** Under which contents are hashed; never leaves this process. */
  readonly key: Int32Array;
  private nativeFrom = 0;
  private nativeTo = 0;
  private dropped = 0;

  /**
   * @param mostBytes what streams may come to: garbage that looks like tables could have no end
   * @param key four words; a random one by default
   */
  constructor(
    private readonly memory: LinearMemory,
    private readonly mostBytes: number,
    key?: Int32Array,
  ) {
    const free = memory.freeWords;
    const window = (share: number) => {
      const most = Math.min(memory.flat ? Math.floor(free * share) : WINDOW_WORDS, Math.floor(mostBytes / 4));
      const words = Math.max(LEAST_WINDOW_WORDS, most - (most % P.CONTENT_WORDS));
      return new StreamWindow(memory, memory.allocate(words), words);
    };
    this.references = window(REFERENCES_SHARE);
    this.contents = window(CONTENTS_SHARE);
    this.key = key ?? randomFillSync(new Int32Array(4));
  }

  /** A window is full, say the kernels. */
  readonly take = (stream: number, words: number): void => {
    const ofContents = stream === P.STREAM_CONTENTS;
    const window = ofContents ? this.contents : this.references;
    if ((window.movedWords + words) * 4 <= this.mostBytes) window.empty(words);
    else this.dropped += Math.ceil(words / (ofContents ? P.CONTENT_WORDS : 2));
  };

  /** What comes from now on is what native memory points at. */
  beginNative(kernels: KernelSet): void {
    this.nativeFrom = this.references.movedWords + kernels.referenceWords();
  }

  /** What comes from now on is of objects again. */
  endNative(kernels: KernelSet): void {
    this.nativeTo = this.references.movedWords + kernels.referenceWords();
  }

  /** References and contents that were too many. */
  get droppedEntries(): number {
    return this.dropped;
  }

  /** Once nothing more comes. The records of objects may still lie in the window. */
  finish(kernels: KernelSet): DecodedGraph {
    const records = this.references.takeAll(kernels.referenceWords());
    const contents = this.contents.takeAll(kernels.contentWords());
    return {
      references: [...cut(records, 0, this.nativeFrom), ...cut(records, this.nativeTo, Number.POSITIVE_INFINITY)],
      takeContents: () => {
        const ordered = orderContents(contents);
        releaseMemory(this.memory, this.contents.word, this.contents.words);
        return ordered;
      },
      nativePointers: collectPointers(cut(records, this.nativeFrom, this.nativeTo)),
      partial: this.dropped > 0,
      releaseWindow: () => releaseMemory(this.memory, this.references.word, this.references.words),
    };
  }
}

/** Words [from, to) of what chunks hold together. */
function cut(chunks: readonly Int32Array[], from: number, to: number): Int32Array[] {
  let start = 0;
  const parts = chunks.map((chunk) => {
    const part = chunk.subarray(Math.max(0, from - start), Math.max(0, to - start));
    start += chunk.length;
    return part;
  });
  return parts.filter(({ length }) => length > 0);
}

/** Entries [at, end) of a chunk, by ascending place. */
interface Run {
  readonly chunk: Int32Array;
  at: number;
  readonly end: number;
}

/** Each pass over places writes down ascending ones: a few runs, which are merged. O(entries + changes of run · runs). */
function orderContents(chunks: readonly Int32Array[]): DecodedContents {
  const runs = chunks.flatMap(runsOf);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0) / P.CONTENT_WORDS;
  const columns = {
    place: new Uint32Array(length),
    size: new Uint32Array(length),
    hashLow: new Uint32Array(length),
    hashHigh: new Uint32Array(length),
  };
  let row = 0;
  for (let left = runs; left.length > 0; left = left.filter(({ at, end }) => at < end)) {
    const [least, limit] = leastRun(left);
    row = appendBelow(least, limit, columns, row);
  }
  return { length, ...columns };
}

function runsOf(chunk: Int32Array): Run[] {
  const runs: Run[] = [];
  let start = 0;
  for (let at = P.CONTENT_WORDS; at <= chunk.length; at += P.CONTENT_WORDS) {
    if (at < chunk.length && chunk[at] > chunk[at - P.CONTENT_WORDS]) continue;
    runs.push({ chunk, at: start, end: at });
    start = at;
  }
  return runs;
}

/** The run whose next place is least, and the next place of the one behind it. */
function leastRun(runs: readonly Run[]): readonly [run: Run, limit: number] {
  let least = runs[0];
  let limit = Number.POSITIVE_INFINITY;
  for (const run of runs) {
    const place = run.chunk[run.at];
    if (run === least) continue;
    if (place < least.chunk[least.at]) {
      limit = least.chunk[least.at];
      least = run;
    } else limit = Math.min(limit, place);
  }
  return [least, limit];
}

/** Moves the entries of a run whose place is at most `limit` into columns from `row` on; returns the next row. */
function appendBelow(run: Run, limit: number, columns: Omit<DecodedContents, "length">, row: number): number {
  const { place, size, hashLow, hashHigh } = columns;
  const { chunk, end } = run;
  let { at } = run;
  let next = row;
  for (; at < end && chunk[at] <= limit; at += P.CONTENT_WORDS, next++) {
    place[next] = chunk[at];
    size[next] = chunk[at + 1];
    hashLow[next] = chunk[at + 2];
    hashHigh[next] = chunk[at + 3];
  }
  run.at = at;
  return next;
}

/** Each pair of target and library once, by ascending target. */
function collectPointers(chunks: readonly Int32Array[]): NativePointers {
  const pairs = new Set<number>();
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      // 0 is the runtime, library n is n + 1.
      const owner = P.FROM_RUNTIME - chunk[at];
      const end = at + 2 + 2 * (chunk[at + 1] & (2 ** P.UNCOUNTED_SHIFT - 1));
      for (at += 2; at < end; at += 2) if (pairs.size < MOST_NATIVE_POINTERS) pairs.add(chunk[at] * MOST_LIBRARIES + owner);
    }
  }
  const sorted = Float64Array.from(pairs).sort();
  return {
    target: Uint32Array.from(sorted, (pair) => Math.floor(pair / MOST_LIBRARIES)),
    library: Int32Array.from(sorted, (pair) => (pair % MOST_LIBRARIES) - 1),
  };
}

/** More libraries than a process can have: a mapping each, of which the kernel gives 65,530. */
const MOST_LIBRARIES = 2 ** 17;
