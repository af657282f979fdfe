/**
 * Why the instances of a type are alive: the shortest path to each, merged where paths look alike.
 *
 * One search over the graph and one pass over the objects on the paths, whatever the number of instances; each instance is in
 * exactly one group, so that counts and shares add up to all of them.
 */
import { hasBit } from "../base/bits.ts";
import { pathTo } from "../graph/breadth-first.ts";
import { type MergedPaths, mergePaths } from "../graph/merged-paths.ts";
import { typeOf } from "./graph-lookups.ts";
import { holdersOf, NOTHING_HOLDS } from "./holders.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { type RootPath, shortestPath } from "./paths.ts";
import { forEachOutermost, instancesOf } from "./retained.ts";
import { labelSteps, type StepLabels } from "./step-labels.ts";

export interface GroupStep {
  /** An object at this step, of one of the paths. */
  readonly object: number;
  readonly type: number;
  /** With keys and indexes left out: `[…]`. What comes several times in a row is there once: `.next…`. Empty for the root's object. */
  readonly reference: string;
}

export interface PathGroup {
  /** Instances whose shortest path looks like this; the last step is one of them. */
  readonly count: number;
  /** Of all instances, 0 to 1. */
  readonly share: number;
  /** What its instances keep alive, each byte once. */
  readonly retainedBytes: number;
  /** As in `RootPath`; hostile text, like the rest. */
  readonly root: string;
  readonly expression: string;
  readonly steps: readonly GroupStep[];
  /** The path of one instance, spelled out. */
  readonly example: RootPath;
}

export interface TypePaths {
  readonly count: number;
  readonly retainedBytes: number;
  /** By number of instances, largest first. */
  readonly groups: readonly PathGroup[];
  /** Groups beyond the limit together; what one of them keeps alive through another one counts for both. */
  readonly other: { readonly groups: number; readonly count: number; readonly retainedBytes: number };
  readonly lowerBound: boolean;
}

/** Merged paths to all instances of the types, the largest `mostGroups` groups. O(places + references). */
export function pathsToType(graph: ObjectGraph, types: readonly number[], mostGroups: number): TypePaths {
  const { paths } = holdersOf(graph);
  const targets = membersOf(instancesOf(graph.snapshot, types), graph.objects.length);
  const labels = labelSteps(graph, paths, targets);
  const merged = mergePaths(paths, targets, labels.labels, graph.ownedBytes, true);
  const garbage = merged.length + 1;
  // Group 0 is everything else; group b + 1 ends at branch b.
  const groupOf = new Uint32Array(graph.objects.length);
  const counts = new Float64Array(garbage + 1);
  const first = new Int32Array(garbage + 1);
  for (let index = targets.length - 1; index >= 0; index--) {
    const target = targets[index];
    const group = paths.levels[target] < 0 ? garbage : merged.branchOf[target] + 1;
    groupOf[target] = group;
    counts[group]++;
    first[group] = target;
  }
  const retained = retainedByGroup(graph, groupOf, garbage + 1);
  const order = Array.from(counts.keys()).filter((group) => counts[group] > 0);
  order.sort((a, b) => counts[b] - counts[a] || retained[b] - retained[a]);
  const groups = order.slice(0, mostGroups).map((group): PathGroup => {
    const isGarbage = group === garbage;
    const shown = isGarbage ? garbageGroup(graph, first[group]) : mergedGroup(graph, merged, labels, group - 1);
    const example = shortestPath(graph, first[group]);
    return { count: counts[group], share: counts[group] / targets.length, retainedBytes: retained[group], ...shown, example };
  });
  const rest = order.slice(mostGroups);
  return {
    count: targets.length,
    retainedBytes: retainedByGroup(
      graph,
      groupOf.map((group) => Math.min(group, 1)),
      2,
    )[1],
    groups,
    other: {
      groups: rest.length,
      count: rest.reduce((sum, group) => sum + counts[group], 0),
      retainedBytes: rest.reduce((sum, group) => sum + retained[group], 0),
    },
    lowerBound: graph.lowerBound,
  };
}

/** Retained bytes of the members of each group that no member of the same group dominates. O(places). */
function retainedByGroup(graph: ObjectGraph, groupOf: Uint32Array, groups: number): Float64Array {
  const { dominated, dominators, retainedBytes, objects } = graph;
  const sums = new Float64Array(groups);
  const add = (place: number): void => {
    sums[groupOf[place]] += retainedBytes[place];
  };
  forEachOutermost(dominators, dominated, groupOf, groups, add);
  for (let place = 0; place < objects.length; place++) {
    if (groupOf[place] > 0 && dominators.immediateDominators[place] < 0) add(place);
  }
  return sums;
}

type ShownGroup = Pick<PathGroup, "root" | "expression" | "steps">;

function mergedGroup(graph: ObjectGraph, merged: MergedPaths, labels: StepLabels, end: number): ShownGroup {
  const branches: number[] = [];
  for (let branch = end; branch >= 0; branch = merged.parents[branch]) branches.push(branch);
  branches.reverse();
  const holders = holdersOf(graph);
  const start = pathTo(holders.paths, merged.examples[branches[0]])[0];
  const root = holders.rootOf(start);
  const steps = branches.map((branch, index): GroupStep => {
    const label = merged.labels[branch];
    const example = merged.examples[branch];
    if (index === 0)
      return { object: holders.moduleOf.get(start) ?? start, type: labels.type(label), reference: root.reference };
    const more = labels.repeats(label) ? "…" : "";
    return { object: example, type: labels.type(label), reference: `${labels.reference(label)}${more}` };
  });
  const expression = branches.map((branch, index) =>
    index === 0 ? labels.reference(merged.labels[branch]) : steps[index].reference,
  );
  return { root: root.words, expression: expression.join(""), steps };
}

function garbageGroup(graph: ObjectGraph, example: number): ShownGroup {
  const { steps, expression } = shortestPath(graph, example);
  return {
    root: NOTHING_HOLDS,
    expression,
    steps: steps.map(({ object }) => ({ object, type: typeOf(graph, object), reference: "" })),
  };
}

function membersOf(bits: Uint32Array, places: number): Uint32Array {
  let count = 0;
  for (let place = 0; place < places; place++) if (hasBit(bits, place)) count++;
  const members = new Uint32Array(count);
  for (let place = 0, at = 0; place < places; place++) if (hasBit(bits, place)) members[at++] = place;
  return members;
}
