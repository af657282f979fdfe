import { roundUp } from "../../src/base/units.ts";
import { SlotPart } from "../../src/snapshot/graph-tables.ts";
import { packSlot } from "../../src/snapshot/references.ts";
import type { Layout } from "../../src/strata/cpython/layouts/layout.ts";
import type { PythonRuntime } from "../../src/strata/cpython/locate/python-runtime.ts";
import type { ObjectInput } from "../../src/strata/cpython/objects/decode-objects.ts";
import type { LinearMemory } from "../../src/target/linear-memory.ts";
import { type HeapModel, Junk, type ObjectModel, type PlacedModel } from "./heap-model.ts";
import { fillObject } from "./heap-objects.ts";
import {
  STATIC_TYPES,
  type StaticType,
  TYPE_SYMBOLS,
  type WrittenType,
  writeDictClass,
  writeSlotsClass,
  writeStaticTypes,
} from "./heap-types.ts";
import { HeapWriter, Home } from "./heap-writer.ts";

export const LIBRARY = 7;
export const PYTHON_LIBRARY = 2;
/** Reference counts of immortal objects, from 3.12. */
const IMMORTAL = 2 ** 32 - 1;
/** An address that no part of the heap has. */
const NOWHERE = 0x6000_0000_0000;
/** The collector's lists: three generations and the permanent one. */
const LISTS = 4;

/** An object as it lies in memory. */
export interface WrittenObject {
  readonly model: PlacedModel;
  readonly type: WrittenType;
  readonly address: number;
  /** Addresses of what it refers to, and in which slots. */
  readonly references: number[];
  readonly slots: number[];
  /** Memory of its own outside its place. */
  readonly buffers: WrittenBuffer[];
}

export interface WrittenBuffer {
  readonly address: number;
  /** Undefined where nothing says how much of its place is used. */
  readonly usedBytes: number | undefined;
}

/** A class: a type object, and the names that its instances' dictionaries share. */
export interface WrittenClass {
  readonly object: WrittenObject;
  readonly type: WrittenType;
  /** Address of the shared keys, 0 for none. */
  readonly keys: number;
  readonly keysBits: number;
}

/** A heap in memory, and all that an oracle wants to know of it. */
export interface WrittenHeap {
  readonly minor: number;
  readonly layout: Layout;
  readonly writer: HeapWriter;
  readonly types: Readonly<Record<StaticType, WrittenType>>;
  readonly classes: readonly WrittenClass[];
  readonly objects: readonly WrittenObject[];
  /** Memory of dead objects, of the runtime and of a library. */
  readonly kept: readonly number[];
  readonly runtimeMemory: readonly number[];
  readonly libraryMemory: readonly number[];
  input(memory: LinearMemory): ObjectInput;
}

/** Writes a heap as CPython 3.`minor` would have it. Throws a RangeError when it does not fit. */
export function encodeHeap(model: HeapModel, minor: number, layout: Layout, debugBytes: 0 | 16): WrittenHeap {
  return new HeapEncoder(minor, layout, debugBytes).encode(model);
}

/** What objects are written with: their classes and what they may refer to. */
export class HeapEncoder {
  readonly writer: HeapWriter;
  readonly types: Readonly<Record<StaticType, WrittenType>>;
  readonly slotsClasses: WrittenClass[] = [];
  readonly dictClasses: WrittenClass[] = [];
  private objects: WrittenObject[] = [];
  private readonly lists: number[][] = Array.from({ length: LISTS }, () => []);

  constructor(
    readonly minor: number,
    readonly layout: Layout,
    private readonly debugBytes: 0 | 16,
  ) {
    this.writer = new HeapWriter(minor, debugBytes);
    this.types = writeStaticTypes(this.writer, layout);
  }

