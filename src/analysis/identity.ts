/**
 * Which objects of a later snapshot are those of an earlier one of the same process.
 *
 * An address alone proves nothing: allocators hand a freed block out again, most readily to an object of the same size and type.
 * An object is the same when everything that cannot change is equal, and when an object that is the same itself refers to it in
 * both snapshots. What is only not contradicted stays undecided and is counted so.
 *
 * O(places + references), with a logarithm only for containers whose items changed their order. 13 bytes a place.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { type ContentTable, type NameTable, RootKind, TypeForm, type ValueTable } from "../snapshot/graph-tables.ts";
import {
  descriptorGeneration,
  descriptorHeader,
  descriptorType,
  IMMORTAL_REFERENCES,
  UNTRACKED_GENERATION,
} from "../snapshot/states.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import { mainInterpreter } from "./interpreters.ts";
import { OrderKeeper } from "./kept-order.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";
import { placeBytes } from "./places.ts";

export interface Identity {
  /** Of each place of the earlier snapshot the place of the object that may be the same one, -1 when it went. */
  readonly mates: Int32Array;
  /** A bit for each place of the earlier snapshot whose object is the same as its mate. */
  readonly confirmed: Uint32Array;
}

/** How objects are identified, for answers. */
export const IDENTITY_RULE =
  "Same address, block size and type, not younger than before, equal in what cannot change (size, length and name of strings, items " +
  "of tuples), and referred to, in kept order, by an object that is the same itself. What is only not contradicted is undecided.";

/** Clock ticks, rounding and corrections of the clock between two captures. */
const START_TOLERANCE_MILLISECONDS = 2000;
/** Tuples in tuples in tuples: more rounds find nothing in practice. */
const MOST_TUPLE_ROUNDS = 8;
const NONE = -1;

/**
 * Undefined when both snapshots are of one process, else the sentence that says why not: pid, start time, and the address of the
 * interpreter, which differs from process to process and from host to host.
 */
export function whyNotSameProcess(before: Snapshot, after: Snapshot): string | undefined {
  if (before.process.pid !== after.process.pid)
    return `the process ids differ (${before.process.pid} and ${after.process.pid})`;
  if (Math.abs(startOf(before) - startOf(after)) > START_TOLERANCE_MILLISECONDS) {
    return `process ${after.process.pid} was started again in between`;
  }
  const sameInterpreter = mainAddress(before) === mainAddress(after);
  return sameInterpreter ? undefined : "their interpreters lie at different addresses";
}

function mainAddress(snapshot: Snapshot): number | undefined {
  return snapshot.interpreters[mainInterpreter(snapshot)]?.address;
}

/** Milliseconds since the epoch. */
function startOf({ capture, process }: Snapshot): number {
  return Date.parse(capture.takenAt) - process.startedSecondsAgo * 1000;
}

/** Finds the objects that are in both snapshots of one process, whichever was taken first. */
export function identifyObjects(before: ObjectGraph, after: ObjectGraph): Identity {
  const inOrder = Date.parse(before.snapshot.capture.takenAt) <= Date.parse(after.snapshot.capture.takenAt);
  return inOrder ? identifyInOrder(before, after) : turnedRound(identifyInOrder(after, before), before.objects.length);
}

function turnedRound({ mates, confirmed }: Identity, places: number): Identity {
  const turned = { mates: new Int32Array(places).fill(NONE), confirmed: newBits(places) };
  for (let place = 0; place < mates.length; place++) {
    if (mates[place] < 0) continue;
    turned.mates[mates[place]] = place;
    if (hasBit(confirmed, place)) setBit(turned.confirmed, mates[place]);
  }
  return turned;
}

function identifyInOrder(before: ObjectGraph, after: ObjectGraph): Identity {
  const mates = new Int32Array(before.objects.length).fill(NONE);
  const matcher = new Matcher(before, after, mates);
  matcher.matchPools();
  matcher.matchChunks();
  matcher.matchOthers();
  matcher.compareContents();
  matcher.compareTuples();
  return { mates, confirmed: confirm(before, after, mates) };
}

/** Pairs what lies at the same address, in the same way, and contradicts nothing. */
class Matcher {
  /** Type of `after` for each type of `before`, -1 when it is gone. */
  private readonly types: Int32Array;

  constructor(
    private readonly before: ObjectGraph,
    private readonly after: ObjectGraph,
    private readonly mates: Int32Array,
  ) {
    this.types = sameTypes(before.snapshot, after.snapshot);
  }

  /** Blocks of pools that serve the same block size in both. */
  matchPools(): void {
    const [a, b] = [this.before.snapshot.pymalloc?.pools, this.after.snapshot.pymalloc?.pools];
    if (!a || !b) return;
    forEachEqual(a.address, a.length, b.address, b.length, (poolA, poolB) => {
      if (a.sizeClass[poolA] !== b.sizeClass[poolB]) return;
      const end = poolA + 1 < a.length ? a.firstObject[poolA + 1] : this.before.objects.poolPlaces;
      for (let place = a.firstObject[poolA], mate = b.firstObject[poolB]; place < end; place++, mate++) this.pair(place, mate);
    });
  }

