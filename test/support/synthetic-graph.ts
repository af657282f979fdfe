/**
 * Snapshots with references from a readable description, for analyses that need no process:
 *
 *   withGraph({
 *     objects: {
 *       main: { type: "module", refers: ["globals"] },
 *       globals: { type: "dict", refers: [entry(0, "key", "value")] },
 *       key: { type: "str", text: "APP" },
 *       value: { type: "parley.hub.Hub", bytes: 48, refers: [field("store", 3)] },
 *       store: { type: "list" },
 *     },
 *     roots: [{ kind: RootKind.module, to: "main", name: "__main__" }],
 *   })
 */

import { type GraphTables, RootKind, SlotPart, TypeFlags, TypeForm, UncountedKind } from "../../src/snapshot/graph-tables.ts";
import { packSlot, stepBetween, WIDE_STEP } from "../../src/snapshot/references.ts";
import { IMMORTAL_REFERENCES, LARGE_BYTES, packDescriptor, UNTRACKED_GENERATION } from "../../src/snapshot/states.ts";
import { ObjectState, type ObjectTables, type PymallocTables, type Snapshot } from "../../src/snapshot/tables.ts";
import { ALIGNMENT, GC_HEADER_BYTES, POOL_BYTES, POOL_HEADER_BYTES, syntheticSnapshot } from "./synthetic-snapshot.ts";

export interface ReferenceSpec {
  readonly to: string;
  /** A packed slot. */
  readonly slot: number;
}

export interface ObjectSpec {
  /** Such as "parley.hub.Hub"; "list" is of no module. */
  readonly type: string;
  /** Shallow bytes, 64 if not given. */
  readonly bytes?: number;
  /** If not given as many as we see: from objects, and from roots that count. */
  readonly referenceCount?: number | "immortal";
  /** 0 to 3; if not given 2, and untracked for types without a gc header. */
  readonly generation?: number;
  /** Bytes of buffers that the shallow bytes leave out. */
  readonly buffers?: readonly number[];
  /** Outside of pools and chunks: in the program's own data. */
  readonly isStatic?: boolean;
  /** A name alone is the next item: of a list, a tuple, a set. Entries and fields: see `entry`, `key`, `field`, … */
  readonly refers?: readonly (string | ReferenceSpec | readonly ReferenceSpec[])[];
  /** Target of a weak reference. */
  readonly weak?: string;
  /** Type whose attribute names a split dictionary shares. */
  readonly sharedKeysOf?: string;
  /** Of a str: it is a name. */
  readonly text?: string;
  /** Of a code object. */
  readonly firstLine?: number;
  /** As repr prints it; only in a snapshot with values. */
  readonly value?: string;
  /** Type that this object is. */
  readonly describes?: string;
}

export interface TypeSpec {
  readonly form?: number;
  readonly flags?: number;
  readonly base?: string;
  readonly inPlaceExtraBytes?: number;
  /** Names of fields by position. */
  readonly fields?: Readonly<Record<number, string>>;
}

export interface RootSpec {
  /** `RootKind` */
  readonly kind: number;
  readonly to: string;
  readonly name?: string;
  readonly owner?: number;
  readonly frame?: number;
  /** True if not given, except for modules and libraries. */
  readonly counted?: boolean;
}

export interface GraphSpec {
  readonly objects: Readonly<Record<string, ObjectSpec>>;
  readonly types?: Readonly<Record<string, TypeSpec>>;
  readonly roots?: readonly RootSpec[];
  /** Parts of the snapshot that are not the synthetic process's. */
  readonly snapshot?: Partial<Snapshot>;
}

export interface SyntheticGraph {
  readonly snapshot: Snapshot;
  /** Place of a named object. */
  readonly place: (name: string) => number;
  /** Name of the object at a place; its number when it is a buffer. */
  readonly nameOf: (place: number) => string;
  /** Type index of a type's name. */
  readonly typeIndex: (name: string) => number;
}

