/**
 * Reference cycles: garbage that waits for a collection and who closes its cycles, what no collection finds, gc.garbage, what each
 * generation holds; and cycles that are in use, which a collection will have to find once they are let go.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { DisjointSets } from "../graph/disjoint-sets.ts";
import { cyclicComponents, stronglyConnectedComponents } from "../graph/strongly-connected.ts";
import { subgraphOf } from "../graph/subgraph.ts";
import { RootKind, TypeForm } from "../snapshot/graph-tables.ts";
import { descriptorGeneration, descriptorType, UNTRACKED_GENERATION } from "../snapshot/states.ts";
import type { InterpreterFacts } from "../snapshot/tables.ts";
import { type CycleRow, cycleRows, type Groups } from "./cycle-rows.ts";
import { findGarbage, type Garbage, GarbageKind, type ObjectSum, sumOf } from "./garbage.ts";
import { forEachName, formOf, namespaceOf } from "./graph-lookups.ts";
import { isObject, type ObjectGraph } from "./object-graph.ts";

export interface CycleReport {
  /** Everything out of reach: the three sums below. */
  readonly garbage: ObjectSum;
  /** What the next full collection finds. */
  readonly collectable: ObjectSum;
  /** Goes when that goes: mostly what the collector does not track, such as texts and numbers. */
  readonly goesAlong: ObjectSum;
  /** Stays for ever: held by cycles that the collector cannot see whole. */
  readonly beyondCollector: ObjectSum;
  /** Part of the garbage that finalizers and suspended generators can reach, and may keep: their code runs first. */
  readonly mayResurrect: ObjectSum;
  /** Rows of garbage, which add up to it, then rows of cycles in use; each largest first. */
  readonly cycles: readonly CycleRow[];
  /** Objects in gc.garbage: found, and kept because they could not be freed or debugging asked for it. */
  readonly gcGarbage: readonly number[];
  readonly generations: readonly GenerationSum[];
  /** Thresholds and counts. */
  readonly interpreters: readonly InterpreterFacts[];
  readonly lowerBound: boolean;
}

export interface GenerationSum extends ObjectSum {
  /** 0 to 2 (gc.freeze counts as 2), 3 for what the collector does not track. */
  readonly generation: number;
}

export interface CycleQuery {
  /** Cycles in use as well: a search through the whole heap. */
  readonly reachable?: boolean | undefined;
}

export function findCycles(graph: ObjectGraph, query: CycleQuery = {}): CycleReport {
  const garbage = findGarbage(graph);
  const { members, sums, mayResurrect } = garbage;
  const rows = cycleRows(graph, garbage.graph, members, garbageGroups(garbage), false);
  return {
    garbage: sumOf(members, graph.ownedBytes, () => true),
    collectable: sums[GarbageKind.collectable],
    goesAlong: sums[GarbageKind.goesAlong],
    beyondCollector: sums[GarbageKind.beyondCollector],
    mayResurrect: sumOf(members, graph.ownedBytes, (member) => hasBit(mayResurrect, member)),
    cycles: query.reachable ? [...rows, ...reachableCycles(graph, garbage)] : rows,
    gcGarbage: itemsOfGcGarbage(graph),
    generations: generationSums(graph),
    interpreters: graph.snapshot.interpreters,
    lowerBound: graph.lowerBound,
  };
}

/**
 * Garbage that hangs together. What the collector does not track, such as a str that two cycles share, joins nothing: it goes to
 * the first group that refers to it.
 */
function garbageGroups({ graph, untracked }: Garbage): Groups {
  const { nodes, offsets, edges } = graph;
  const sets = new DisjointSets(nodes);
  const settled = newBits(nodes);
  const queue = new Uint32Array(nodes);
  let tail = 0;
  const settle = (node: number): void => {
    setBit(settled, node);
    queue[tail++] = node;
  };
  const spread = (from: number): void => {
    for (let head = from; head < tail; head++) {
      const node = queue[head];
      for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
        const target = edges[edge];
        if (hasBit(untracked, target) && hasBit(settled, target)) continue;
        sets.join(node, target);
        if (!hasBit(settled, target)) settle(target);
      }
    }
  };
  for (let node = 0; node < nodes; node++) if (!hasBit(untracked, node)) settle(node);
  spread(0);
  // What no tracked garbage leads to.
  for (let node = 0; node < nodes; node++) {
    if (hasBit(settled, node)) continue;
    const from = tail;
    settle(node);
    spread(from);
  }
  const { count, setOf } = sets.numbered();
  return sortedByGroup(nodes, count, setOf);
}