  /** Chunks that have the same size in both. */
  matchChunks(): void {
    let firstA = this.before.objects.poolPlaces;
    let firstB = this.after.objects.poolPlaces;
    for (let index = 0; index < this.before.snapshot.malloc.length; index++) {
      const a = this.before.snapshot.malloc[index].chunks;
      const b = this.after.snapshot.malloc[index]?.chunks;
      if (!b) return;
      forEachEqual(a.address, a.length, b.address, b.length, (chunkA, chunkB) => {
        if (a.bytes[chunkA] === b.bytes[chunkB]) this.pair(firstA + chunkA, firstB + chunkB);
      });
      firstA += a.length;
      firstB += b.length;
    }
  }

  /** Objects in no allocator's memory; they come in no order. */
  matchOthers(): void {
    const [a, b] = [sortedOthers(this.before), sortedOthers(this.after)];
    forEachEqual(a.address, a.address.length, b.address, b.address.length, (rowA, rowB) =>
      this.pair(a.place[rowA], b.place[rowB]),
    );
  }

  private pair(place: number, mate: number): void {
    const [a, b] = [this.before.objects, this.after.objects];
    if (mate >= b.length || !isObject(a, place) || !isObject(b, mate)) return;
    const [wordA, wordB] = [a.descriptor[place], b.descriptor[mate]];
    if (descriptorHeader(wordA) !== descriptorHeader(wordB)) return;
    if (this.types[descriptorType(wordA)] !== descriptorType(wordB)) return;
    // An object only ever grows older: one that is younger than before is another one.
    const [ageA, ageB] = [descriptorGeneration(wordA), descriptorGeneration(wordB)];
    if (ageA !== UNTRACKED_GENERATION && ageB < ageA) return;
    if (isFixed(this.before, wordA) && placeBytes(a, place) !== placeBytes(b, mate)) return;
    this.mates[place] = mate;
  }

  /** Takes back pairs of str and bytes whose length, text or kept value differs. Hashes cannot be compared: each file has its own key. */
  compareContents(): void {
    const [a, b] = [this.before.tables, this.after.tables];
    this.rejectUnequal(a.contents, b.contents, (rowA, rowB) => a.contents.size[rowA] === b.contents.size[rowB]);
    this.rejectUnequal(a.names, b.names, (rowA, rowB) => textOf(a.names, rowA) === textOf(b.names, rowB));
    const [valuesA, valuesB] = [a.values, b.values];
    if (valuesA && valuesB) this.rejectUnequal(valuesA, valuesB, (rowA, rowB) => sameValue(valuesA, rowA, valuesB, rowB));
  }

  /** Both tables are by ascending object, and mates rise with places within pools, chunks and others. */
  private rejectUnequal(
    a: Pick<ContentTable, "length" | "object">,
    b: Pick<ContentTable, "length" | "object">,
    equal: (rowA: number, rowB: number) => boolean,
  ): void {
    let rowB = 0;
    for (let rowA = 0; rowA < a.length; rowA++) {
      const mate = this.mates[a.object[rowA]];
      if (mate < 0) continue;
      while (rowB > 0 && b.object[rowB - 1] >= mate) rowB--;
      while (rowB < b.length && b.object[rowB] < mate) rowB++;
      if (rowB < b.length && b.object[rowB] === mate && !equal(rowA, rowB)) this.mates[a.object[rowA]] = NONE;
    }
  }

  /** Takes back pairs of tuples that do not hold the same objects: a tuple never changes. */
  compareTuples(): void {
    const { graph, objects, tables } = this.before;
    for (let round = 0, changed = true; changed && round < MOST_TUPLE_ROUNDS; round++) {
      changed = false;
      for (let place = 0; place < objects.length; place++) {
        if (this.mates[place] < 0 || tables.types.form[descriptorType(objects.descriptor[place])] !== TypeForm.tuple) continue;
        if (this.holdsTheSame(graph.offsets[place], graph.offsets[place + 1], this.mates[place])) continue;
        this.mates[place] = NONE;
        changed = true;
      }
    }
  }

  private holdsTheSame(start: number, end: number, mate: number): boolean {
    const { offsets, edges } = this.after.graph;
    const shift = offsets[mate] - start;
    if (offsets[mate + 1] - offsets[mate] !== end - start) return false;
    for (let edge = start; edge < end; edge++) {
      if (this.mates[this.before.graph.edges[edge]] !== edges[edge + shift]) return false;
    }
    return true;
  }
}

/** Types whose instances never change their size. A str is not among them: it may get a second form in UTF-8. */
function isFixed({ tables }: ObjectGraph, descriptor: number): boolean {
  const form = tables.types.form[descriptorType(descriptor)];
  return form === TypeForm.tuple || form === TypeForm.bytes || form === TypeForm.int || form === TypeForm.float;
}

