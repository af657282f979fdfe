/**
 * What nothing outside of the heap holds any more: the collector's work, what goes with it, and what it will never find.
 *
 * The collector frees a tracked object when all of its references come from tracked objects that go too (CPython Modules/gcmodule.c,
 * deduce_unreachable, 3.6–3.13). It cannot look into what it does not track, nor into fields that a traversal leaves out: an
 * object that one of these refers to is held, as it sees things, although nothing can reach it.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { Uint32Column } from "../base/columns.ts";
import { type Graph, inDegrees, type Weights } from "../graph/graph.ts";
import { reachableNodes } from "../graph/reachable.ts";
import { type Subgraph, subgraphOf } from "../graph/subgraph.ts";
import { SlotPart, TypeFlags, TypeForm, type TypeGraphTable } from "../snapshot/graph-tables.ts";
import { forEachReference, packSlot } from "../snapshot/references.ts";
import { descriptorGeneration, descriptorType, UNTRACKED_GENERATION } from "../snapshot/states.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";

export interface ObjectSum {
  readonly count: number;
  /** Owned bytes. */
  readonly bytes: number;
}

/** What an object out of reach is to the collector. */
export const GarbageKind = {
  /** The next full collection finds it. */
  collectable: 0,
  /** Goes when what is found goes: freed by its last reference, or by a later collection. */
  goesAlong: 1,
  /** Held for ever by a cycle that the collector cannot see whole. */
  beyondCollector: 2,
} as const;

export interface Garbage extends Subgraph {
  /** `GarbageKind` of each member. */
  readonly kinds: Uint8Array;
  /** By `GarbageKind`. */
  readonly sums: readonly ObjectSum[];
  /** A bit for each member that the collector does not track. */
  readonly untracked: Uint32Array;
  /** Members with a finalizer and what they reach, which the finalizer may keep. Closing a suspended generator runs code too. */
  readonly mayResurrect: Uint32Array;
}

/** Everything out of reach. O(places + references). */
export function findGarbage(graph: ObjectGraph): Garbage {
  const { objects, graph: references, held, ownedBytes, tables } = graph;
  const reached = reachableNodes(references, held);
  const bits = newBits(objects.length);
  for (let place = 0; place < objects.length; place++) {
    if (!hasBit(reached, place) && isObject(objects, place)) setBit(bits, place);
  }
  const part = subgraphOf(references, bits);
  const { members } = part;
  const untracked = newBits(members.length);
  const finalized: number[] = [];
  for (let member = 0; member < members.length; member++) {
    const descriptor = objects.descriptor[members[member]];
    const type = descriptorType(descriptor);
    if (descriptorGeneration(descriptor) === UNTRACKED_GENERATION) setBit(untracked, member);
    const { flags, form } = tables.types;
    if ((flags[type] & TypeFlags.finalizer) !== 0 || form[type] === TypeForm.generator) finalized.push(member);
  }
  const kinds = new Collector(part.graph, untracked, hiddenReferences(graph, part, untracked)).kinds();
  const sums = Object.values(GarbageKind).map((kind) => sumOf(members, ownedBytes, (member) => kinds[member] === kind));
  return { ...part, kinds, sums, untracked, mayResurrect: reachableNodes(part.graph, Uint32Array.from(finalized)) };
}

/** Sums owned bytes over some members. */
export function sumOf(members: Uint32Array, ownedBytes: Weights, includes: (member: number) => boolean): ObjectSum {
  let count = 0;
  let bytes = 0;
  for (let member = 0; member < members.length; member++) {
    if (!includes(member)) continue;
    count++;
    bytes += ownedBytes[members[member]];
  }
  return { count, bytes };
}

/**
 * Fields that type_traverse leaves out: "there's no need to visit type->tp_subclasses or ht_slots because they can't be involved
 * in cycles" (CPython Objects/typeobject.c, 3.6–3.13). Their dictionary and tuple are tracked all the same.
 */
const UNTRAVERSED_FIELDS: ReadonlySet<string> = new Set(["<tp_subclasses>", "<ht_slots>"]);