  encode(model: HeapModel): WrittenHeap {
    for (const each of model.classes) {
      this.slotsClasses.push(this.writeClass(each, false));
      this.dictClasses.push(this.writeClass(each, true));
    }
    this.objects = model.objects.map((each) => this.place(each));
    const classes = [...this.slotsClasses, ...this.dictClasses];
    for (const each of [...classes.map(({ object }) => object), ...this.objects]) fillObject(this, each);
    const roots = this.writeRoots();
    for (const each of model.released) this.release(each);
    for (const { kind, bytes } of model.junk) this.writeJunk(kind, bytes);
    const { float } = this.types;
    const kept = Array.from({ length: model.kept }, () => this.writeHeader(Home.pool, float.basicBytes, 0, float.address));
    const runtimeMemory = model.runtimeBytes.map((bytes) => this.writer.allocate(Home.pool, bytes));
    const libraryMemory = model.libraryBytes.map((bytes) => this.writer.allocate(Home.chunk, bytes));
    const runtime = this.runtime();
    const libraryData = [
      { ...this.pointersTo(runtimeMemory), library: PYTHON_LIBRARY, python: true },
      { ...this.pointersTo(libraryMemory), library: LIBRARY, python: false },
    ];
    return {
      ...{ minor: this.minor, layout: this.layout, writer: this.writer, types: this.types },
      ...{ classes, objects: [...this.objects, roots], kept, runtimeMemory, libraryMemory },
      input: (memory) => {
        const { image, resident, pymalloc, malloc } = this.writer.finish(memory);
        const mallocs = [malloc];
        return { image, resident, runtime, pymalloc, mallocs, readOnly: image, freeListObjects: kept, libraryData };
      },
    };
  }

  /** Address of the live object that a number chooses. */
  target(reference: number): number {
    return this.objects[reference % this.objects.length].address;
  }

  /** The same among dictionaries, which may be none. */
  targetDict(reference: number | undefined): number | undefined {
    const dicts = this.objects.filter(({ model }) => model.object.kind === "dict" || model.object.kind === "split");
    return reference === undefined || dicts.length === 0 ? undefined : dicts[reference % dicts.length].address;
  }

  classOf(object: ObjectModel): WrittenClass | undefined {
    if (object.kind === "slots") return this.slotsClasses[object.class % this.slotsClasses.length];
    if (object.kind === "instance" || object.kind === "split") return this.dictClasses[object.class % this.dictClasses.length];
    return undefined;
  }

  /** Puts an address into memory and into the object's references. */
  refer(object: WrittenObject, at: number, to: number, slot: number): void {
    this.writer.put64(at, to);
    object.references.push(to);
    object.slots.push(slot);
  }

  private headBytes(type: WrittenType): number {
    return type.preHeaderBytes + (type.collected ? this.layout.size("PyGC_Head") : 0);
  }

  private place(model: PlacedModel): WrittenObject {
    const { object, home } = model;
    const type =
      object.kind === "split" ? this.types.dict : (this.classOf(object)?.type ?? this.types[object.kind as StaticType]);
    const head = this.headBytes(type);
    const address = this.writer.allocate(home, head + this.ownBytes(object, type)) + head;
    this.writeReferences(address, model, type);
    if (type.collected && home !== Home.fixed && model.list < LISTS) this.track(address, model.list);
    return { model, type, address, references: [], slots: [], buffers: [] };
  }

  private writeReferences(address: number, { references, immortal }: PlacedModel, type: WrittenType): void {
    this.writer.put64(address, immortal && this.minor >= 12 ? IMMORTAL : references);
    this.writer.put64(address + 8, type.address);
  }

  private track(address: number, list: number): void {
    const known = list === 3 && this.minor < 7 ? 2 : list;
    this.lists[known].push(address - this.layout.size("PyGC_Head"));
  }

