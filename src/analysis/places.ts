import {
  descriptorDebugHeaders,
  descriptorGeneration,
  descriptorHeader,
  descriptorState,
  descriptorType,
  IMMORTAL_REFERENCES,
  LARGE_BYTES,
} from "../snapshot/states.ts";
import { ObjectState, type ObjectTables, type PymallocTables, type Snapshot } from "../snapshot/tables.ts";
import { blockBytesOf } from "./arenas.ts";

/** Index of the last entry of an ascending column that is not above `value`, or -1. */
export function indexAtOrBelow(column: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (column[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** One object, read out of the columns. */
export interface ObjectFacts {
  readonly address: number;
  readonly type: number;
  readonly shallowBytes: number;
  /** Undefined when immortal. */
  readonly referenceCount: number | undefined;
  /** 0–2, or 3 when the collector does not track it. */
  readonly generation: number;
}

/** Bytes of a place: shallow bytes of an object, used bytes of a buffer. */
export function placeBytes(objects: ObjectTables, place: number): number {
  const bytes = objects.bytes[place];
  return bytes === LARGE_BYTES ? (objects.largeBytes.get(place) ?? bytes) : bytes;
}

/** The object at a place, or undefined when none is there. */
export function objectAt(snapshot: Snapshot, place: number): ObjectFacts | undefined {
  const { objects } = snapshot;
  if (!objects || place < 0 || place >= objects.length) return undefined;
  const descriptor = objects.descriptor[place];
  if (descriptorState(descriptor) !== ObjectState.object) return undefined;
  const start = placeAddress(snapshot, place);
  if (start === undefined) return undefined;
  const references = objects.link[place];
  return {
    address: start + (objects.headerBytes[descriptorHeader(descriptor)] ?? 0),
    type: descriptorType(descriptor),
    shallowBytes: placeBytes(objects, place),
    referenceCount: references === IMMORTAL_REFERENCES ? undefined : references,
    generation: descriptorGeneration(descriptor),
  };
}

/**
 * Address of the first byte that a place hands out: behind the header of a chunk and the mark of a debug allocator, before a
 * gc header. For other places it is the object's own address less its header. O(log pools).
 */
export function placeAddress(snapshot: Snapshot, place: number): number | undefined {
  const { objects } = snapshot;
  if (!objects) return undefined;
  if (place < objects.poolPlaces) {
    const block = snapshot.pymalloc && blockAddress(snapshot.pymalloc, place);
    return block === undefined ? undefined : block + objects.debugBytes;
  }
  let chunk = place - objects.poolPlaces;
  if (chunk < objects.chunkPlaces) {
    for (const malloc of snapshot.malloc) {
      if (chunk < malloc.chunks.length) {
        const debugBytes = objects.debugBytes * descriptorDebugHeaders(objects.descriptor[place]);
        return malloc.chunks.address[chunk] + malloc.headerBytes + debugBytes;
      }
      chunk -= malloc.chunks.length;
    }
    return undefined;
  }
  const header = objects.headerBytes[descriptorHeader(objects.descriptor[place])] ?? 0;
  return objects.otherAddress[place - objects.poolPlaces - objects.chunkPlaces] - header;
}

/** Address of the block that a place in a pool is. */
function blockAddress(pymalloc: PymallocTables, place: number): number | undefined {
  const { pools } = pymalloc;
  let low = 0;
  let high = pools.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pools.firstObject[middle] <= place) low = middle + 1;
    else high = middle;
  }
  const pool = low - 1;
  if (pool < 0) return undefined;
  const block = place - pools.firstObject[pool];
  return pools.address[pool] + pymalloc.poolHeaderBytes + block * blockBytesOf(pymalloc, pools.sizeClass[pool]);
}
