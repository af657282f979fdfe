import { PAGE_BYTES, roundDown } from "../base/units.ts";
import { descriptorHeader, descriptorState, SnapshotPageState } from "../snapshot/states.ts";
import { ClaimKind, MappingKind, ObjectState, OwnerKind, type Snapshot } from "../snapshot/tables.ts";
import { blockBytesOf, blocksPerPool } from "./arenas.ts";
import { type UnownedAnswer, unownedAt } from "./native.ts";
import { indexAtOrBelow, type ObjectFacts, objectAt } from "./places.ts";

/** Every stratum's answer for one address. */
export interface Explanation {
  readonly address: number;
  readonly mapping: MappingAnswer;
  readonly page: PageAnswer;
  readonly malloc: ChunkAnswer | undefined;
  readonly pymalloc: BlockAnswer | undefined;
  /** The object that the address lies in. */
  readonly object: ObjectFacts | undefined;
  /** The object whose buffer the address lies in. */
  readonly owner: ObjectFacts | undefined;
  /** Why the memory in use at the address has no owner. */
  readonly unowned: UnownedAnswer | undefined;
}

export interface MappingAnswer {
  readonly start: number;
  readonly end: number;
  readonly kind: keyof typeof MappingKind;
  readonly permissions: string;
  readonly path: string;
  readonly library: string | undefined;
  readonly part: string | undefined;
  readonly thread: number | undefined;
  /** Who recognises this part of the mapping, when no malloc and no pymalloc does. */
  readonly claim: string | undefined;
  readonly residentBytes: number;
  readonly swappedBytes: number;
}

export const PAGE_ANSWER_STATES = ["resident", "zero", "swapped", "guard", "uncounted", "untouched"] as const;

export interface PageAnswer {
  readonly address: number;
  readonly state: (typeof PAGE_ANSWER_STATES)[number];
  readonly fileOrShared: boolean;
  readonly exclusive: boolean;
  readonly huge: boolean;
}

/** By `SnapshotChunkState`. */
const CHUNK_STATES = ["in use", "free", "fast", "cached", "top", "mapped", "overhead"] as const;
export type ChunkStateName = (typeof CHUNK_STATES)[number];

export interface ChunkAnswer {
  readonly allocator: string;
  /** Undefined for a chunk with a mapping of its own. */
  readonly arena: number | undefined;
  readonly chunk: number;
  readonly bytes: number;
  readonly usedBytes: number;
  readonly state: ChunkStateName;
  readonly serves: Exclude<keyof typeof OwnerKind, "none"> | undefined;
  readonly library: string | undefined;
}

/** By `ObjectState`; memory in use of which no more is known is just that. */
const BLOCK_STATES = ["free", "in use", "object", "buffer", "free list", "runtime", "library"] as const;
/** States of a block, and of the parts of an arena that are none. */
export type BlockState = "empty pool" | "pool header" | "pool tail" | (typeof BLOCK_STATES)[number];

export interface BlockAnswer {
  readonly arena: number;
  readonly arenaBytes: number;
  readonly interpreter: number;
  readonly pool: number;
  /** The pool in use; undefined for an empty one. */
  readonly inPool: { readonly blockBytes: number; readonly blocks: number; readonly usedBlocks: number } | undefined;
  readonly block: number | undefined;
  readonly blockIndex: number | undefined;
  readonly state: BlockState;
}

/**
 * Asks every stratum, bottom up, what lies at an address; undefined when nothing is mapped there.
 * O(log n) in pools and chunks, O(n) in mappings, runs and static objects.
 */
export function explainAddress(snapshot: Snapshot, address: number): Explanation | undefined {
  const mapping = explainMapping(snapshot, address);
  if (!mapping) return undefined;
  const chunk = explainChunk(snapshot, address);
  const block = explainBlock(snapshot, address);
  const place = innermostPlace(snapshot, address, block, chunk);
  return {
    address,
    mapping,
    page: explainPage(snapshot, address),
    malloc: chunk?.answer,
    pymalloc: block?.answer,
    object: objectCovering(snapshot, place, address),
    owner: ownerOf(snapshot, place),
    unowned: unownedAt(snapshot, place),
  };
}