  /** Bytes of an object in its own place, headers excluded. */
  private ownBytes(object: ObjectModel, { basicBytes, itemBytes }: WrittenType): number {
    const { layout } = this;
    switch (object.kind) {
      case "int":
        return basicBytes + Math.max(1, object.digits) * itemBytes;
      case "bytes":
        return basicBytes + object.length;
      case "tuple":
        return basicBytes + object.items.length * itemBytes;
      case "str":
        if (object.form === "ascii") return layout.size("PyASCIIObject") + object.length + 1;
        return object.form === "outside"
          ? layout.size("PyUnicodeObject")
          : layout.size("PyCompactUnicodeObject") + (object.length + 1) * object.width;
      case "instance":
        return basicBytes + (this.minor >= 13 ? inlineValuesBytes(this.classOf(object) as WrittenClass) : 0);
      default:
        return basicBytes;
    }
  }

  private writeClass(model: HeapModel["classes"][number], withDict: boolean): WrittenClass {
    const head = this.layout.size("PyGC_Head");
    const address = this.writer.allocate(Home.chunk, head + this.layout.size("PyHeapTypeObject")) + head;
    const write = withDict ? writeDictClass : writeSlotsClass;
    const type = write(this.writer, this.layout, this.minor, address, model, this.types);
    const placed: PlacedModel = {
      object: { kind: "native", words: [] },
      ...{ home: Home.chunk, references: 3, immortal: false, list: 2 },
    };
    const object: WrittenObject = { model: placed, type: this.types.type, address, references: [], slots: [], buffers: [] };
    const base = this.layout.offset("PyTypeObject", "tp_base");
    this.refer(object, address + base, this.types.object.address, fieldSlot(base));
    this.track(address, 2);
    if (!withDict) return { object, type, keys: 0, keysBits: 0 };
    const keysBits = slotBits(model.names.length) + model.spareBits;
    const usedBytes = keysBytes(this.layout, keysBits, this.minor >= 11 ? 16 : 24);
    const keys = this.writer.allocate(Home.pool, usedBytes);
    object.buffers.push({ address: keys, usedBytes });
    this.writer.put64(address + this.layout.offset("PyHeapTypeObject", "ht_cached_keys"), keys);
    return { object, type, keys, keysBits };
  }

  /** A tuple of all static types, so that each of them is found. */
  private writeRoots(): WrittenObject {
    const items = STATIC_TYPES.map(() => 0);
    const model: PlacedModel = {
      object: { kind: "tuple", items },
      ...{ home: Home.pool, references: 1, immortal: false, list: LISTS },
    };
    const written = this.place(model);
    this.writer.put64(written.address + 16, items.length);
    const first = written.address + this.types.tuple.basicBytes;
    for (const [index, name] of STATIC_TYPES.entries())
      this.refer(written, first + index * 8, this.types[name].address, packSlot(SlotPart.item, index));
    return written;
  }

  /** An object that died: its memory is free, its content is still there. */
  private release(model: PlacedModel): void {
    const home = model.home === Home.fixed ? Home.pool : model.home;
    const { address, type } = this.place({ ...model, home, list: LISTS });
    this.writer.release(address - this.headBytes(type));
  }

  private writeHeader(home: number, bytes: number, references: number, type: number): number {
    const address = this.writer.allocate(home, bytes);
    this.writer.put64(address, references);
    this.writer.put64(address + 8, type);
    return address;
  }

  private writeJunk(kind: number, bytes: number): void {
    const { writer, types, layout } = this;
    const head = layout.size("PyGC_Head");
    switch (kind) {
      case Junk.zeros:
        writer.allocate(Home.pool, bytes);
        break;
      case Junk.dead:
        this.writeHeader(Home.pool, 24 + bytes, 0, types.float.address);
        break;
      case Junk.tooLarge: {
        const address = writer.allocate(Home.chunk, head + 16) + head;
        writer.put64(address, 1);
        writer.put64(address + 8, types.set.address);
        break;
      }
      case Junk.torn:
      case Junk.unlinked: {
        // Up to 3.7 nothing in the header tells.
        if (this.minor < 8) break;
        const start = writer.allocate(Home.pool, head + 48 + bytes);
        writer.put64(start, kind === Junk.torn ? NOWHERE : 0);
        writer.put64(start + 8, 0x2003_0001_0200);
        writer.put64(start + head, 1);
        writer.put64(start + head + 8, types.list.address);
        break;
      }
      case Junk.text: {
        const address = writer.allocate(Home.pool, bytes);
        for (let at = 0; at < bytes; at++) writer.put8(address + at, 0x61 + (at % 26));
        break;
      }
    }
  }

