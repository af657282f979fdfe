import { closeSync, openSync, readSync } from "node:fs";
import { objectAt } from "../../src/analysis/places.ts";
import { qualifiedTypeName } from "../../src/analysis/types.ts";
import { type GraphTables, SlotPart } from "../../src/snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../../src/snapshot/references.ts";
import { descriptorState, descriptorType } from "../../src/snapshot/states.ts";
import { ObjectState, type ObjectTables, type Snapshot } from "../../src/snapshot/tables.ts";
import type { PythonVersion } from "../../src/strata/cpython/layouts/layout.ts";
import type { Truth } from "./truth.ts";
import { type UnvisitedKinds, unvisitedKinds } from "./unvisited-references.ts";

/** Fields of a body begin behind the object header: see `SlotPart.field`. */
const HEADER_BYTES = 16;

/** How often each of some things was seen, with one example. */
export type Tally = Map<string, { count: number; example: string }>;

/** What a snapshot's references are, next to what gc.get_referents says. Numbers count references unless named otherwise. */
export interface ReferenceComparison {
  /** Of objects that both know. */
  readonly expected: number;
  readonly ours: number;
  /** In both. */
  readonly matched: number;
  /** Ours that the collector does not visit, for a reason that `unvisited-references.ts` names. */
  readonly unvisited: number;
  /** The collector's that we lack, by type of the source and of the target. */
  readonly missing: Tally;
  /** Ours that the collector does not visit and nobody explains, by type of the source, slot, type of the target. */
  readonly other: Tally;
  /** References by kind of `unvisited-references.ts`. */
  readonly kinds: ReadonlyMap<string, number>;
  /** Objects whose references are the collector's and explained ones, no more and no less. */
  readonly exactObjects: number;
  readonly comparedObjects: number;
}

/** What the places of a snapshot hold, as far as comparisons ask. */
export interface KnownObjects {
  readonly snapshot: Snapshot;
  readonly objects: ObjectTables;
  readonly graph: GraphTables;
  /** Address of the object of each place, 0 where none is. */
  readonly addresses: Float64Array;
  readonly places: ReadonlyMap<number, number>;
}

/** Throws when the snapshot was taken without references. */
export function knownObjects(snapshot: Snapshot): KnownObjects {
  const { objects, graph } = snapshot;
  if (!objects || !graph) throw new Error("a snapshot without references");
  const addresses = new Float64Array(objects.length);
  const places = new Map<number, number>();
  for (let place = 0; place < objects.length; place++) {
    const object = objectAt(snapshot, place);
    if (object === undefined) continue;
    addresses[place] = object.address;
    places.set(object.address, place);
  }
  return { snapshot, objects, graph, addresses, places };
}

export function typeNameAt({ snapshot, objects }: KnownObjects, place: number): string {
  return qualifiedTypeName(snapshot.types, descriptorType(objects.descriptor[place]));
}

/** Release of the process, from "CPython 3.11.7". */
export function pythonVersion({ snapshot }: KnownObjects): PythonVersion {
  const [major = 0, minor = 0, micro = 0] = (snapshot.process.python ?? "").match(/\d+/g)?.map(Number) ?? [];
  return { major, minor, micro };
}

/** A slot as reports name it: `item 3`, `field +24`. */
export function slotName(slot: number): string {
  const part = slotPart(slot);
  const name = Object.entries(SlotPart).find(([, value]) => value === part)?.[0] ?? String(part);
  if (part === SlotPart.field) return `field +${HEADER_BYTES + slotPosition(slot) * 8}`;
  return part === SlotPart.implicit ? `implicit ${slotPosition(slot)}` : name;
}

/** Compares the references of every object that the truth and the snapshot both know. */
export function compareReferences(truth: Truth, known: KnownObjects): ReferenceComparison {
  const { graph, places } = known;
  const { objects, references } = truth;
  const kinds = unvisitedKinds(known);
  const counts = new Map<string, number>();
  const missing: Tally = new Map();
  const other: Tally = new Map();
  const wanted = new Int32Array(known.objects.length);
  const sums = { expected: 0, ours: 0, matched: 0, unvisited: 0, exactObjects: 0, comparedObjects: 0 };
  const alive = aliveObjects(truth);
  for (let row = 0; row < objects.length; row++) {
    const source = places.get(objects.address[row]);
    if (source === undefined || alive[row] === 0) continue;
    const before = missing.size + other.size;
    let wrong = 0;
    sums.comparedObjects++;
    for (let index = references.offsets[row]; index < references.offsets[row + 1]; index++) {
      const target = places.get(references.targets[index]);
      sums.expected++;
      if (target !== undefined) wanted[target]++;
      else wrong += add(missing, `${typeNameAt(known, source)} -> unknown`, () => hexadecimal(references.targets[index]));
    }
    const left = takeMatches(graph, source, wanted, kinds);
    sums.ours += left.ours;
    sums.matched += left.matched;
    for (const { target, slot } of left.extra) {
      const kind = kinds.kindOf(source, slot, target);
      if (kind !== undefined) {
        sums.unvisited++;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      } else {
        const text = `${typeNameAt(known, source)} ${slotName(slot)} -> ${typeNameAt(known, target)}`;
        wrong += add(other, text, () => hexadecimal(objects.address[row]));
      }
    }
    for (let index = references.offsets[row]; index < references.offsets[row + 1]; index++) {
      const target = places.get(references.targets[index]);
      if (target === undefined) continue;
      for (; wanted[target] > 0; wanted[target]--) {
        const text = `${typeNameAt(known, source)} -> ${typeNameAt(known, target)}`;
        wrong += add(missing, text, () => `${hexadecimal(objects.address[row])} to ${hexadecimal(references.targets[index])}`);
      }
    }
    if (wrong === 0 && missing.size + other.size === before) sums.exactObjects++;
  }
  return { ...sums, missing, other, kinds: counts };
}

