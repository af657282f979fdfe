/**
 * The model of the picture of what retains an object: a tree that runs from its roots, left, to the object, right. Shortest paths
 * to one object share their ends, so that a tree is all there is to draw; the object's largest direct referrers join it.
 */
import { TypeForm } from "../snapshot/graph-tables.ts";
import { formOf } from "./graph-lookups.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { objectLabel } from "./object-labels.ts";
import { pathsToObject, type RootPath } from "./paths.ts";
import { objectAt } from "./places.ts";
import { referrersOf } from "./referrers.ts";

export interface PictureNode {
  /** Hostile text: "module parley.hub", "dict, 12 items", "held by libsqlite3.so.0". */
  readonly label: string;
  readonly kind: "root" | "object" | "target";
  /** Undefined for a root that is no object. */
  readonly address: number | undefined;
  readonly retainedBytes: number | undefined;
  /** Index of the node that it refers to; -1 for the target, which is the first node. */
  readonly next: number;
  /** What leads there: `.store`; hostile text. */
  readonly reference: string;
}

export interface RetainerPicture {
  /** Each node behind the one that it refers to. */
  readonly nodes: readonly PictureNode[];
  /** Direct referrers that are not drawn. */
  readonly otherReferrers: number;
  /** False when there may be more roots. */
  readonly complete: boolean;
  readonly lowerBound: boolean;
}

const MOST_PATHS = 8;
const MOST_DIRECT_REFERRERS = 6;

/** @param mostNodes a bound of what is drawn, 2 or more. O(places + references). */
export function retainerPicture(graph: ObjectGraph, object: number, mostNodes: number): RetainerPicture {
  const { paths, complete } = pathsToObject(graph, object, MOST_PATHS);
  const picture = new PictureBuilder(graph, object, mostNodes);
  for (const path of paths) picture.addPath(path);
  const { rows, other } = referrersOf(graph, object, { depth: 1, limit: MOST_DIRECT_REFERRERS });
  const left = rows.filter((row) => row.counted && !picture.addObject(row.object, 0, row.reference));
  return { nodes: picture.nodes, otherReferrers: other + left.length, complete, lowerBound: graph.lowerBound };
}

class PictureBuilder {
  readonly nodes: PictureNode[] = [];
  private readonly nodeOf = new Map<number, number>();

  constructor(
    private readonly graph: ObjectGraph,
    target: number,
    private readonly mostNodes: number,
  ) {
    this.addObject(target, -1, "");
  }

  /** From its end: what a path shares with those before it is there already. A path that has no room is left out. */
  addPath({ root, steps }: RootPath): void {
    const isObject = root.startsWith("module ") || formOf(this.graph, steps[0].object) === TypeForm.frame;
    if (this.nodes.length + steps.length + 1 > this.mostNodes) return;
    for (let index = steps.length - 2; index >= 0; index--) {
      this.addObject(steps[index].object, this.nodeOf.get(steps[index + 1].object) ?? 0, steps[index + 1].reference);
    }
    const first = this.nodeOf.get(steps[0].object) ?? 0;
    if (isObject && first > 0) this.nodes[first] = { ...this.nodes[first], kind: "root", label: root };
    else this.add({ label: root, kind: "root", next: first, reference: steps[0].reference });
  }

  /** True when the object is drawn, now or before. */
  addObject(object: number, next: number, reference: string): boolean {
    if (this.nodeOf.has(object)) return true;
    if (this.nodes.length >= this.mostNodes) return false;
    this.nodeOf.set(object, this.nodes.length);
    this.add({ label: objectLabel(this.graph, object), kind: next < 0 ? "target" : "object", next, reference }, object);
    return true;
  }

  private add(node: Pick<PictureNode, "label" | "kind" | "next" | "reference">, object?: number): void {
    const address = object === undefined ? undefined : objectAt(this.graph.snapshot, object)?.address;
    this.nodes.push({ ...node, address, retainedBytes: object === undefined ? undefined : this.graph.retainedBytes[object] });
  }
}