/** A dictionary's entry; `index` counts entries. */
export function entry(index: number, key: string, value: string): readonly ReferenceSpec[] {
  return [
    { to: key, slot: packSlot(SlotPart.item, 2 * index) },
    { to: value, slot: packSlot(SlotPart.item, 2 * index + 1) },
  ];
}

/** A word of the body. */
export function field(to: string, position: number): ReferenceSpec {
  return { to, slot: packSlot(SlotPart.field, position) };
}

/** A variable of a frame or generator by number. */
export function local(to: string, number: number): ReferenceSpec {
  return { to, slot: packSlot(SlotPart.local, number) };
}

/** The reference to the object's type. */
export function typeOf(to: string): ReferenceSpec {
  return { to, slot: packSlot(SlotPart.implicit, 0) };
}

/** The reference to the instance dictionary. */
export function dictOf(to: string): ReferenceSpec {
  return { to, slot: packSlot(SlotPart.implicit, 1) };
}

const BLOCK_BYTES = 512;
const SIZE_CLASS = BLOCK_BYTES / ALIGNMENT - 1;
const BLOCKS_PER_POOL = Math.floor((POOL_BYTES - POOL_HEADER_BYTES) / BLOCK_BYTES);
const POOLS_ADDRESS = 0x7f00_0000_0000;
const STATIC_ADDRESS = 0x80_0000;

const FORMS: Readonly<Record<string, number>> = {
  object: TypeForm.other,
  list: TypeForm.list,
  tuple: TypeForm.tuple,
  dict: TypeForm.dict,
  set: TypeForm.set,
  frozenset: TypeForm.set,
  str: TypeForm.str,
  bytes: TypeForm.bytes,
  int: TypeForm.int,
  float: TypeForm.float,
  bool: TypeForm.bool,
  NoneType: TypeForm.none,
  module: TypeForm.module,
  type: TypeForm.type,
  function: TypeForm.function,
  method: TypeForm.method,
  code: TypeForm.code,
  frame: TypeForm.frame,
  generator: TypeForm.generator,
  coroutine: TypeForm.generator,
  cell: TypeForm.cell,
  weakref: TypeForm.weakReference,
  "collections.deque": TypeForm.deque,
};
const WITHOUT_GC = new Set(["str", "bytes", "int", "float", "bool", "NoneType", "code", "object"]);

/** Building the process around the graph is most of the work: once is enough. */
let surroundings: Snapshot | undefined;