/**
 * Takes an object's references off `wanted`, those first that the collector should visit: where it refers twice to the same
 * object, the unvisited one of both is to be left over.
 */
function takeMatches(graph: GraphTables, source: number, wanted: Int32Array, kinds: UnvisitedKinds) {
  let ours = 0;
  let matched = 0;
  const candidates: { target: number; slot: number }[] = [];
  forEachReference(graph.references, source, (target, slot) => {
    ours++;
    if (wanted[target] > 0 && kinds.kindOf(source, slot, target) === undefined) {
      wanted[target]--;
      matched++;
    } else candidates.push({ target, slot });
  });
  const extra = candidates.filter(({ target }) => {
    if (wanted[target] <= 0) return true;
    wanted[target]--;
    matched++;
    return false;
  });
  return { ours, matched, extra };
}

/** Reference counts next to the references that a snapshot has, over mortal objects. */
export interface CountComparison {
  readonly mortal: number;
  readonly equal: number;
  /** The count is above what we see, by type of the object: C code holds it, or we miss a reference. */
  readonly above: Tally;
  /** The count is below what we see: we follow what nobody counts. */
  readonly below: Tally;
  /** Mortal objects that nothing refers to and that have a reference count above what native code is known to hold. */
  readonly unreferenced: Tally;
}

/** Compares every mortal object's reference count with its counted references and roots. */
export function compareCounts(known: KnownObjects): CountComparison {
  const { objects, graph, addresses, snapshot } = known;
  const seen = new Uint32Array(objects.length);
  for (let reference = 0; reference < graph.references.length; reference++) seen[graph.references.targets[reference]]++;
  for (let root = 0; root < graph.roots.length; root++) seen[graph.roots.target[root]] += graph.roots.counted[root];
  const pointed = pointedAt(known, seen);
  const above: Tally = new Map();
  const below: Tally = new Map();
  const unreferenced: Tally = new Map();
  let mortal = 0;
  let equal = 0;
  for (let place = 0; place < objects.length; place++) {
    if (descriptorState(objects.descriptor[place]) !== ObjectState.object) continue;
    const count = objectAt(snapshot, place)?.referenceCount;
    // 3.11 has no immortal objects but static ones whose count begins at 999,999,999.
    if (count === undefined || count > STATIC_COUNT) continue;
    mortal++;
    const name = typeNameAt(known, place);
    const example = () => `${hexadecimal(addresses[place])} counts ${count}, seen ${seen[place]}`;
    if (count === seen[place]) equal++;
    else add(count > seen[place] ? above : below, name, example);
    if (pointed[place] === 0) add(unreferenced, name, example);
  }
  return { mortal, equal, above, below, unreferenced };
}

const STATIC_COUNT = 900_000_000;

/** 1 where a reference, counted or not, or a root leads. */
function pointedAt({ graph }: KnownObjects, seen: Uint32Array): Uint8Array {
  const pointed = Uint8Array.from(seen, (count) => (count > 0 ? 1 : 0));
  const { uncounted } = graph.references;
  for (let index = 0; index < uncounted.length; index++) pointed[uncounted.target[index]] = 1;
  for (let root = 0; root < graph.roots.length; root++) pointed[graph.roots.target[root]] = 1;
  return pointed;
}

/** 1 for each row of the truth whose object is the same in the process that stands still, not one that the dump replaced. */
function aliveObjects({ target, objects }: Truth): Uint8Array {
  const memory = openSync(`/proc/${target.pid}/mem`, "r");
  const header = new BigUint64Array(2);
  const alive = new Uint8Array(objects.length);
  for (let row = 0; row < objects.length; row++) {
    try {
      readSync(memory, header, 0, HEADER_BYTES, objects.address[row]);
      alive[row] = header[0] !== 0n && Number(header[1]) === objects.type[row] ? 1 : 0;
    } catch {
      // The child mapped it after the fork.
    }
  }
  closeSync(memory);
  return alive;
}

function add(tally: Tally, key: string, example: () => string): number {
  const entry = tally.get(key);
  if (entry !== undefined) entry.count++;
  else tally.set(key, { count: 1, example: example() });
  return 1;
}

/** The most frequent entries of a tally, for diagnostics. */
export function tallyLines(tally: Tally, most: number): string[] {
  return [...tally]
    .sort(([, left], [, right]) => right.count - left.count)
    .slice(0, most)
    .map(([key, { count, example }]) => `${count} ${key} (${example})`);
}

export function tallySum(tally: Tally): number {
  return [...tally.values()].reduce((sum, { count }) => sum + count, 0);
}

function hexadecimal(address: number): string {
  return `0x${address.toString(16)}`;
}