function textOf(names: NameTable, row: number): string {
  return names.texts[names.text[row]];
}

/** An int or str that is equal at the same address may still be another object; one that differs is. */
function sameValue(a: ValueTable, rowA: number, b: ValueTable, rowB: number): boolean {
  return a.repr[rowA] === b.repr[rowB];
}

/** A type is the same when it lies at the same address under the same name. */
function sameTypes(before: Snapshot, after: Snapshot): Int32Array {
  const byAddress = new Map<number, number>();
  for (let type = 0; type < after.types.length; type++) byAddress.set(after.types.address[type], type);
  return Int32Array.from({ length: before.types.length }, (_, type) => {
    const mate = byAddress.get(before.types.address[type]) ?? NONE;
    const isSame =
      mate >= 0 && before.types.name[type] === after.types.name[mate] && before.types.module[type] === after.types.module[mate];
    return isSame ? mate : NONE;
  });
}

/** Calls `visit` for each value that is in both ascending columns, with its row in each. */
function forEachEqual(
  a: Float64Array,
  lengthA: number,
  b: Float64Array,
  lengthB: number,
  visit: (rowA: number, rowB: number) => void,
): void {
  for (let rowA = 0, rowB = 0; rowA < lengthA && rowB < lengthB; ) {
    if (a[rowA] < b[rowB]) rowA++;
    else if (a[rowA] > b[rowB]) rowB++;
    else visit(rowA++, rowB++);
  }
}

function sortedOthers({ objects }: ObjectGraph): { readonly address: Float64Array; readonly place: Uint32Array } {
  const first = objects.poolPlaces + objects.chunkPlaces;
  const place = Uint32Array.from({ length: objects.length - first }, (_, row) => first + row);
  place.sort((a, b) => objects.otherAddress[a - first] - objects.otherAddress[b - first]);
  return { address: Float64Array.from(place, (each) => objects.otherAddress[each - first]), place };
}

/**
 * Walks from what is certain (objects of the program itself, immortal ones, roots of the same name) along references that both snapshots have.
 * In a container whose items moved, those that kept their order are taken to be the same.
 */
function confirm(before: ObjectGraph, after: ObjectGraph, mates: Int32Array): Uint32Array {
  const confirmed = newBits(before.objects.length);
  const queue = new Int32Array(before.objects.length);
  let tail = 0;
  const take = (place: number): void => {
    if (hasBit(confirmed, place)) return;
    setBit(confirmed, place);
    queue[tail++] = place;
  };
  const firstStatic = before.objects.poolPlaces + before.objects.chunkPlaces;
  for (let place = 0; place < before.objects.length; place++) {
    // What is immortal is never freed, and static objects are part of the program.
    const isCertain = place >= firstStatic || before.objects.link[place] === IMMORTAL_REFERENCES;
    if (isCertain && mates[place] >= 0) take(place);
  }
  for (const place of sameRoots(before.snapshot, after.snapshot, mates)) take(place);
  const keeper = new OrderKeeper(after.objects.length);
  const { types } = before.tables;
  for (let head = 0; head < tail; head++) {
    const place = queue[head];
    const ordered = types.form[descriptorType(before.objects.descriptor[place])] !== TypeForm.set;
    keeper.keptTargets(before.graph, place, after.graph, mates, ordered, take);
  }
  return confirmed;
}

/** Objects of `before` that a root of the same kind and name holds in both snapshots. */
function sameRoots(before: Snapshot, after: Snapshot, mates: Int32Array): number[] {
  const targets = new Map<string, number>();
  forEachNamedRoot(after, (key, target) => targets.set(key, target));
  const same: number[] = [];
  forEachNamedRoot(before, (key, target) => {
    if (mates[target] >= 0 && targets.get(key) === mates[target]) same.push(target);
  });
  return same;
}

function forEachNamedRoot(snapshot: Snapshot, visit: (key: string, target: number) => void): void {
  const roots = snapshot.graph?.roots;
  if (!roots) return;
  for (let root = 0; root < roots.length; root++) {
    const kind = roots.kind[root];
    if (roots.name[root] === "" || kind === RootKind.library) continue;
    const thread = kind === RootKind.frame || kind === RootKind.thread ? snapshot.threads[roots.owner[root]] : undefined;
    // Frames are counted from the outermost: a call more or less does not move the others.
    const depth = thread && roots.frame[root] >= 0 ? thread.frames.length - roots.frame[root] : 0;
    const frame = thread?.frames[roots.frame[root]];
    // By its id: an interpreter that is made meanwhile becomes the first of all.
    const owner = thread?.tid ?? snapshot.interpreters[roots.owner[root]]?.id ?? roots.owner[root];
    visit([kind, owner, depth, frame?.function ?? "", roots.name[root]].join("\0"), roots.target[root]);
  }
}
