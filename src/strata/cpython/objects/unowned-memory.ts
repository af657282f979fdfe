/**
 * Memory in use that no object, runtime or library claims by a pointer to its beginning.
 *
 * First it is given to those whose memory points anywhere into it. What is left is told apart by who else does: a thread, other
 * memory of the process, only memory of its own sort, or nobody. Every step follows what it took.
 */
import { MIB, PAGE_BYTES } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import type { KernelSet } from "../kernels/kernel-set.ts";
import * as P from "../kernels/parameters.ts";
import type { KernelTables } from "./kernel-tables.ts";
import { forLibraries, forWords, type LibraryData, type NativeSurroundings, type Surrounding } from "./native-memory.ts";

/** Groups that are kept, those with most bytes; the columns have all of it. */
const MOST_GROUPS = 256;
const MOST_SAMPLES = 8;
/** 64-bit words of a sample that its pattern tells. */
const PATTERN_WORDS = 8;

/** Chunks of one size that are unowned in the same way. */
export interface DecodedUnowned {
  /** `UNOWNED_…` */
  readonly kind: number;
  /** Row of the thread, or the guessed library; −1 for none. */
  readonly owner: number;
  /** That malloc handed out, of each. */
  readonly bytes: number;
  readonly chunks: number;
  readonly samples: readonly { readonly address: number; readonly pattern: string }[];
}

/** Letters of a pattern, by what a word is. */
const LETTERS: Readonly<Record<Surrounding, string>> = {
  memory: "m",
  stack: "s",
  code: "c",
  constants: "r",
  data: "d",
  none: ".",
};

/** Tells what is left without an owner: in the descriptors of its places, and as groups of what lies in chunks. */
export function accountUnowned(
  image: MemoryImage,
  kernels: KernelSet,
  tables: KernelTables,
  libraryData: readonly LibraryData[],
  surroundings: NativeSurroundings,
): DecodedUnowned[] {
  const pages = image.memory.allocate(Math.ceil((image.slotCount * MIB) / PAGE_BYTES / 32));
  const inChunks = kernels.findUnowned(pages);
  if (inChunks + kernels.findUnownedBlocks(0, tables.pools) === 0) return [];
  takePointed(image, kernels, tables, libraryData, surroundings);
  kernels.findLeaked(tables.pools);
  return groupChunks(image, kernels, tables, surroundings);
}

function takePointed(
  image: MemoryImage,
  kernels: KernelSet,
  tables: KernelTables,
  libraryData: readonly LibraryData[],
  { threads, elsewhere }: NativeSurroundings,
): void {
  kernels.takeNoted();
  let unfollowed = kernels.takeFromOwned(tables.pools);
  forLibraries(image, libraryData, (word, words, state, library) => {
    unfollowed = kernels.takePointed(word, words, state, library, 0);
  });
  // Owners first: what they have been given and there was no room to follow.
  while (unfollowed > 0) unfollowed = kernels.takeFromOwned(tables.pools);
  for (const { start, end, thread } of threads) {
    forWords(image, start, end, (word, words) => {
      unfollowed = kernels.takePointed(word, words, P.STATE_RAW, thread, P.UNOWNED_THREAD);
    });
  }
  for (const { start, end } of elsewhere) {
    forWords(image, start, end, (word, words) => {
      unfollowed = kernels.takePointed(word, words, P.STATE_RAW, 0, P.UNOWNED_ELSEWHERE);
    });
  }
  while (unfollowed > 0) unfollowed = kernels.takeFromOwned(tables.pools);
}

/** One group in the making. */
interface Group {
  readonly kind: number;
  readonly owner: number;
  readonly words: number;
  chunks: number;
  readonly places: number[];
}

function groupChunks(
  image: MemoryImage,
  kernels: KernelSet,
  tables: KernelTables,
  surroundings: NativeSurroundings,
): DecodedUnowned[] {
  const { memory } = image;
  const groups = new Map<number, Group>();
  let group: Group | undefined;
  for (let chunk = 0; chunk < tables.chunkPlaces; chunk++) {
    const place = tables.poolPlaces + chunk;
    const about = memory.load(tables.descriptor + place);
    if (((about >>> P.STATE_SHIFT) & 7) !== P.STATE_RAW) continue;
    const start = memory.load(tables.chunkStarts + chunk);
    if (start === 0) continue;
    let kind = about & P.TYPE_MASK;
    let owner = kind === P.UNOWNED_THREAD ? memory.load(tables.link + place) : -1;
    if (kind === P.UNOWNED_CHAINED) {
      owner = libraryOfClass(image, start, surroundings);
      if (owner >= 0) {
        kind = P.UNOWNED_GUESSED;
        memory.store(tables.descriptor + place, (about & ~P.TYPE_MASK) | kind);
        memory.store(tables.link + place, owner);
      }
    }
    const words = memory.load(tables.chunkWords + chunk) >>> 0;
    // Neighbours are mostly alike.
    if (group?.words !== words || group.kind !== kind || group.owner !== owner) {
      const key = (words * 8 + kind) * 65536 + (owner & 0xffff);
      group = groups.get(key) ?? { kind, owner, words, chunks: 0, places: [] };
      groups.set(key, group);
    }
    group.chunks++;
    if (group.places.length < MOST_SAMPLES) group.places.push(chunk);
  }
  const largest = [...groups.values()].sort((a, b) => b.words * b.chunks - a.words * a.chunks).slice(0, MOST_GROUPS);
  return largest.map(({ kind, owner, words, chunks, places }) => {
    const samples = places.map((chunk) => {
      const word = memory.load(tables.chunkStarts + chunk) >>> 0;
      return { address: image.addressOf(word), pattern: patternAt(image, kernels, word, words, surroundings) };
    });
    return { kind, owner, bytes: words * 4, chunks, samples };
  });
}

/** Address in the two words at `word`, 0 where there can be none. */
function addressIn(image: MemoryImage, word: number): number {
  const high = image.memory.load(word + 1);
  return high >>> 15 === 0 ? high * 2 ** 32 + (image.memory.load(word) >>> 0) : 0;
}

/**
 * Library of the C++ class that memory seems to be an object of, −1 where it does not: its first word points at constants whose first
 * word points at code, as a table of virtual functions does (Itanium C++ ABI §2.5).
 */
function libraryOfClass(image: MemoryImage, start: number, { kindOf, libraryOf }: NativeSurroundings): number {
  const table = addressIn(image, start >>> 0);
  if (table === 0 || table % 8 !== 0 || kindOf(table) !== "constants" || !image.has(table)) return -1;
  return kindOf(addressIn(image, image.wordOf(table))) === "code" ? libraryOf(table) : -1;
}

/** What each of the first words is; no values. */
function patternAt(
  image: MemoryImage,
  kernels: KernelSet,
  word: number,
  words: number,
  { kindOf }: NativeSurroundings,
): string {
  let pattern = "";
  for (let at = 0; at + 1 < words && at < PATTERN_WORDS * 2; at += 2) {
    const address = addressIn(image, word + at);
    const zero = address === 0 && (image.memory.load(word + at) | image.memory.load(word + at + 1)) === 0;
    const isObject = address % 8 === 0 && image.has(address) && kernels.objectPlace(image.wordOf(address) | 0) >= 0;
    pattern += zero ? "0" : isObject ? "o" : LETTERS[kindOf(address)];
  }
  return pattern;
}
