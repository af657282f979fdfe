/** Why one object is alive: the shortest path to it from each root that holds it. */
import { pathTo } from "../graph/breadth-first.ts";
import { newPathScratch, pathsFromRoots } from "../graph/root-paths.ts";
import { SlotPart, TypeForm } from "../snapshot/graph-tables.ts";
import { slotPart, slotPosition } from "../snapshot/references.ts";
import type { ReferenceName } from "./expressions.ts";
import { localName } from "./field-names.ts";
import { formOf, isNamespaceSlot, slotsBetween } from "./graph-lookups.ts";
import { holdersOf, NOTHING_HOLDS, type PathRoot } from "./holders.ts";
import { bestAttributeName, bestReferenceName } from "./namespace-owner.ts";
import type { ObjectGraph } from "./object-graph.ts";

export interface PathStep {
  /** Place of the object that this step leads to. */
  readonly object: number;
  /** What leads to it from the step before: `.store`, `['leaf']`. Of the first step empty, or the name of a frame's variable. */
  readonly reference: string;
  readonly evaluable: boolean;
}

export interface RootPath {
  /** Such as "module __main__", "frame Hub.fanout (parley/hub.py:212)", "held by libsqlite3.so.0"; hostile text, like all below. */
  readonly root: string;
  /** As Python writes it, as far as it can: `__main__.APP.store[3]`. */
  readonly expression: string;
  /** Whether the expression evaluates to the object, in the process, with its modules imported. */
  readonly evaluable: boolean;
  /** From the root's object to the wanted one. A namespace is one step with its owner: `.name`, not `.__dict__['name']`. */
  readonly steps: readonly PathStep[];
}

export interface PathsToObject {
  /** Nearest root first. */
  readonly paths: readonly RootPath[];
  /** False when there may be more. */
  readonly complete: boolean;
}

/** Paths that are searched for each that is wanted: of equally long ones those with a name are shown. */
const SEARCHED = 4;
const CLASS_STEP = ".__class__";
/** Of a longer path, such as through a linked list, the middle is left out: the step over it is `<…>`. */
const MOST_STEPS = 128;

/**
 * The shortest path to an object from each root, at most `mostPaths`; weak references keep nothing alive and are left out.
 * Every instance holds its class: a path that leads through one is told only if there is no other. An object that nothing holds
 * has one path that says so. O(places + references) at worst.
 */
export function pathsToObject(graph: ObjectGraph, object: number, mostPaths: number): PathsToObject {
  const holders = holdersOf(graph);
  const scratch = newPathScratch(graph.objects.length);
  const found = pathsFromRoots(graph.referrers, holders.starts, object, mostPaths * SEARCHED, scratch, holders.ends);
  const ways = Array.from({ length: found.count }, (_, path) => [
    ...found.nodes.subarray(found.offsets[path], found.offsets[path + 1]),
  ]).map((nodes) => ({ nodes, rank: holders.rankOf(nodes[0]) }));
  // Stable: of equals the one that was found first.
  ways.sort((a, b) => a.nodes.length - b.nodes.length || a.rank - b.rank);
  const told = distinct(ways.map(({ nodes }) => describePath(graph, nodes)));
  if (told.length === 0 && found.complete) return { paths: [garbagePath(object)], complete: true };
  const direct = told.filter(({ steps }) => !steps.some(({ reference }) => reference === CLASS_STEP));
  const paths = direct.length > 0 ? direct : told;
  return { paths: paths.slice(0, mostPaths), complete: found.complete && paths.length <= mostPaths };
}

/** A module and its namespace are one root, and `package.module` is a module and an attribute: each is told once. */
function distinct(paths: readonly RootPath[]): readonly RootPath[] {
  const seen = new Set<string>();
  return paths.filter(({ root, expression, evaluable, steps }) => {
    const key = evaluable ? expression : [root, ...steps.map((step) => step.object)].join(" ");
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * The shortest of all paths, from a module or a frame where one reaches the object. The first call for a graph searches it
 * whole, each later one takes only as long as its path.
 */
export function shortestPath(graph: ObjectGraph, object: number): RootPath {
  const nodes = pathTo(holdersOf(graph).paths, object);
  return nodes.length === 0 ? garbagePath(object) : describePath(graph, [...nodes]);
}

function garbagePath(object: number): RootPath {
  return {
    root: NOTHING_HOLDS,
    expression: `<${NOTHING_HOLDS}>`,
    evaluable: false,
    steps: [{ object, reference: "", evaluable: false }],
  };
}

function describePath(graph: ObjectGraph, whole: readonly number[]): RootPath {
  const nodes = whole.length > MOST_STEPS ? [...whole.slice(0, MOST_STEPS / 2), ...whole.slice(-MOST_STEPS / 2)] : whole;
  const holders = holdersOf(graph);
  const root = holders.rootOf(nodes[0]);
  const module = holders.moduleOf.get(nodes[0]);
  const steps = spelledSteps(graph, module === undefined ? nodes : [module, ...nodes], root);
  return {
    root: root.words,
    expression: joined(root.expression, steps),
    evaluable: steps.every((step) => step.evaluable),
    steps,
  };
}

/** Spells a path along references; the object of the root is the first step. */
function spelledSteps(graph: ObjectGraph, nodes: readonly number[], root: PathRoot): readonly PathStep[] {
  const steps: PathStep[] = [{ object: nodes[0], reference: root.reference, evaluable: root.evaluable }];
  for (let index = 1; index < nodes.length; index++) {
    const joinedName =
      index + 1 < nodes.length ? namespaceStep(graph, nodes[index - 1], nodes[index], nodes[index + 1]) : undefined;
    if (joinedName) {
      index++;
      steps.push({ object: nodes[index], reference: joinedName.text, evaluable: joinedName.evaluable });
      continue;
    }
    const isFrameOfThread = index === 1 && !root.evaluable && formOf(graph, nodes[0]) === TypeForm.frame;
    const name = isFrameOfThread
      ? variableName(graph, nodes[0], nodes[1])
      : bestReferenceName(graph, nodes[index - 1], nodes[index]);
    steps.push({ object: nodes[index], reference: name.text, evaluable: name.evaluable });
  }
  return steps;
}

/** Two references as one: from an owner to its namespace, and on to what a name in it stands for. */
function namespaceStep(graph: ObjectGraph, owner: number, namespace: number, target: number): ReferenceName | undefined {
  if (formOf(graph, namespace) !== TypeForm.dict) return undefined;
  if (!slotsBetween(graph, owner, namespace).some((slot) => isNamespaceSlot(graph, owner, slot))) return undefined;
  return bestAttributeName(graph, owner, namespace, target);
}

/** A variable of a thread's frame is told as in its source: nobody else can reach it. */
function variableName(graph: ObjectGraph, frame: number, target: number): ReferenceName {
  const names = slotsBetween(graph, frame, target).flatMap((slot) =>
    slotPart(slot) === SlotPart.local ? (localName(graph, frame, slotPosition(slot)) ?? []) : [],
  );
  return names.length > 0 ? { text: names[0], evaluable: false } : bestReferenceName(graph, frame, target);
}

/** Behind what is no expression of Python, a name begins a word of its own; so does what a frame holds. */
function joined(root: string, [first, ...steps]: readonly PathStep[]): string {
  const start = first.reference === "" ? root : `${root} ${first.reference}`;
  return steps.reduce((text, { reference }) => (/^[.[{<]/.test(reference) ? text + reference : `${text} ${reference}`), start);
}
