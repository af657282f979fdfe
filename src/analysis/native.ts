/** Native memory: whom it serves, and what is known of memory that serves nobody known. */
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState, OwnerKind, type Snapshot, UnownedKind, type UnownedSample } from "../snapshot/tables.ts";
import { blockBytesOf } from "./arenas.ts";

export type UnownedName = keyof typeof UnownedKind;
const UNOWNED_NAMES = Object.keys(UnownedKind) as UnownedName[];
/** Samples of all sizes together that are shown of a group. */
const MOST_SAMPLES = 8;

/** Why memory in use counts as unowned. */
export interface UnownedAnswer {
  readonly kind: UnownedName;
  /** Thread from whose stack or data it is reached: its row. */
  readonly thread: number | undefined;
  /** Library of the C++ class that it seems to be an object of: a guess. */
  readonly library: string | undefined;
}

/** Chunks with one owner. */
export interface NativeOwner {
  /** "buffer" is of an object. */
  readonly kind: "buffer" | "runtime" | "library";
  readonly library: string | undefined;
  readonly chunks: number;
  /** Used ones; headers and rounding are left out. */
  readonly bytes: number;
}

/** Memory that is unowned in one way. */
export interface UnownedMemory extends UnownedAnswer {
  readonly chunks: number;
  readonly bytes: number;
  /** Blocks of pymalloc beside the chunks, whole blocks. */
  readonly blocks: number;
  readonly blockBytes: number;
  /** Chunks by size, most bytes first; the largest groups only. */
  readonly sizes: readonly { readonly bytes: number; readonly chunks: number }[];
  readonly samples: readonly (UnownedSample & { readonly bytes: number })[];
}

export interface NativeAccount {
  /** Most bytes first. */
  readonly owners: readonly NativeOwner[];
  /** Most bytes first. */
  readonly unowned: readonly UnownedMemory[];
  /** False while memory was swapped out, skipped or not readable: what seems leaked is only possibly so. */
  readonly complete: boolean;
}

/** What is known of a place in use without an owner; undefined for every other place. */
export function unownedAt(snapshot: Snapshot, place: number): UnownedAnswer | undefined {
  const { objects } = snapshot;
  if (!objects || place < 0 || place >= objects.length) return undefined;
  const about = objects.descriptor[place];
  return descriptorState(about) === ObjectState.raw ? answerOf(snapshot, unownedKind(about), objects.link[place]) : undefined;
}

function unownedKind(descriptor: number): number {
  const kind = descriptorType(descriptor);
  return kind <= UnownedKind.leaked ? kind : UnownedKind.unknown;
}

function answerOf({ libraries, threads }: Snapshot, kind: number, owner: number): UnownedAnswer {
  return {
    kind: UNOWNED_NAMES[kind],
    thread: kind === UnownedKind.thread && owner in threads ? owner : undefined,
    library: kind === UnownedKind.guessed ? libraries[owner] : undefined,
  };
}

/** Sums of one row in the making. */
interface Sums {
  chunks: number;
  bytes: number;
  blocks: number;
  blockBytes: number;
}

/** Rows by a kind below 8 and an owner from -1 on: an index, since chunks come by the million. */
class SumTable {
  private readonly rows: Sums[] = [];

  at(kind: number, owner: number): Sums {
    const index = (owner + 1) * 8 + kind;
    let sums = this.rows[index];
    if (sums === undefined) {
      sums = { chunks: 0, bytes: 0, blocks: 0, blockBytes: 0 };
      this.rows[index] = sums;
    }
    return sums;
  }

  /** Most bytes first. */
  map<T>(make: (kind: number, owner: number, sums: Sums) => T): T[] {
    const indexes = Object.keys(this.rows).map(Number);
    indexes.sort((a, b) => this.rows[b].bytes - this.rows[a].bytes);
    return indexes.map((index) => make(index % 8, Math.floor(index / 8) - 1, this.rows[index]));
  }
}

/** Accounts for chunks that hold no object. O(chunks + places in pools). */
export function accountNative(snapshot: Snapshot): NativeAccount {
  const owners = new SumTable();
  const unowned = new SumTable();
  let place = snapshot.objects?.poolPlaces ?? 0;
  for (const { chunks } of snapshot.malloc) {
    for (let chunk = 0; chunk < chunks.length; chunk++, place++) {
      const ownerKind = chunks.ownerKind[chunk];
      let sums: Sums | undefined;
      if (OWNERS[ownerKind] !== undefined) {
        const isLibrary = ownerKind === OwnerKind.library && chunks.owner[chunk] in snapshot.libraries;
        sums = owners.at(ownerKind, isLibrary ? chunks.owner[chunk] : -1);
      } else if (ownerKind === OwnerKind.none) sums = sumsOfPlace(snapshot, place, unowned);
      if (sums === undefined) continue;
      sums.chunks++;
      sums.bytes += chunks.usedBytes[chunk];
    }
  }
  addUnownedBlocks(snapshot, unowned);
  const { complete, swappedBytesNotRead } = snapshot.capture;
  return {
    owners: owners.map((kind, owner, { chunks, bytes }) => ({
      kind: OWNERS[kind],
      library: snapshot.libraries[owner],
      chunks,
      bytes,
    })),
    unowned: unowned.map((kind, owner, sums) => ({
      ...answerOf(snapshot, kind, owner),
      ...sums,
      ...shapesOf(snapshot, kind, owner),
    })),
    complete: complete && swappedBytesNotRead === 0,
  };
}

/** The row of a place in use without an owner; undefined for every other place. */
function sumsOfPlace({ objects, libraries, threads }: Snapshot, place: number, unowned: SumTable): Sums | undefined {
  if (!objects || place >= objects.length) return undefined;
  const about = objects.descriptor[place];
  if (descriptorState(about) !== ObjectState.raw) return undefined;
  const kind = unownedKind(about);
  const link = objects.link[place];
  const has = kind === UnownedKind.thread ? link < threads.length : kind === UnownedKind.guessed && link < libraries.length;
  return unowned.at(kind, has ? link : -1);
}

function addUnownedBlocks(snapshot: Snapshot, unowned: SumTable): void {
  const { pymalloc, objects } = snapshot;
  if (!pymalloc || !objects) return;
  const { pools } = pymalloc;
  for (let pool = 0; pool < pools.length; pool++) {
    if (pools.unownedBytes[pool] === 0) continue;
    const end = pool + 1 < pools.length ? pools.firstObject[pool + 1] : objects.poolPlaces;
    const bytes = blockBytesOf(pymalloc, pools.sizeClass[pool]);
    for (let place = pools.firstObject[pool]; place < end; place++) {
      const sums = sumsOfPlace(snapshot, place, unowned);
      if (sums === undefined) continue;
      sums.blocks++;
      sums.blockBytes += bytes;
    }
  }
}

const OWNERS: Readonly<Record<number, NativeOwner["kind"]>> = {
  [OwnerKind.buffer]: "buffer",
  [OwnerKind.runtime]: "runtime",
  [OwnerKind.library]: "library",
};

/** Sizes and samples of one way of being unowned. */
function shapesOf({ unowned = [] }: Snapshot, kind: number, owner: number): Pick<UnownedMemory, "sizes" | "samples"> {
  const groups = unowned.filter((group) => group.kind === kind && group.owner === owner);
  const samples = groups.flatMap(({ bytes, samples }) => samples.map((sample) => ({ ...sample, bytes })));
  return { sizes: groups.map(({ bytes, chunks }) => ({ bytes, chunks })), samples: samples.slice(0, MOST_SAMPLES) };
}
