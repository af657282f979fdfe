import type { PageSet } from "../base/page-set.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { type MallocTables, ObjectState, OwnerKind } from "../snapshot/tables.ts";
import type { DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";
import { ChunkState, type MallocHeap } from "../strata/malloc/allocator.ts";

/** Owner of what the object decoder says about a chunk's place. */
const OWNER_OF_STATE: Readonly<Record<number, number>> = {
  [ObjectState.object]: OwnerKind.object,
  [ObjectState.buffer]: OwnerKind.buffer,
  [ObjectState.freeList]: OwnerKind.runtime,
  [ObjectState.runtime]: OwnerKind.runtime,
  [ObjectState.library]: OwnerKind.library,
};

/**
 * The tables of an allocator, with the owner of each chunk in use. Resident bytes of objects and buffers are added to
 * `typeResident`, the sums by type.
 * @param firstPlace place of the heap's first chunk among all chunks
 */
export function buildMallocTables(
  heap: MallocHeap,
  resident: PageSet,
  objects: DecodedObjects | undefined,
  firstPlace: number,
  typeResident: Float64Array,
): MallocTables {
  const { chunks, headerBytes } = heap;
  const { length } = chunks;
  const ownerKind = new Uint8Array(length);
  const owner = new Int32Array(length).fill(-1);
  const usedBytes = new Float64Array(length);
  for (let chunk = 0; chunk < length; chunk++) {
    const state = chunks.state[chunk];
    if (state === ChunkState.overhead) ownerKind[chunk] = OwnerKind.allocator;
    if (state !== ChunkState.inUse && state !== ChunkState.mapped) continue;
    // What a chunk borrows of the next one's header counts there.
    const room = chunks.bytes[chunk] - headerBytes;
    usedBytes[chunk] = room;
    if (objects === undefined) continue;
    const place = firstPlace + chunk;
    const about = objects.descriptor[place];
    const kind = OWNER_OF_STATE[descriptorState(about)] ?? OwnerKind.none;
    ownerKind[chunk] = kind;
    if (kind === OwnerKind.library) owner[chunk] = objects.link[place];
    if (kind !== OwnerKind.object && kind !== OwnerKind.buffer) continue;
    owner[chunk] = kind === OwnerKind.object ? place : objects.link[place];
    usedBytes[chunk] = objects.usedBytes(place, room);
    const start = chunks.address[chunk] + headerBytes;
    typeResident[descriptorType(objects.descriptor[owner[chunk]])] += resident.bytesWithin(start, start + usedBytes[chunk]);
  }
  return {
    allocator: heap.allocator,
    variant: heap.variant,
    arenas: heap.arenas.map((arena) => ({
      ...arena,
      residentBytes: arena.ranges.reduce((sum, { start, end }) => sum + resident.bytesWithin(start, end), 0),
    })),
    mapped: heap.mapped,
    sizeClasses: heap.sizeClasses,
    freePages: heap.freePages,
    settings: heap.settings,
    headerBytes,
    chunks: { ...chunks, ownerKind, owner, usedBytes },
  };
}
