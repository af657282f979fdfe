import { randomFillSync } from "node:crypto";
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

/**
 * Takes what the kernels write down when references are asked for (see `kernels/references.ts` and `kernels/contents.ts`):
 * copies each full window out of the linear memory, so that nothing has to be reserved there for what may come.
 */
export class GraphStreams {
  /** First words of the windows and of the text that is hashed for the host. */
  readonly referencesWord: number;
  readonly contentsWord: number;
  private readonly textWord: number;
  /** Under which contents are hashed; never leaves this process. */
  readonly key: Int32Array;
  private readonly ofObjects: Uint32Array[] = [];
  private readonly ofNative: Uint32Array[] = [];
  private readonly ofContents: Uint32Array[] = [];
  private native = false;
  private words = 0;
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
    this.referencesWord = memory.allocate(P.WINDOW_WORDS);
    this.contentsWord = memory.allocate(P.WINDOW_WORDS);
    this.textWord = memory.allocate(P.MOST_HASHED_BYTES / 4 + 2);
    this.key = key ?? randomFillSync(new Int32Array(4));
  }

  /** Takes the first `words` words of a stream's window, for the kernels. */
  readonly take = (stream: number, words: number): void => {
    const ofContents = stream === P.STREAM_CONTENTS;
    this.words += words;
    if (this.words * 4 > this.mostBytes) {
      this.dropped += Math.ceil(words / (ofContents ? P.CONTENT_WORDS : 2));
      return;
    }
    const chunk = this.memory.uint32(ofContents ? this.contentsWord : this.referencesWord, words).slice();
    if (ofContents) this.ofContents.push(chunk);
    else (this.native ? this.ofNative : this.ofObjects).push(chunk);
  };

  /** What comes from now on is what native memory points at. */
  beginNative(kernels: KernelSet): void {
    kernels.flushReferences();
    this.native = true;
  }

  /** What comes from now on is of objects again. */
  endNative(kernels: KernelSet): void {
    kernels.flushReferences();
    this.native = false;
  }

  /** Nothing more comes. */
  finish(kernels: KernelSet): void {
    kernels.flushReferences();
    kernels.flushContents();
  }

  /** References and contents that were too many. */
  get droppedEntries(): number {
    return this.dropped;
  }

  /** Records of {place, entries | uncounted << 24}, {target, slot} …; taken out, so that each can go once it is read. */
  takeReferences(): Uint32Array[] {
    return this.ofObjects.splice(0);
  }

  /** Hash of a text, as contents have it. */
  hashText(kernels: KernelSet, text: string): readonly [low: number, high: number] {
    const width = characterBytes(text);
    const bytes = this.memory.bytes(this.textWord, P.MOST_HASHED_BYTES + 8);
    let length = 0;
    for (const character of text) {
      if (length + width > P.MOST_HASHED_BYTES) break;
      const code = character.codePointAt(0) ?? 0;
      for (let byte = 0; byte < width; byte++) bytes[length++] = (code >>> (8 * byte)) & 255;
    }
    kernels.hashBytes(this.textWord | 0, length, width);
    return [kernels.hashLowWord() >>> 0, kernels.hashHighWord() >>> 0];
  }

  /** O(entries), and 4 bytes a place for the time being. */
  contents(places: number): DecodedContents {
    const length = this.ofContents.reduce((sum, chunk) => sum + chunk.length / P.CONTENT_WORDS, 0);
    const row = new Uint32Array(places);
    let count = 0;
    for (const chunk of this.ofContents) for (let at = 0; at < chunk.length; at += P.CONTENT_WORDS) row[chunk[at]] = ++count;
    // The rows of an object's entry are known before entries are read in their order; a place that is decoded twice has one.
    const contents = {
      place: new Uint32Array(length),
      size: new Uint32Array(length),
      hashLow: new Uint32Array(length),
      hashHigh: new Uint32Array(length),
    };
    let next = 0;
    for (let place = 0; place < places; place++) {
      if (row[place] === 0) continue;
      contents.place[next] = place;
      row[place] = next++;
    }
    for (const chunk of this.ofContents.splice(0)) {
      for (let at = 0; at < chunk.length; at += P.CONTENT_WORDS) {
        const to = row[chunk[at]];
        contents.size[to] = chunk[at + 1];
        contents.hashLow[to] = chunk[at + 2];
        contents.hashHigh[to] = chunk[at + 3];
      }
    }
    return { length: next, ...contents };
  }

  /** Each pair of target and library once, by ascending target. */
  nativePointers(): NativePointers {
    const pairs = new Set<number>();
    for (const chunk of this.ofNative.splice(0)) {
      for (let at = 0; at < chunk.length; ) {
        // 0 is the runtime, library n is n + 1.
        const owner = P.FROM_RUNTIME - (chunk[at] | 0);
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
}

/** More libraries than a process can have: a mapping each, of which the kernel gives 65,530. */
const MOST_LIBRARIES = 2 ** 17;

/** Bytes of a character of a text in memory: the fewest that its largest needs (PEP 393). */
function characterBytes(text: string): 1 | 2 | 4 {
  let largest = 0;
  for (const character of text) largest = Math.max(largest, character.codePointAt(0) ?? 0);
  return largest < 0x100 ? 1 : largest < 0x10000 ? 2 : 4;
}
