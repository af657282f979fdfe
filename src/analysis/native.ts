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
export function unownedAt({ objects, libraries }: Snapshot, place: number): UnownedAnswer | undefined {
  if (!objects || place < 0 || place >= objects.length) return undefined;
  const about = objects.descriptor[place];
  if (descriptorState(about) !== ObjectState.raw) return undefined;
  const kind = UNOWNED_NAMES[descriptorType(about)] ?? "unknown";
  const link = objects.link[place];
  return {
    kind,
    thread: kind === "thread" ? link : undefined,
    library: kind === "guessed" ? libraries[link] : undefined,
  };
}

interface Sum {
  chunks: number;
  bytes: number;
}

/** Accounts for chunks that hold no object. O(chunks + places in pools). */
export function accountNative(snapshot: Snapshot): NativeAccount {
  const owners = new Map<string, Sum & Pick<NativeOwner, "kind" | "library">>();
  const unowned = new Map<string, Sum & UnownedAnswer & { blocks: number; blockBytes: number }>();
  const addUnowned = (answer: UnownedAnswer) => {
    const key = `${answer.kind} ${answer.thread ?? answer.library ?? ""}`;
    const sum = unowned.get(key) ?? { ...answer, chunks: 0, bytes: 0, blocks: 0, blockBytes: 0 };
    unowned.set(key, sum);
    return sum;
  };
  let place = snapshot.objects?.poolPlaces ?? 0;
  for (const { chunks } of snapshot.malloc) {
    for (let chunk = 0; chunk < chunks.length; chunk++, place++) {
      const kind = OWNERS[chunks.ownerKind[chunk]];
      let sum: Sum | undefined;
      if (kind === undefined) {
        const answer = chunks.ownerKind[chunk] === OwnerKind.none ? unownedAt(snapshot, place) : undefined;
        if (answer) sum = addUnowned(answer);
      } else {
        const library = kind === "library" ? snapshot.libraries[chunks.owner[chunk]] : undefined;
        const key = `${kind} ${library ?? ""}`;
        const owner = owners.get(key) ?? { kind, library, chunks: 0, bytes: 0 };
        owners.set(key, owner);
        sum = owner;
      }
      if (sum === undefined) continue;
      sum.chunks++;
      sum.bytes += chunks.usedBytes[chunk];
    }
  }
  forUnownedBlocks(snapshot, (answer, bytes) => {
    const sum = addUnowned(answer);
    sum.blocks++;
    sum.blockBytes += bytes;
  });
  const { complete, swappedBytesNotRead } = snapshot.capture;
  return {
    owners: [...owners.values()].sort((a, b) => b.bytes - a.bytes),
    unowned: [...unowned.values()].sort((a, b) => b.bytes - a.bytes).map((sum) => ({ ...sum, ...shapesOf(snapshot, sum) })),
    complete: complete && swappedBytesNotRead === 0,
  };
}

const OWNERS: Readonly<Record<number, NativeOwner["kind"]>> = {
  [OwnerKind.buffer]: "buffer",
  [OwnerKind.runtime]: "runtime",
  [OwnerKind.library]: "library",
};

function forUnownedBlocks(snapshot: Snapshot, visit: (answer: UnownedAnswer, bytes: number) => void): void {
  const { pymalloc, objects } = snapshot;
  if (!pymalloc || !objects) return;
  const { pools } = pymalloc;
  for (let pool = 0; pool < pools.length; pool++) {
    if (pools.unownedBytes[pool] === 0) continue;
    const end = pool + 1 < pools.length ? pools.firstObject[pool + 1] : objects.poolPlaces;
    const bytes = blockBytesOf(pymalloc, pools.sizeClass[pool]);
    for (let place = pools.firstObject[pool]; place < end; place++) {
      const answer = unownedAt(snapshot, place);
      if (answer) visit(answer, bytes);
    }
  }
}

/** Sizes and samples of one way of being unowned. */
function shapesOf(snapshot: Snapshot, { kind, thread, library }: UnownedAnswer): Pick<UnownedMemory, "sizes" | "samples"> {
  const owner = thread ?? (library === undefined ? -1 : snapshot.libraries.indexOf(library));
  const groups = (snapshot.unowned ?? []).filter((group) => group.kind === UnownedKind[kind] && group.owner === owner);
  const samples = groups.flatMap(({ bytes, samples }) => samples.map((sample) => ({ ...sample, bytes })));
  return { sizes: groups.map(({ bytes, chunks }) => ({ bytes, chunks })), samples: samples.slice(0, MOST_SAMPLES) };
}
