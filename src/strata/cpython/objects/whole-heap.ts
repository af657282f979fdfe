import * as P from "../kernels/parameters.ts";
import type { WholeHeap } from "../runtime/whole-heap.ts";
import { headBytes } from "./kernel-parameters.ts";
import { type KernelTables, OTHERS } from "./kernel-tables.ts";
import type { ObjectContext } from "./object-context.ts";
import type { TypeRegistry } from "./type-registry.ts";

const TWO_32 = 2 ** 32;

/** The heap of a decoder whose objects are known and whose image is still there. */
export function wholeHeap(
  context: ObjectContext,
  registry: TypeRegistry,
  tables: KernelTables,
  poolHeaderBytes: number,
): WholeHeap {
  const { image, runtime, readOnly } = context;
  return {
    runtime,
    image,
    readOnly,
    types: registry.addresses,
    mostPlaces: tables.poolPlaces + tables.chunkPlaces + OTHERS.capacity,
    rowOf: (type) => registry.rowForAddress(type),
    isPythonClass: (type) => registry.isPythonClass(type),
    text: (address) => context.text(address),
    placeOf: (address) => context.kernels.objectAtAddress(address | 0, Math.floor(address / TWO_32)),
    typeOf: (place) => image.memory.load(tables.descriptor + place) & P.TYPE_MASK,
    forEachObject: (wanted, visit) => forEachObject(context, tables, poolHeaderBytes, wanted, visit),
  };
}

function forEachObject(
  context: ObjectContext,
  tables: KernelTables,
  poolHeaderBytes: number,
  wanted: Uint8Array,
  visit: (place: number, address: number, row: number) => void,
): void {
  const { image, runtime, kernels } = context;
  const { memory } = image;
  const heads = headBytes(runtime);
  // A column is never spread over several buffers: read as one it is several times as fast as word by word.
  const descriptors = memory.uint32(tables.descriptor, tables.poolPlaces + tables.chunkPlaces + OTHERS.capacity);
  /** Bytes from a place's first byte to its object's; a large chunk may have two debug headers. */
  const lead = (about: number): number => runtime.debugBytes * ((about | 0) < 0 ? 2 : 1) + heads[(about >>> P.HEAD_SHIFT) & 3];
  for (let pool = 0; pool < tables.pools; pool++) {
    const entry = tables.poolTable + pool * P.POOL_ENTRY_WORDS;
    const word = memory.load(entry) >>> 0;
    const info = tables.pageInfo + ((word - image.firstSlot) / tables.poolWords) * P.PAGE_INFO_WORDS;
    const [blockBytes, blocks] = [memory.load(info + 2) * 4, memory.load(info + 3)];
    const first = image.addressOf(word) + poolHeaderBytes;
    const firstPlace = tables.firstPlaces[pool];
    const end = firstPlace + blocks;
    for (let place = nextWanted(descriptors, firstPlace, end, wanted); place < end; ) {
      const about = descriptors[place];
      visit(place, first + (place - firstPlace) * blockBytes + lead(about), about & P.TYPE_MASK);
      place = nextWanted(descriptors, place + 1, end, wanted);
    }
  }
  for (let chunk = 0; chunk < tables.chunkPlaces; chunk++) {
    const place = tables.poolPlaces + chunk;
    const about = descriptors[place];
    if (isWanted(about, wanted))
      visit(place, image.addressOf(memory.load(tables.chunkStarts + chunk)) + lead(about), about & P.TYPE_MASK);
  }
  // Others may be discovered meanwhile.
  for (let other = 0; other < kernels.otherObjects(); other++) {
    const place = tables.poolPlaces + tables.chunkPlaces + other;
    const about = descriptors[place];
    if (isWanted(about, wanted)) visit(place, image.addressOf(memory.load(tables.otherWords + other)), about & P.TYPE_MASK);
  }
}

/** First place from `from` on whose object is wanted; `end` when there is none. Small, so that it is fast before the heap is through. */
function nextWanted(descriptors: Uint32Array, from: number, end: number, wanted: Uint8Array): number {
  let place = from;
  // By type first: few are wanted, and this is asked of every place.
  while (place < end && !isWanted(descriptors[place], wanted)) place++;
  return place;
}

function isWanted(about: number, wanted: Uint8Array): boolean {
  return wanted[about & P.TYPE_MASK] === 1 && ((about >>> P.STATE_SHIFT) & 7) === P.STATE_OBJECT;
}