/** A snapshot whose objects are those of the spec, in their order: first those in pools, then buffers, then static ones. */
export function withGraph(spec: GraphSpec): SyntheticGraph {
  const named = Object.entries(spec.objects);
  const inPools = named.filter(([, object]) => !object.isStatic);
  const others = named.filter(([, object]) => object.isStatic);
  const buffers = named.flatMap(([name, { buffers = [] }]) => buffers.map((bytes) => ({ owner: name, bytes })));
  const poolPlaces = inPools.length + buffers.length;
  const places = new Map<string, number>();
  for (const [name] of inPools) places.set(name, places.size);
  for (const [name] of others) places.set(name, places.size + buffers.length);
  const place = (name: string): number => {
    const found = places.get(name);
    if (found === undefined) throw new Error(`the spec has no object ${name}`);
    return found;
  };
  const typeNames = [
    ...new Set([
      ...named.map(([, { type }]) => type),
      ...named.flatMap(([, { describes }]) => describes ?? []),
      ...Object.keys(spec.types ?? {}),
    ]),
  ];
  const typeIndex = (name: string): number => {
    const index = typeNames.indexOf(name);
    if (index < 0) throw new Error(`the spec has no type ${name}`);
    return index;
  };
  const byPlace: { object: ObjectSpec | undefined; buffer?: { owner: string; bytes: number } }[] = [
    ...inPools.map(([, object]) => ({ object })),
    ...buffers.map((buffer) => ({ object: undefined, buffer })),
    ...others.map(([, object]) => ({ object })),
  ];
  const graph = graphTables(
    spec,
    byPlace.map(({ object }) => object),
    place,
    typeNames,
    typeIndex,
  );
  const seen = seenCounts(graph);
  const objects: ObjectTables = {
    length: byPlace.length,
    poolPlaces,
    chunkPlaces: 0,
    descriptor: Uint32Array.from(byPlace, ({ object }) => {
      if (!object) return packDescriptor(1, ObjectState.buffer, 0, UNTRACKED_GENERATION);
      const withGc = !WITHOUT_GC.has(object.type);
      const generation = object.generation ?? (withGc ? 2 : UNTRACKED_GENERATION);
      return packDescriptor(typeIndex(object.type), ObjectState.object, withGc ? 1 : 0, generation);
    }),
    bytes: Uint32Array.from(byPlace, (at) => Math.min(LARGE_BYTES, bytesOf(at))),
    largeBytes: new Map(byPlace.flatMap((at, index) => (bytesOf(at) >= LARGE_BYTES ? [[index, bytesOf(at)] as const] : []))),
    link: Uint32Array.from(byPlace, ({ object, buffer }, index) => {
      if (buffer) return place(buffer.owner);
      const count = object?.referenceCount ?? seen[index];
      return count === "immortal" ? IMMORTAL_REFERENCES : count;
    }),
    otherAddress: Float64Array.from(others, (_, index) => STATIC_ADDRESS + index * BLOCK_BYTES),
    headerBytes: [0, GC_HEADER_BYTES, 0, 0],
    debugBytes: 0,
  };
  surroundings ??= syntheticSnapshot();
  const pymalloc = pymallocTables(poolPlaces);
  const snapshot: Snapshot = {
    ...surroundings,
    malloc: [],
    pymalloc,
    types: typeTable(
      typeNames,
      byPlace.flatMap(({ object }) => object ?? []),
      spec,
    ),
    objects,
    graph,
    ...spec.snapshot,
  };
  const names = new Map([...places].map(([name, at]) => [at, name]));
  return { snapshot, place, nameOf: (at) => names.get(at) ?? String(at), typeIndex };
}

function bytesOf({ object, buffer }: { object: ObjectSpec | undefined; buffer?: { bytes: number } }): number {
  return buffer ? buffer.bytes : (object?.bytes ?? 64);
}

function graphTables(
  spec: GraphSpec,
  objects: readonly (ObjectSpec | undefined)[],
  place: (name: string) => number,
  typeNames: readonly string[],
  typeIndex: (name: string) => number,
): GraphTables {
  const roots = spec.roots ?? [];
  const described = (name: string) => objects.findIndex((object) => object?.describes === name);
  const specOf = (name: string): TypeSpec => spec.types?.[name] ?? {};
  const fields = typeNames.flatMap((name, type) =>
    Object.entries(specOf(name).fields ?? {}).map(([position, text]) => ({ type, position: Number(position), text })),
  );
  const texts = [...new Set(objects.flatMap((object) => object?.text ?? []))];
  const withText = indexesWhere(objects, (object) => object.text !== undefined);
  const withContent = indexesWhere(objects, ({ type, text }) => (type === "str" || type === "bytes") && text === undefined);
  const withLine = indexesWhere(objects, (object) => object.firstLine !== undefined);
  const withValue = indexesWhere(objects, (object) => object.value !== undefined);
  return {
    references: referenceTables(objects, place),
    roots: {
      length: roots.length,
      kind: Uint8Array.from(roots, ({ kind }) => kind),
      target: Uint32Array.from(roots, ({ to }) => place(to)),
      owner: Int32Array.from(roots, ({ owner }) => owner ?? -1),
      frame: Int32Array.from(roots, ({ frame }) => frame ?? -1),
      name: roots.map(({ name }) => name ?? ""),
      counted: Uint8Array.from(roots, ({ kind, counted }) =>
        Number(counted ?? (kind !== RootKind.module && kind !== RootKind.library)),
      ),
    },
    types: {
      object: Int32Array.from(typeNames, described),
      base: Int32Array.from(typeNames, (name) => {
        const base = specOf(name).base;
        return base === undefined ? -1 : typeIndex(base);
      }),
      form: Uint8Array.from(typeNames, (name) => specOf(name).form ?? FORMS[name] ?? TypeForm.instance),
      flags: Uint8Array.from(typeNames, (name) => specOf(name).flags ?? flagsOf(name)),
      inPlaceExtraBytes: Uint32Array.from(typeNames, (name) => specOf(name).inPlaceExtraBytes ?? 0),
      fields: {
        length: fields.length,
        type: Uint32Array.from(fields, ({ type }) => type),
        position: Uint32Array.from(fields, ({ position }) => position),
        name: fields.map(({ text }) => text),
      },
    },
    names: {
      length: withText.length,
      object: Uint32Array.from(withText),
      text: Uint32Array.from(withText, (index) => texts.indexOf(objects[index]?.text ?? "")),
      texts,
    },
    contents: {
      length: withContent.length,
      object: Uint32Array.from(withContent),
      size: Uint32Array.from(withContent, (index) => objects[index]?.bytes ?? 0),
      hashLow: Uint32Array.from(withContent, (index) => index),
      hashHigh: new Uint32Array(withContent.length),
    },
    codes: {
      length: withLine.length,
      object: Uint32Array.from(withLine),
      firstLine: Uint32Array.from(withLine, (index) => objects[index]?.firstLine ?? 0),
    },
    values:
      withValue.length === 0
        ? undefined
        : {
            length: withValue.length,
            object: Uint32Array.from(withValue),
            repr: withValue.map((index) => objects[index]?.value ?? ""),
            cut: new Uint8Array(withValue.length),
          },
  };
}

