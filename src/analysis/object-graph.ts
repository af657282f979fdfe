/**
 * The heap as a graph: who keeps whom alive, who is kept by something outside of it, what each object weighs.
 *
 * Nodes are places of the object tables; a place without an object has no edges and weighs nothing. What costs more than a pass
 * over the columns is computed when it is first asked for.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { fail, type Result, succeed } from "../base/result.ts";
import { type DominatorTree, dominatorTree } from "../graph/dominators.ts";
import { freedAtOnceSizes } from "../graph/freed-at-once.ts";
import { type Graph, reverseGraph, type Weights } from "../graph/graph.ts";
import { dominatedNodes, retainedCounts, retainedSizes } from "../graph/retained.ts";
import { type GraphTables, RootKind } from "../snapshot/graph-tables.ts";
import { descriptorState } from "../snapshot/states.ts";
import { ObjectState, type ObjectTables, type Snapshot } from "../snapshot/tables.ts";
import { ownedBytesOfPlaces } from "./owned-bytes.ts";

export interface ObjectGraph {
  readonly snapshot: Snapshot;
  readonly objects: ObjectTables;
  readonly tables: GraphTables;
  /** Counted references; the table of interned strings counts none of its own. */
  readonly graph: Graph;
  /** Bytes of each object and of the buffers that it alone owns; 0 where no object is. Doubles only where one is above 4 GiB. */
  readonly ownedBytes: Weights;
  /** Counted references that we see to each object: from objects, and from roots. */
  readonly seenReferences: Uint32Array;
  /** A bit for each node of `held`. */
  readonly heldBits: Uint32Array;
  /** Objects that something outside of the graph holds, ascending: roots, immortal and static objects, and those with more references than we see. */
  readonly held: Uint32Array;
  /** True when memory or references are missing: what an answer says is there, but there may be more. */
  readonly lowerBound: boolean;
  /** The graph turned round: who refers to an object. */
  readonly referrers: Graph;
  readonly dominators: DominatorTree;
  /** The dominator tree to walk down; its last node is the outside. */
  readonly dominated: Graph;
  /** Owned bytes of all that each object keeps alive, itself included; one item more than places: what is reachable at all. */
  readonly retainedBytes: Weights;
  /** How many objects each object keeps alive, itself included; as `retainedBytes`. */
  readonly retainedCounts: Uint32Array;
  /**
   * The part of `retainedBytes` that reference counting frees when the object goes; the rest needs a collection. For one object
   * or a few `freedAtOnce` costs less.
   */
  readonly freedAtOnceBytes: Float64Array;
}

/** Opens a snapshot's references; fails when the capture was not asked for them. O(places + references). */
export function openObjectGraph(snapshot: Snapshot): Result<ObjectGraph> {
  const { objects, graph } = snapshot;
  if (!objects) {
    return fail("not-cpython", "This capture holds no Python objects.", "Ask for a process that runs CPython.");
  }
  if (!graph) {
    return fail(
      "failed",
      "This capture was taken without references.",
      "Take it again with references: pystrata snapshot PID -o FILE.",
    );
  }
  return succeed(new CapturedGraph(snapshot, objects, graph));
}

/** Reference counts from here on are those of objects that are part of CPython 3.11 (_PyObject_IMMORTAL_REFCNT, 999,999,999) and later. */
const LEAST_STATIC_REFERENCES = 999_000_000;

/** References to an object that we do not see: C code holds it. 0 when it is immortal, or when none is missing. */
export function nativeReferences(graph: ObjectGraph, object: number): number {
  const counted = graph.objects.link[object];
  return counted >= LEAST_STATIC_REFERENCES ? 0 : Math.max(0, counted - graph.seenReferences[object]);
}

/** True when an object is at the place, and not a buffer or nothing. */
export function isObject(objects: ObjectTables, place: number): boolean {
  return descriptorState(objects.descriptor[place]) === ObjectState.object;
}

class CapturedGraph implements ObjectGraph {
  readonly graph: Graph;
  readonly ownedBytes: Weights;
  readonly seenReferences: Uint32Array;
  readonly heldBits: Uint32Array;
  readonly held: Uint32Array;
  readonly lowerBound: boolean;
  private lazyReferrers: Graph | undefined;
  private lazyDominators: DominatorTree | undefined;
  private lazyDominated: Graph | undefined;
  private lazyRetainedBytes: Weights | undefined;
  private lazyRetainedCounts: Uint32Array | undefined;
  private lazyFreedAtOnceBytes: Float64Array | undefined;