/** Counting sort of nodes by group. */
function sortedByGroup(nodes: number, count: number, groupOf: Int32Array): Groups {
  const starts = new Uint32Array(count + 1);
  for (let node = 0; node < nodes; node++) starts[groupOf[node] + 1]++;
  for (let group = 0; group < count; group++) starts[group + 1] += starts[group];
  const cursors = starts.slice();
  const sorted = new Uint32Array(nodes);
  for (let node = 0; node < nodes; node++) sorted[cursors[groupOf[node]]++] = node;
  return { count, starts, nodes: sorted };
}

/**
 * Cycles of objects that are in use. Ways through modules, classes and what is held from outside are left out: every function of a
 * module is in a cycle with its globals, which says nothing.
 */
function reachableCycles(graph: ObjectGraph, garbage: Garbage): readonly CycleRow[] {
  const { objects, tables, heldBits } = graph;
  const namespaces = moduleNamespaces(graph);
  const out = newBits(objects.length);
  for (const member of garbage.members) setBit(out, member);
  const bits = newBits(objects.length);
  for (let place = 0; place < objects.length; place++) {
    if (hasBit(heldBits, place) || hasBit(out, place) || !isObject(objects, place)) continue;
    const descriptor = objects.descriptor[place];
    const form = tables.types.form[descriptorType(descriptor)];
    const isStructure = form === TypeForm.type || form === TypeForm.module || hasBit(namespaces, place);
    if (!isStructure && descriptorGeneration(descriptor) !== UNTRACKED_GENERATION) setBit(bits, place);
  }
  const candidates = subgraphOf(graph.graph, bits);
  const components = stronglyConnectedComponents(candidates.graph);
  const cyclic = cyclicComponents(candidates.graph, components);
  const inCycles = newBits(objects.length);
  for (let node = 0; node < candidates.members.length; node++) {
    if (hasBit(cyclic, components.componentOf[node])) setBit(inCycles, candidates.members[node]);
  }
  const { graph: part, members } = subgraphOf(graph.graph, inCycles);
  const { count, componentOf } = stronglyConnectedComponents(part);
  return cycleRows(graph, part, members, sortedByGroup(part.nodes, count, componentOf), true);
}

/** A bit for each dictionary that is a module's namespace. */
function moduleNamespaces({ objects, graph, tables }: ObjectGraph): Uint32Array {
  const bits = newBits(objects.length);
  const { form } = tables.types;
  for (let place = 0; place < objects.length; place++) {
    if (!isObject(objects, place) || form[descriptorType(objects.descriptor[place])] !== TypeForm.module) continue;
    for (let edge = graph.offsets[place]; edge < graph.offsets[place + 1]; edge++) {
      const target = graph.edges[edge];
      if (form[descriptorType(objects.descriptor[target])] === TypeForm.dict) setBit(bits, target);
    }
  }
  return bits;
}

const GC_GARBAGE = "gc.garbage";
const GC_MODULE = "gc";
const GARBAGE_ATTRIBUTE = "garbage";

function itemsOfGcGarbage(graph: ObjectGraph): readonly number[] {
  const { offsets, edges } = graph.graph;
  return [...new Set(garbageLists(graph))].flatMap((list) => [...edges.subarray(offsets[list], offsets[list + 1])]);
}

/** The list of each interpreter. In 3.6 the collector keeps it where no name leads to: the module gc has it as well. */
function garbageLists(graph: ObjectGraph): readonly number[] {
  const { kind, name, target, length } = graph.tables.roots;
  const lists: number[] = [];
  for (let root = 0; root < length; root++) {
    if (kind[root] === RootKind.interpreter && name[root] === GC_GARBAGE) lists.push(target[root]);
    if (kind[root] !== RootKind.module || name[root] !== GC_MODULE) continue;
    const namespace = namespaceOf(graph, target[root]);
    if (namespace < 0) continue;
    forEachName(graph, namespace, (attribute, value) => {
      if (attribute === GARBAGE_ATTRIBUTE && formOf(graph, value) === TypeForm.list) lists.push(value);
    });
  }
  return lists;
}

function generationSums({ objects, ownedBytes }: ObjectGraph): readonly GenerationSum[] {
  const counts = new Float64Array(UNTRACKED_GENERATION + 1);
  const bytes = new Float64Array(UNTRACKED_GENERATION + 1);
  for (let place = 0; place < objects.length; place++) {
    if (!isObject(objects, place)) continue;
    const generation = descriptorGeneration(objects.descriptor[place]);
    counts[generation]++;
    bytes[generation] += ownedBytes[place];
  }
  return [...counts.keys()].map((generation) => ({ generation, count: counts[generation], bytes: bytes[generation] }));
}