  private pointersTo(addresses: readonly number[]): { start: number; end: number } {
    const start = this.writer.allocate(Home.fixed, addresses.length * 8 + 8);
    for (const [index, address] of addresses.entries()) this.writer.put64(start + index * 8, address);
    return { start, end: start + addresses.length * 8 + 8 };
  }

  /** Links the collector's lists, which are circles through heads of their own, and says where all of it is. */
  private runtime(): PythonRuntime {
    const gcHeadBytes = this.layout.size("PyGC_Head");
    const headStride = gcHeadBytes + 8;
    const generationsAddress = this.writer.allocate(Home.fixed, 3 * headStride);
    const permanentAddress = this.writer.allocate(Home.fixed, gcHeadBytes);
    for (const [list, members] of this.lists.entries()) {
      const head = list === 3 ? permanentAddress : generationsAddress + list * headStride;
      const circle = [head, ...members];
      for (const [index, member] of circle.entries()) {
        const next = circle[(index + 1) % circle.length];
        this.writer.put64(member, next);
        this.writer.put64(next + 8, member);
      }
    }
    const gc = {
      ...{ generationsAddress, headStride, gcHeadBytes, stateAddress: undefined },
      permanentAddress: this.minor >= 7 ? permanentAddress : undefined,
    };
    const { address: typeType } = this.types.type;
    const { layout, minor, debugBytes } = this;
    return {
      module: { path: "", base: 0, start: 0, end: 0, dataRanges: [], buildId: undefined },
      version: { major: 3, minor, micro: 0, text: `3.${minor}` },
      ...{ layout, debugBytes, typeType, debugBuild: false, versionNote: undefined, runtimeAddress: undefined },
      interpretersHeadAddress: 0,
      interpreters: [{ address: 0, id: 0, gc }],
      pymalloc: { alignment: 16, states: [] },
      symbol: (name) => (TYPE_SYMBOLS[name] === undefined ? undefined : this.types[TYPE_SYMBOLS[name]].address),
    };
  }
}

/** Slot of the word of an object's body at a byte offset. */
export function fieldSlot(offset: number): number {
  return packSlot(SlotPart.field, (offset - 16) / 8);
}

/** ⌊2n/3⌋ of 2ⁿ slots (Objects/dictobject.c USABLE_FRACTION). */
export function usableSlots(bits: number): number {
  return Math.floor((2 ** bits * 2) / 3);
}

/** The fewest bits, at least 3, whose slots have room for `entries`. */
export function slotBits(entries: number): number {
  let bits = 3;
  while (usableSlots(bits) < entries) bits++;
  return bits;
}

/** Bytes of an index of a table of 2ⁿ slots. */
export function indexBytes(bits: number): number {
  return bits < 8 ? 1 : bits < 16 ? 2 : 4;
}

/** Bytes of a keys object: header, an index for each slot, entries (dictobject.c). */
export function keysBytes(layout: Layout, bits: number, entryBytes: number): number {
  return layout.offset("PyDictKeysObject", "dk_indices") + 2 ** bits * indexBytes(bits) + usableSlots(bits) * entryBytes;
}

/** Bytes of the values behind an instance (3.13 pycore_dict.h): header, pointers, order. */
export function inlineValuesBytes({ keysBits }: { readonly keysBits: number }): number {
  const capacity = usableSlots(keysBits);
  return 8 + capacity * 8 + roundUp(capacity, 8);
}