/** Place of the object that an address lies in, its gc header included, or -1. As `explainAddress`. */
export function placeCovering(snapshot: Snapshot, address: number): number {
  const place = innermostPlace(snapshot, address, explainBlock(snapshot, address), explainChunk(snapshot, address));
  return objectCovering(snapshot, place, address) ? place : -1;
}

/** The innermost stratum knows best: an old CPython's arenas lie in malloc chunks. */
function innermostPlace(
  snapshot: Snapshot,
  address: number,
  block: { readonly place: number | undefined } | undefined,
  chunk: { readonly place: number } | undefined,
): number {
  return block?.place ?? (block ? -1 : (chunk?.place ?? staticPlace(snapshot, address)));
}

function explainMapping(snapshot: Snapshot, address: number): MappingAnswer | undefined {
  const { mappings } = snapshot;
  const index = indexAtOrBelow(mappings.start, mappings.length, address);
  if (index < 0 || address >= mappings.end[index]) return undefined;
  const library = mappings.library[index];
  const thread = mappings.thread[index];
  return {
    start: mappings.start[index],
    end: mappings.end[index],
    kind: nameOf(MappingKind, mappings.kind[index]) ?? "anonymous",
    permissions: mappings.permissions[index],
    path: mappings.path[index],
    library: library < 0 ? undefined : snapshot.libraries[library],
    part: mappings.part[index] || undefined,
    thread: thread < 0 ? undefined : thread,
    claim: claimAt(snapshot, address),
    residentBytes: mappings.residentBytes[index],
    swappedBytes: mappings.swappedBytes[index],
  };
}

function claimAt(snapshot: Snapshot, address: number): string | undefined {
  const { claims } = snapshot;
  const index = indexAtOrBelow(claims.start, claims.length, address);
  if (index < 0 || address >= claims.end[index]) return undefined;
  // Those two answer for themselves.
  const detailed = claims.kind[index] === ClaimKind.malloc || claims.kind[index] === ClaimKind.pymalloc;
  return detailed ? undefined : claims.label[index];
}

function explainPage(snapshot: Snapshot, address: number): PageAnswer {
  const { pages } = snapshot;
  const run = indexAtOrBelow(pages.start, pages.length, address);
  const state = run >= 0 && address < pages.end[run] ? pages.state[run] : 0;
  const has = (bit: keyof typeof SnapshotPageState) => (state & SnapshotPageState[bit]) !== 0;
  return {
    address: roundDown(address, PAGE_BYTES),
    state: has("guard")
      ? "guard"
      : has("counted")
        ? "resident"
        : has("zero")
          ? "zero"
          : has("present")
            ? "uncounted"
            : has("swapped")
              ? "swapped"
              : "untouched",
    fileOrShared: has("fileOrShared"),
    exclusive: has("exclusive"),
    huge: has("huge"),
  };
}

function explainChunk(snapshot: Snapshot, address: number): { answer: ChunkAnswer; place: number } | undefined {
  let firstPlace = snapshot.objects?.poolPlaces ?? 0;
  for (const malloc of snapshot.malloc) {
    const { chunks } = malloc;
    const index = indexAtOrBelow(chunks.address, chunks.length, address);
    if (index >= 0 && address < chunks.address[index] + chunks.bytes[index]) {
      const kind = nameOf(OwnerKind, chunks.ownerKind[index]) ?? "none";
      const answer: ChunkAnswer = {
        allocator: malloc.allocator,
        arena: malloc.arenas[chunks.arena[index]]?.address,
        chunk: chunks.address[index],
        bytes: chunks.bytes[index],
        usedBytes: chunks.usedBytes[index],
        state: CHUNK_STATES[chunks.state[index]] ?? "overhead",
        serves: kind === "none" ? undefined : kind,
        library: kind === "library" ? snapshot.libraries[chunks.owner[index]] : undefined,
      };
      return { answer, place: firstPlace + index };
    }
    firstPlace += chunks.length;
  }
  return undefined;
}

