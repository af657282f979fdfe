/** The dominator tree from its top, or below one object, down to a depth: what would go with what. */
import type { ObjectGraph } from "./object-graph.ts";
import { type DominatorList, type RetainedRow, topDominators } from "./retained.ts";

export interface RetainedTreeRow {
  readonly row: RetainedRow;
  /** The level below; undefined at the last level asked for, and where nothing is below. */
  readonly below: RetainedLevel | undefined;
}

/** One level: rows and others make up the whole. */
export interface RetainedLevel extends Pick<DominatorList, "other" | "all"> {
  readonly rows: readonly RetainedTreeRow[];
}

export interface RetainedTree extends RetainedLevel {
  /** The object whose part of the tree this is; undefined for all of it. */
  readonly under: number | undefined;
  readonly lowerBound: boolean;
}

/** The `limit` largest of each level, `depth` levels from 1 on. */
export function retainedTree(graph: ObjectGraph, under: number | undefined, limit: number, depth: number): RetainedTree {
  return { ...level(graph, under, limit, depth), under, lowerBound: graph.lowerBound };
}

function level(graph: ObjectGraph, under: number | undefined, limit: number, depth: number): RetainedLevel {
  const { rows, other, all } = topDominators(graph, { limit, under });
  const described = rows.map((row): RetainedTreeRow => {
    const below = depth > 1 && row.dominated > 0 ? level(graph, row.object, limit, depth - 1) : undefined;
    return { row, below };
  });
  return { rows: described, other, all };
}
