import { hasBit, newBits, setBit } from "../base/bits.ts";
import { Uint8Column, Uint32Column } from "../base/columns.ts";
import { RootKind, type RootTable } from "../snapshot/graph-tables.ts";
import { descriptorState, descriptorType } from "../snapshot/states.ts";
import { ObjectState } from "../snapshot/tables.ts";
import type { DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";
import type { NativePointers } from "../strata/cpython/objects/graph-streams.ts";
import type { LibraryData } from "../strata/cpython/objects/native-memory.ts";
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

/** The roots of all kinds: those that have a name first, then static objects, then what native memory points at. */
export function buildRootTable({ roots, threadRows, objects, nativePointers, libraryData }: RootInput): RootTable {
  const known = newBits(objects.length);
  const all = new RootColumns();
  for (const { kind, target, owner, frame, name, counted } of roots) {
    const ofThread = kind === "frame" || kind === "thread";
    all.add(RootKind[kind], target, ofThread ? threadRows[owner] : owner, counted, frame, name);
    setBit(known, target);
  }
  addStaticObjects(all, objects, libraryData, known);
  const python = libraryData.find((data) => data.python)?.library ?? -1;
  const { target, library } = nativePointers;
  for (let row = 0; row < target.length; row++) {
    // Python's own static data has caches that borrow: evidence as any library's, and none where its state says more.
    if (library[row] < 0 && hasBit(known, target[row])) continue;
    all.add(RootKind.library, target[row], library[row] < 0 ? python : library[row], false);
  }
  return all.table();
}

/** Objects in the data of Python and of libraries: their first reference is their own. */
function addStaticObjects(
  all: RootColumns,
  objects: DecodedObjects,
  libraryData: readonly LibraryData[],
  known: Uint32Array,
): void {
  const first = objects.poolPlaces + objects.chunkPlaces;
  for (let place = first; place < objects.length; place++) {
    const about = objects.descriptor[place];
    const address = objects.otherAddress[place - first];
    const data = libraryData.find(({ start, end }) => address >= start && address < end);
    if (data === undefined || descriptorState(about) !== ObjectState.object) continue;
    const isType = objects.types.isMetatype[descriptorType(about)] === 1;
    const kind = isType ? RootKind.staticType : data.python ? RootKind.runtime : RootKind.library;
    all.add(kind, place, data.python ? -1 : data.library, true);
    setBit(known, place);
  }
}

class RootColumns {
  private readonly kind = new Uint8Column();
  private readonly target = new Uint32Column();
  /** −1 as its 32 bits. */
  private readonly owner = new Uint32Column();
  private readonly frame = new Uint32Column();
  private readonly counted = new Uint8Column();
  private readonly name: string[] = [];

  add(kind: number, target: number, owner: number, counted: boolean, frame = -1, name = ""): void {
    this.kind.push(kind);
    this.target.push(target);
    this.owner.push(owner);
    this.frame.push(frame);
    this.counted.push(Number(counted));
    this.name.push(name);
  }

  table(): RootTable {
    return {
      length: this.name.length,
      kind: this.kind.view(),
      target: this.target.view(),
      owner: new Int32Array(this.owner.view()),
      frame: new Int32Array(this.frame.view()),
      name: this.name,
      counted: this.counted.view(),
    };
  }
}
