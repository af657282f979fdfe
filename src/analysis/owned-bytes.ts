/** What each object weighs: its shallow bytes, and the memory that it alone owns and sys.getsizeof leaves out. */
import type { Weights } from "../graph/graph.ts";
import { descriptorState, descriptorType, LARGE_BYTES } from "../snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../snapshot/tables.ts";

/** Type field of a buffer that its owner's shallow bytes do not include. */
const NOT_IN_SHALLOW_BYTES = 1;

/** Above it 32 bits are not enough. */
const MOST_WORD = 0xffff_ffff;

/**
 * Owned bytes of each place, 0 where no object is; in 32 bits if all of them together fit. O(places).
 *
 * @param inPlaceExtraBytes of each type: bytes of an instance in its own place that sys.getsizeof leaves out.
 */
export function ownedBytesOfPlaces(objects: ObjectTables, inPlaceExtraBytes: Uint32Array): Weights {
  const words = new Uint32Array(objects.length);
  if (addOwnedBytes(objects, inPlaceExtraBytes, words) <= MOST_WORD) return words;
  const doubles = new Float64Array(objects.length);
  addOwnedBytes(objects, inPlaceExtraBytes, doubles);
  return doubles;
}

/** The sum of what it adds. */
function addOwnedBytes(objects: ObjectTables, inPlaceExtraBytes: Uint32Array, owned: Weights): number {
  const { length, descriptor, bytes, link, largeBytes } = objects;
  let sum = 0;
  for (let place = 0; place < length; place++) {
    const word = descriptor[place];
    const state = descriptorState(word);
    if (state !== ObjectState.object && state !== ObjectState.buffer) continue;
    const isObject = state === ObjectState.object;
    if (!isObject && descriptorType(word) !== NOT_IN_SHALLOW_BYTES) continue;
    let more = bytes[place];
    if (more === LARGE_BYTES) more = largeBytes.get(place) ?? more;
    if (isObject) more += inPlaceExtraBytes[descriptorType(word)];
    owned[isObject ? place : link[place]] += more;
    sum += more;
  }
  return sum;
}