function explainBlock(snapshot: Snapshot, address: number): { answer: BlockAnswer; place: number | undefined } | undefined {
  const { pymalloc } = snapshot;
  if (!pymalloc) return undefined;
  const { arenas, pools } = pymalloc;
  const arena = indexAtOrBelow(arenas.address, arenas.length, address);
  if (arena < 0 || address >= arenas.address[arena] + arenas.bytes[arena]) return undefined;
  const common = { arena: arenas.address[arena], arenaBytes: arenas.bytes[arena], interpreter: arenas.interpreter[arena] };
  const start = roundDown(address, pymalloc.poolBytes);
  const pool = indexAtOrBelow(pools.address, pools.length, address);
  if (pool < 0 || pools.address[pool] !== start) {
    const answer: BlockAnswer = {
      ...common,
      pool: start,
      inPool: undefined,
      block: undefined,
      blockIndex: undefined,
      state: "empty pool",
    };
    return { answer, place: undefined };
  }
  const blockBytes = blockBytesOf(pymalloc, pools.sizeClass[pool]);
  const inPool = { blockBytes, blocks: blocksPerPool(pymalloc, blockBytes), usedBlocks: pools.usedBlocks[pool] };
  const offset = address - start - pymalloc.poolHeaderBytes;
  const index = Math.floor(offset / blockBytes);
  if (offset < 0 || index >= inPool.blocks) {
    const state = offset < 0 ? "pool header" : "pool tail";
    return { answer: { ...common, pool: start, inPool, block: undefined, blockIndex: undefined, state }, place: undefined };
  }
  const place = pools.firstObject[pool] + index;
  const block = start + pymalloc.poolHeaderBytes + index * blockBytes;
  return { answer: { ...common, pool: start, inPool, block, blockIndex: index, state: blockState(snapshot, place) }, place };
}

function blockState(snapshot: Snapshot, place: number): BlockState {
  const { objects } = snapshot;
  return (objects && BLOCK_STATES[descriptorState(objects.descriptor[place])]) ?? "in use";
}

/**
 * The place of the object outside pools and chunks that begins at or nearest below an address, or -1; whether it reaches that
 * far is asked later. They come in no order, hence one by one.
 */
function staticPlace(snapshot: Snapshot, address: number): number {
  const { objects } = snapshot;
  if (!objects) return -1;
  const first = objects.poolPlaces + objects.chunkPlaces;
  let nearest = -1;
  let nearestStart = -1;
  for (let place = first; place < objects.length; place++) {
    const header = objects.headerBytes[descriptorHeader(objects.descriptor[place])] ?? 0;
    const start = objects.otherAddress[place - first] - header;
    if (start > address || start <= nearestStart) continue;
    nearest = place;
    nearestStart = start;
  }
  return nearest;
}

/**
 * The object at a place, unless the address lies in the rounding behind it or in the allocator's header before it.
 * Shallow bytes include the gc header, as sys.getsizeof does (CPython Python/sysmodule.c, _PySys_GetSizeOf).
 */
function objectCovering(snapshot: Snapshot, place: number, address: number): ObjectFacts | undefined {
  const object = objectAt(snapshot, place);
  if (!object) return undefined;
  const header = snapshot.objects?.headerBytes[descriptorHeader(snapshot.objects.descriptor[place])] ?? 0;
  const offset = address - object.address;
  return offset >= -header && offset < object.shallowBytes - header ? object : undefined;
}

function ownerOf(snapshot: Snapshot, place: number): ObjectFacts | undefined {
  const { objects } = snapshot;
  if (!objects || place < 0 || descriptorState(objects.descriptor[place]) !== ObjectState.buffer) return undefined;
  return objectAt(snapshot, objects.link[place]);
}

function nameOf<T extends Readonly<Record<string, number>>>(values: T, value: number): keyof T | undefined {
  return Object.keys(values).find((name) => values[name] === value);
}