/** References between members that the collector does not see: pairs of source and target. */
interface HiddenReferences {
  readonly sources: Uint32Array;
  readonly targets: Uint32Array;
}

function hiddenReferences(graph: ObjectGraph, { graph: part, members }: Subgraph, untracked: Uint32Array): HiddenReferences {
  const { objects, tables } = graph;
  const sources = new Uint32Column();
  const targets = new Uint32Column();
  const add = (source: number, target: number): void => {
    sources.push(source);
    targets.push(target);
  };
  const slots = untraversedSlots(tables.types);
  for (let member = 0; member < members.length; member++) {
    const hidden = slots.get(descriptorType(objects.descriptor[members[member]]));
    if (hasBit(untracked, member)) {
      for (let edge = part.offsets[member]; edge < part.offsets[member + 1]; edge++) add(member, part.edges[edge]);
    } else if (hidden) {
      forEachReference(tables.references, members[member], (target, slot) => {
        const found = hidden.has(slot) ? memberOf(members, target) : -1;
        if (found >= 0) add(member, found);
      });
    }
  }
  return { sources: sources.view(), targets: targets.view() };
}

/** Slots of `UNTRAVERSED_FIELDS` by type index. */
function untraversedSlots({ fields }: TypeGraphTable): ReadonlyMap<number, ReadonlySet<number>> {
  const slots = new Map<number, Set<number>>();
  for (let row = 0; row < fields.length; row++) {
    if (!UNTRAVERSED_FIELDS.has(fields.name[row])) continue;
    const ofType = slots.get(fields.type[row]) ?? new Set();
    slots.set(fields.type[row], ofType.add(packSlot(SlotPart.field, fields.position[row])));
  }
  return slots;
}

/** Number of a place among the members, -1 when it is none. */
function memberOf(members: Uint32Array, place: number): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (members[middle] < place) low = middle + 1;
    else high = middle;
  }
  return members[low] === place ? low : -1;
}

/** Collects garbage as CPython would, again and again, until nothing goes any more. */
class Collector {
  private readonly gone: Uint32Array;
  /** References from members that are still there. */
  private readonly referred: Uint32Array;

  constructor(
    private readonly graph: Graph,
    private readonly untracked: Uint32Array,
    private readonly hidden: HiddenReferences,
  ) {
    this.gone = newBits(graph.nodes);
    this.referred = inDegrees(graph);
  }

  /** O(nodes + edges) a collection; a later one finds what only something gone hid from the one before. */
  kinds(): Uint8Array {
    const { nodes } = this.graph;
    const kinds = new Uint8Array(nodes).fill(GarbageKind.beyondCollector);
    let kind: number = GarbageKind.collectable;
    for (let found = this.collect(); found.length > 0; found = this.collect()) {
      for (const node of found) kinds[node] = kind;
      for (const node of this.free(found)) kinds[node] = GarbageKind.goesAlong;
      kind = GarbageKind.goesAlong;
    }
    return kinds;
  }

  /** Tracked members that no hidden reference keeps. */
  private collect(): Uint32Array {
    const { sources, targets } = this.hidden;
    const kept = reachableNodes(
      this.graph,
      targets.filter((_, index) => !hasBit(this.gone, sources[index])),
      this.gone,
    );
    const found = new Uint32Column();
    for (let node = 0; node < this.graph.nodes; node++) {
      if (!hasBit(this.gone, node) && !hasBit(kept, node) && !hasBit(this.untracked, node)) found.push(node);
    }
    return found.view();
  }

  /** Takes members away; those that lose their last reference by it, and so on. */
  private free(found: Uint32Array): Uint32Array {
    const { offsets, edges } = this.graph;
    const freed = new Uint32Column();
    for (const node of found) setBit(this.gone, node);
    const release = (node: number): void => {
      for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
        const target = edges[edge];
        if (--this.referred[target] > 0 || hasBit(this.gone, target)) continue;
        setBit(this.gone, target);
        freed.push(target);
      }
    };
    for (const node of found) release(node);
    for (let head = 0; head < freed.length; head++) release(freed.get(head));
    return freed.view();
  }
}