  constructor(
    readonly snapshot: Snapshot,
    readonly objects: ObjectTables,
    readonly tables: GraphTables,
  ) {
    this.graph = countedReferences(objects, tables);
    this.ownedBytes = ownedBytesOfPlaces(objects, tables.types.inPlaceExtraBytes);
    this.seenReferences = seenReferences(this.graph, tables);
    this.heldBits = heldObjects(objects, tables, this.seenReferences);
    this.held = membersOf(this.heldBits, objects.length);
    this.lowerBound = !snapshot.capture.complete;
  }

  get referrers(): Graph {
    this.lazyReferrers ??= reverseGraph(this.graph);
    return this.lazyReferrers;
  }

  get dominators(): DominatorTree {
    this.lazyDominators ??= dominatorTree(this.graph, this.held);
    return this.lazyDominators;
  }

  get dominated(): Graph {
    this.lazyDominated ??= dominatedNodes(this.dominators);
    return this.lazyDominated;
  }

  get retainedBytes(): Weights {
    this.lazyRetainedBytes ??= retainedSizes(this.dominators, this.ownedBytes);
    return this.lazyRetainedBytes;
  }

  get retainedCounts(): Uint32Array {
    this.lazyRetainedCounts ??= retainedCounts(this.dominators);
    return this.lazyRetainedCounts;
  }

  get freedAtOnceBytes(): Float64Array {
    this.lazyFreedAtOnceBytes ??= freedAtOnceSizes(this.dominators, this.referrers, this.ownedBytes, undefined, this.dominated);
    return this.lazyFreedAtOnceBytes;
  }
}

/**
 * The references as a graph. The table of interned strings leaves keys and values uncounted (CPython Objects/unicodeobject.c,
 * PyUnicode_InternInPlace, 3.6–3.13; where the strings are immortal it makes no difference), so those are left out.
 */
function countedReferences(objects: ObjectTables, { references, roots }: GraphTables): Graph {
  const interned: number[] = [];
  for (let root = 0; root < roots.length; root++) {
    if (roots.kind[root] === RootKind.interned) interned.push(roots.target[root]);
  }
  let graph: Graph = { nodes: objects.length, offsets: references.offsets, edges: references.targets };
  for (const table of new Set(interned)) graph = withoutEdgesOf(graph, table);
  return graph;
}

/** A graph whose `node` refers to nothing. Copies, unless it does so already: the tables may be a mapped file. */
function withoutEdgesOf(graph: Graph, node: number): Graph {
  const { nodes, offsets, edges } = graph;
  const start = offsets[node];
  const end = offsets[node + 1];
  if (start === end) return graph;
  const kept = new Uint32Array(offsets[nodes] - (end - start));
  kept.set(edges.subarray(0, start));
  kept.set(edges.subarray(end, offsets[nodes]), start);
  const keptOffsets = offsets.slice(0, nodes + 1);
  for (let later = node + 1; later <= nodes; later++) keptOffsets[later] -= end - start;
  return { nodes, offsets: keptOffsets, edges: kept };
}

function seenReferences({ nodes, offsets, edges }: Graph, { roots }: GraphTables): Uint32Array {
  const seen = new Uint32Array(nodes);
  const edgeCount = offsets[nodes];
  for (let edge = 0; edge < edgeCount; edge++) seen[edges[edge]]++;
  for (let root = 0; root < roots.length; root++) seen[roots.target[root]] += roots.counted[root];
  return seen;
}

/** A bit for each object that something outside of the graph holds. */
function heldObjects(objects: ObjectTables, { roots }: GraphTables, seen: Uint32Array): Uint32Array {
  const { length, descriptor, link } = objects;
  const held = newBits(length);
  // Whatever lies in no allocator's memory is part of the program, whether or not its reference count says so.
  const firstStatic = objects.poolPlaces + objects.chunkPlaces;
  for (let place = 0; place < length; place++) {
    // IMMORTAL_REFERENCES is the largest count there is: above anything that is seen.
    if (link[place] <= seen[place] && place < firstStatic) continue;
    if (descriptorState(descriptor[place]) === ObjectState.object) setBit(held, place);
  }
  for (let root = 0; root < roots.length; root++) {
    // A pointer in a library's memory may be borrowed; if it is not, the reference count says that somebody holds the object.
    if (roots.kind[root] !== RootKind.library && isObject(objects, roots.target[root])) setBit(held, roots.target[root]);
  }
  return held;
}

/** The members of a set of bits, ascending. */
function membersOf(bits: Uint32Array, length: number): Uint32Array {
  let count = 0;
  for (let item = 0; item < length; item++) if (hasBit(bits, item)) count++;
  const members = new Uint32Array(count);
  for (let item = 0, at = 0; item < length; item++) if (hasBit(bits, item)) members[at++] = item;
  return members;
}
