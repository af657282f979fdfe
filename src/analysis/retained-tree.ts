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

/** A row that retains this share of all is opened unasked: what is heavy in a module lies below the module's dictionary. */
const HEAVY_SHARE = 0.2;
/** What an opened row shows retains at least this share of all. */
const TELLING_SHARE = 0.05;
const MOST_OPENED_LEVELS = 3;
const MOST_OPENED_ROWS = 8;

/** How far the tree is told. */
interface Reach {
  readonly limit: number;
  /** Levels that were asked for, from 1 on. */
  readonly depth: number;
  /** Levels that heavy rows may add. */
  readonly opened: number;
}

/** The `limit` largest of each level, `depth` levels from 1 on; a few more below what is heavy. */
export function retainedTree(graph: ObjectGraph, under: number | undefined, limit: number, depth: number): RetainedTree {
  const top = topDominators(graph, { limit, under });
  const reach: Reach = { limit, depth, opened: MOST_OPENED_LEVELS };
  return { ...described(graph, top, reach, top.all.retainedBytes), under, lowerBound: graph.lowerBound };
}

function described(graph: ObjectGraph, { rows, other, all }: DominatorList, reach: Reach, whole: number): RetainedLevel {
  return { rows: rows.map((row) => ({ row, below: levelBelow(graph, row, reach, whole) })), other, all };
}

function levelBelow(graph: ObjectGraph, row: RetainedRow, reach: Reach, whole: number): RetainedLevel | undefined {
  const { limit, depth, opened } = reach;
  if (row.dominated === 0) return undefined;
  if (depth > 1) {
    const all = topDominators(graph, { limit, under: row.object });
    return described(graph, all, { ...reach, depth: depth - 1 }, whole);
  }
  if (opened === 0 || row.retainedBytes < HEAVY_SHARE * whole) return undefined;
  const largest = topDominators(graph, { limit: Math.min(limit, MOST_OPENED_ROWS), under: row.object });
  const telling = largest.rows.filter(({ retainedBytes }) => retainedBytes >= TELLING_SHARE * whole).length;
  if (telling === 0) return undefined;
  const shown = topDominators(graph, { limit: telling, under: row.object });
  return described(graph, shown, { ...reach, opened: opened - 1 }, whole);
}
