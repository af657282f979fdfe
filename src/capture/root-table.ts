import { hasBit, newBits, setBit } from "../base/bits.ts";
import { RootKind, type RootTable } from "../snapshot/graph-tables.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState } from "../snapshot/tables.ts";
import type { DecodedObjects, LibraryData } from "../strata/cpython/objects/decode-objects.ts";
import type { NativePointers } from "../strata/cpython/objects/graph-streams.ts";
import type { DecodedRoot } from "../strata/cpython/runtime/heap-facts.ts";

/** What holds objects from outside, as far as each stratum knows. */
export interface RootInput {
  /** What the interpreter's state and its threads hold; `owner` of a thread's is the index of its Python thread. */
  readonly roots: readonly DecodedRoot[];
  /** Row in the snapshot's threads of each Python thread, −1 for none. */
  readonly threadRows: readonly number[];
  readonly objects: DecodedObjects;
  readonly nativePointers: NativePointers;
  readonly libraryData: readonly LibraryData[];
}

interface Root {
  readonly kind: number;
  readonly target: number;
  readonly owner: number;
  readonly frame: number;
  readonly name: string;
  readonly counted: boolean;
}

/** The roots of all kinds: those that have a name first, then static objects, then what native memory points at. */
export function buildRootTable({ roots, threadRows, objects, nativePointers, libraryData }: RootInput): RootTable {
  const known = newBits(objects.length);
  const all: Root[] = [];
  for (const { kind, target, owner, frame, name, counted } of roots) {
    const ofThread = kind === "frame" || kind === "thread";
    all.push({ kind: RootKind[kind], target, owner: ofThread ? threadRows[owner] : owner, frame, name, counted });
  }
  all.push(...staticObjects(objects, libraryData));
  for (const { target } of all) setBit(known, target);
  const python = libraryData.find((data) => data.python)?.library ?? -1;
  const { target, library } = nativePointers;
  for (let row = 0; row < target.length; row++) {
    // Python's own static data has caches that borrow: evidence as any library's, and none where its state says more.
    if (library[row] < 0 && hasBit(known, target[row])) continue;
    const owner = library[row] < 0 ? python : library[row];
    all.push({ kind: RootKind.library, target: target[row], owner, frame: -1, name: "", counted: false });
  }
  return {
    length: all.length,
    kind: Uint8Array.from(all, (root) => root.kind),
    target: Uint32Array.from(all, (root) => root.target),
    owner: Int32Array.from(all, (root) => root.owner),
    frame: Int32Array.from(all, (root) => root.frame),
    name: all.map((root) => root.name),
    counted: Uint8Array.from(all, (root) => Number(root.counted)),
  };
}

/** Objects in the data of Python and of libraries: their first reference is their own. */
function staticObjects(objects: DecodedObjects, libraryData: readonly LibraryData[]): Root[] {
  const found: Root[] = [];
  const first = objects.poolPlaces + objects.chunkPlaces;
  for (let place = first; place < objects.length; place++) {
    const about = objects.descriptor[place];
    const address = objects.otherAddress[place - first];
    const data = libraryData.find(({ start, end }) => address >= start && address < end);
    if (data === undefined || descriptorState(about) !== ObjectState.object) continue;
    const isType = objects.types.isMetatype[descriptorType(about)] === 1;
    const kind = isType ? RootKind.staticType : data.python ? RootKind.runtime : RootKind.library;
    const owner = data.python ? -1 : data.library;
    found.push({ kind, target: place, owner, frame: -1, name: "", counted: true });
  }
  return found;
}
