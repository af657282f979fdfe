import { SlotPart } from "../../src/snapshot/graph-tables.ts";
import { packSlot } from "../../src/snapshot/references.ts";
import { staticTypesCountHeader } from "../../src/strata/cpython/rules/sizes.ts";
import { fieldSlot, keysBytes, usableSlots, type WrittenBuffer, type WrittenHeap, type WrittenObject } from "./heap-encoder.ts";
import { STATIC_TYPES } from "./heap-types.ts";

/** What decoding must say of an object. */
export interface ExpectedObject {
  /** Address of its type. */
  readonly type: number;
  /** sys.getsizeof. */
  readonly shallowBytes: number;
  readonly references: number;
  /** 0–2, 3 when not tracked. */
  readonly generation: number;
  readonly buffers: readonly WrittenBuffer[];
  /** Bytes of its place before the object. */
  readonly headBytes: number;
}

const IMMORTAL = 0xffff_ffff;
const NOT_TRACKED = 3;
/** List 3 is the permanent generation, which counts as the oldest. */
const GENERATION_OF_LIST = [0, 1, 2, 2, NOT_TRACKED] as const;

/**
 * Every object that can be found, by address: those in pools and chunks, and fixed ones that any of them reaches. The plain
 * way: recursion, and `__sizeof__` of each type as CPython's source has it.
 */
export function expectedObjects(heap: WrittenHeap): Map<number, ExpectedObject> {
  const classes = heap.classes.map(({ object }) => object);
  const byAddress = new Map([...classes, ...heap.objects].map((object) => [object.address, object]));
  const found = new Map<number, ExpectedObject>();
  const visit = (address: number): void => {
    const object = byAddress.get(address);
    if (object === undefined || found.has(address)) return;
    found.set(address, describe(heap, object));
    for (const reference of object.references) visit(reference);
  };
  for (const object of byAddress.values()) if (isPlaced(heap, object)) visit(object.address);
  for (const name of STATIC_TYPES) found.set(heap.types[name].address, staticType(heap));
  return found;
}

/** True when the object lies in a pool or in a chunk. */
function isPlaced(heap: WrittenHeap, { address }: WrittenObject): boolean {
  return !heap.writer.fixed.has(address);
}

function staticType({ layout, minor, types }: WrittenHeap): ExpectedObject {
  const header = staticTypesCountHeader({ minor }) ? layout.size("PyGC_Head") : 0;
  const shallowBytes = layout.size("PyTypeObject") + header;
  return {
    type: types.type.address,
    ...{ shallowBytes, references: 3, generation: NOT_TRACKED, buffers: [], headBytes: 0 },
  };
}

function describe(heap: WrittenHeap, written: WrittenObject): ExpectedObject {
  const { model, type, buffers } = written;
  const headBytes = type.preHeaderBytes + (type.collected ? heap.layout.size("PyGC_Head") : 0);
  const tracked = type.collected && isPlaced(heap, written);
  return {
    type: type.address,
    shallowBytes: headBytes + ownSize(heap, written),
    references: model.immortal && heap.minor >= 12 ? IMMORTAL : model.references,
    generation: tracked ? GENERATION_OF_LIST[model.list] : NOT_TRACKED,
    ...{ buffers, headBytes },
  };
}

/** `__sizeof__` (Objects/*.c of each type). */
function ownSize(heap: WrittenHeap, written: WrittenObject): number {
  const { layout, minor } = heap;
  const { type, model } = written;
  const { object } = model;
  const owner = heap.classes.find((each) => each.object === written);
  const entryBytes = minor >= 11 ? 16 : 24;
  if (owner) {
    return layout.size("PyHeapTypeObject") + (owner.keys === 0 ? 0 : keysBytes(layout, owner.keysBits, entryBytes));
  }
  switch (object.kind) {
    case "int":
      return type.basicBytes + 4 * Math.max(object.digits, minor >= 11 ? 1 : 0);
    case "bytes":
      return type.basicBytes + object.length;
    case "tuple":
      return type.basicBytes + 8 * object.items.length;
    case "list":
      return type.basicBytes + 8 * (object.items.length + object.spare);
    case "set":
      return type.basicBytes + (object.large ? 32 * 16 : 0);
    case "dict":
      return type.basicBytes + (written.buffers[0].usedBytes ?? 0);
    case "split": {
      const shared = heap.classes.filter(({ keys }) => keys !== 0);
      const { keysBits } = shared[object.class % shared.length];
      const keys = object.alone ? keysBytes(layout, keysBits, entryBytes) : 0;
      return type.basicBytes + 8 * usableSlots(keysBits) + keys;
    }
    case "str": {
      const wide = object.wide && layout.has("PyASCIIObject", "wstr") ? (object.length + 1) * 4 : 0;
      const utf8 = object.utf8Bytes > 0 ? object.utf8Bytes + 1 : 0;
      const characters = (object.length + 1) * object.width;
      const structures = { ascii: "PyASCIIObject", compact: "PyCompactUnicodeObject", outside: "PyUnicodeObject" } as const;
      return layout.size(structures[object.form]) + characters + utf8 + wide;
    }
    case "float":
    case "slots":
    case "instance":
    case "native":
      return type.basicBytes;
  }
}

/** A reference that decoding must say: by address, and in which slot. */
export interface ExpectedReference {
  readonly to: number;
  readonly slot: number;
  readonly counted: boolean;
}

/** What the objects that can be found refer to, by address. */
export function expectedReferences(heap: WrittenHeap, found: Iterable<number>): Map<number, ExpectedReference[]> {
  const base = fieldSlot(heap.layout.offset("PyTypeObject", "tp_base"));
  const staticTypes = STATIC_TYPES.filter((name) => name !== "object").map((name): [number, ExpectedReference[]] => [
    heap.types[name].address,
    [{ to: heap.types.object.address, slot: base, counted: true }],
  ]);
  const ofObjects = [...heap.classes.map(({ object }) => object), ...heap.objects].map(
    (object): [number, ExpectedReference[]] => [object.address, referencesOf(heap, object)],
  );
  const all = new Map([...staticTypes, ...ofObjects]);
  return new Map([...found].map((address) => [address, all.get(address) ?? []]));
}

function referencesOf(heap: WrittenHeap, written: WrittenObject): ExpectedReference[] {
  const { layout } = heap;
  const { object } = written.model;
  const memory = packSlot(SlotPart.memory, 0);
  const references = written.references
    .map((to, index) => ({ to, slot: written.slots[index], counted: true }))
    // A structure that points back at its owner does not count it.
    .filter(({ to, slot }) => to !== written.address || slot !== memory);
  // An instance of a class counts its class.
  if (written.type.model !== undefined) {
    references.push({ to: written.type.address, slot: packSlot(SlotPart.implicit, 0), counted: true });
  }
  if (object.kind === "split" && !object.alone) {
    const shared = heap.classes.filter(({ keys }) => keys !== 0);
    const { address } = shared[object.class % shared.length].object;
    references.push({ to: address, slot: fieldSlot(layout.offset("PyDictObject", "ma_keys")), counted: false });
  }
  return references;
}

/** Bytes that a str or bytes object holds and how many characters that are; undefined for all other objects. */
export function expectedContent({
  model: { object },
}: WrittenObject): { length: number; width: number; tweak: number } | undefined {
  if (object.kind === "bytes") return { length: object.length, width: 1, tweak: 0 };
  return object.kind === "str" ? { length: object.length, width: object.width, tweak: object.width } : undefined;
}