function indexesWhere(objects: readonly (ObjectSpec | undefined)[], matches: (object: ObjectSpec) => boolean): number[] {
  return objects.flatMap((object, index) => (object && matches(object) ? [index] : []));
}

function flagsOf(type: string): number {
  const gc = WITHOUT_GC.has(type) ? 0 : TypeFlags.gc;
  return FORMS[type] === undefined ? gc | TypeFlags.pythonClass | TypeFlags.heapType : gc;
}

function referenceTables(
  objects: readonly (ObjectSpec | undefined)[],
  place: (name: string) => number,
): GraphTables["references"] {
  const offsets = new Uint32Array(objects.length + 1);
  const targets: number[] = [];
  const steps: number[] = [];
  const wide: { reference: number; slot: number }[] = [];
  const uncounted: { source: number; target: number; kind: number }[] = [];
  for (const [source, object] of objects.entries()) {
    let before = -1;
    let items = 0;
    for (const reference of (object?.refers ?? []).flat()) {
      const { to, slot } =
        typeof reference === "string"
          ? { to: reference, slot: packSlot(SlotPart.item, items++) }
          : (reference as ReferenceSpec);
      const step = stepBetween(before, slot);
      if (step === WIDE_STEP) wide.push({ reference: targets.length, slot });
      targets.push(place(to));
      steps.push(step);
      before = slot;
    }
    offsets[source + 1] = targets.length;
    if (object?.weak !== undefined) uncounted.push({ source, target: place(object.weak), kind: UncountedKind.weak });
    if (object?.sharedKeysOf !== undefined) {
      uncounted.push({ source, target: place(object.sharedKeysOf), kind: UncountedKind.sharedKeys });
    }
  }
  return {
    length: targets.length,
    offsets,
    targets: Uint32Array.from(targets),
    steps: Uint8Array.from(steps),
    wideSlots: {
      length: wide.length,
      reference: Uint32Array.from(wide, ({ reference }) => reference),
      slot: Uint32Array.from(wide, ({ slot }) => slot),
    },
    uncounted: {
      length: uncounted.length,
      source: Uint32Array.from(uncounted, ({ source }) => source),
      target: Uint32Array.from(uncounted, ({ target }) => target),
      slot: new Uint32Array(uncounted.length),
      kind: Uint8Array.from(uncounted, ({ kind }) => kind),
    },
  };
}

