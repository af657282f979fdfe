/** What each object weighs: its shallow bytes, and the memory that it alone owns and sys.getsizeof leaves out. */
import { descriptorState, descriptorType, LARGE_BYTES } from "../snapshot/states.ts";
import { ObjectState, type ObjectTables } from "../snapshot/tables.ts";

/** Type field of a buffer that its owner's shallow bytes do not include. */
const NOT_IN_SHALLOW_BYTES = 1;

/**
 * Owned bytes of each place, 0 where no object is. O(places).
 *
 * @param inPlaceExtraBytes of each type: bytes of an instance in its own place that sys.getsizeof leaves out.
 */
export function ownedBytesOfPlaces(objects: ObjectTables, inPlaceExtraBytes: Uint32Array): Float64Array {
  const { length, descriptor, bytes, link } = objects;
  const owned = new Float64Array(length);
  for (let place = 0; place < length; place++) {
    const word = descriptor[place];
    const state = descriptorState(word);
    if (state === ObjectState.object) owned[place] += bytes[place] + inPlaceExtraBytes[descriptorType(word)];
    else if (state === ObjectState.buffer && descriptorType(word) === NOT_IN_SHALLOW_BYTES) owned[link[place]] += bytes[place];
  }
  for (const [place, largeBytes] of objects.largeBytes) {
    const word = descriptor[place];
    const more = largeBytes - LARGE_BYTES;
    const state = descriptorState(word);
    if (state === ObjectState.object) owned[place] += more;
    else if (state === ObjectState.buffer && descriptorType(word) === NOT_IN_SHALLOW_BYTES) owned[link[place]] += more;
  }
  return owned;
}