/** References of each place that are seen: the table of interned strings counts none of its own. */
function seenCounts({ references, roots }: GraphTables): Uint32Array {
  const seen = new Uint32Array(references.offsets.length - 1);
  const interned = new Set([...roots.target].filter((_, root) => roots.kind[root] === RootKind.interned));
  for (let source = 0; source < seen.length; source++) {
    if (interned.has(source)) continue;
    for (let at = references.offsets[source]; at < references.offsets[source + 1]; at++) seen[references.targets[at]]++;
  }
  for (let root = 0; root < roots.length; root++) seen[roots.target[root]] += roots.counted[root];
  return seen;
}

/** Every place of a pool is a block of 512 bytes. */
function pymallocTables(places: number): PymallocTables {
  const pools = Math.ceil(places / BLOCKS_PER_POOL);
  const used = (pool: number) => Math.min(BLOCKS_PER_POOL, places - pool * BLOCKS_PER_POOL);
  return {
    poolBytes: POOL_BYTES,
    alignment: ALIGNMENT,
    poolHeaderBytes: POOL_HEADER_BYTES,
    arenas: {
      length: 1,
      address: Float64Array.of(POOLS_ADDRESS),
      bytes: Float64Array.of(pools * POOL_BYTES),
      residentBytes: Float64Array.of(pools * POOL_BYTES),
      interpreter: new Uint16Array(1),
      pools: Uint16Array.of(pools),
      freePools: new Uint16Array(1),
      usedBlocks: Float64Array.of(places),
      freeBlocks: Float64Array.of(pools * BLOCKS_PER_POOL - places),
    },
    pools: {
      length: pools,
      address: Float64Array.from({ length: pools }, (_, pool) => POOLS_ADDRESS + pool * POOL_BYTES),
      arena: new Uint32Array(pools),
      sizeClass: new Uint8Array(pools).fill(SIZE_CLASS),
      usedBlocks: Uint16Array.from({ length: pools }, (_, pool) => used(pool)),
      firstObject: Uint32Array.from({ length: pools }, (_, pool) => pool * BLOCKS_PER_POOL),
      objectBytes: Uint16Array.from({ length: pools }, (_, pool) => used(pool) * BLOCK_BYTES),
      roundingBytes: new Uint16Array(pools),
      freeBytes: Uint16Array.from({ length: pools }, (_, pool) => (BLOCKS_PER_POOL - used(pool)) * BLOCK_BYTES),
      freeListBytes: new Uint16Array(pools),
      runtimeBytes: new Uint16Array(pools),
      unownedBytes: new Uint16Array(pools),
      headerBytes: new Uint16Array(pools).fill(POOL_BYTES - BLOCKS_PER_POOL * BLOCK_BYTES),
    },
  };
}

function typeTable(typeNames: readonly string[], objects: readonly ObjectSpec[], spec: GraphSpec): Snapshot["types"] {
  const table = {
    length: typeNames.length,
    address: Float64Array.from(typeNames, (_, index) => 0x90_0000 + index * BLOCK_BYTES),
    name: typeNames.map((name) => name.slice(name.lastIndexOf(".") + 1)),
    module: typeNames.map((name) => name.slice(0, Math.max(0, name.lastIndexOf(".")))),
    count: new Float64Array(typeNames.length),
    shallowBytes: new Float64Array(typeNames.length),
    ownedBytes: new Float64Array(typeNames.length),
    residentBytes: new Float64Array(typeNames.length),
  };
  for (const object of objects) {
    const type = typeNames.indexOf(object.type);
    const bytes = object.bytes ?? 64;
    const extra =
      (object.buffers ?? []).reduce((sum, size) => sum + size, 0) + (spec.types?.[object.type]?.inPlaceExtraBytes ?? 0);
    table.count[type]++;
    table.shallowBytes[type] += bytes;
    table.ownedBytes[type] += bytes + extra;
    table.residentBytes[type] += bytes + extra;
  }
  return table;
}
