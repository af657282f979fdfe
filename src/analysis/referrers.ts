/** Who refers to an object, and what it refers to, level by level. */
import { Float64Column, Uint32Column } from "../base/columns.ts";
import { SlotPart, UncountedKind } from "../snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../snapshot/references.ts";
import { type ReferenceName, referenceName } from "./expressions.ts";
import { typeOf } from "./graph-lookups.ts";
import { holdersOf } from "./holders.ts";
import { largest } from "./largest.ts";
import { bestAttributeName, bestReferenceName, ownerOfNamespace } from "./namespace-owner.ts";
import { nativeReferences, type ObjectGraph } from "./object-graph.ts";
import { objectLabel } from "./object-labels.ts";
import { placeBytes } from "./places.ts";

export interface ReferenceRow {
  /** The object at the other end. */
  readonly object: number;
  readonly type: number;
  readonly label: string;
  /** As Python spells it: `.store`, `[3]`; hostile text. */
  readonly reference: string;
  readonly evaluable: boolean;
  /** False for weak references and what else keeps nothing alive. */
  readonly counted: boolean;
  readonly shallowBytes: number;
  readonly retainedBytes: number;
  readonly retainedCount: number;
  /** True when the object has its own level further up. */
  readonly again: boolean;
  readonly next: ReferenceLevel;
}

export interface ReferenceLevel {
  /** Largest retained bytes first; what is not counted comes last. */
  readonly rows: readonly ReferenceRow[];
  /** Objects at this level beyond the limit, or not asked for. */
  readonly other: number;
}

export interface ReferenceAnswer extends ReferenceLevel {
  /** What holds the object besides objects, in words: "module parley.hub", "held by libsqlite3.so.0". */
  readonly roots: readonly string[];
  readonly nativeReferences: number;
  readonly lowerBound: boolean;
}

export interface ReferenceQuery {
  /** Levels, 1 or more. */
  readonly depth: number;
  /** Rows of each level below one object. */
  readonly limit: number;
}

type Direction = (graph: ObjectGraph, object: number, limit: number) => Level;

/** Ends of references, chosen and counted, before they are described. */
interface Level {
  readonly ends: readonly End[];
  readonly other: number;
}

interface End {
  readonly object: number;
  readonly name: ReferenceName;
  readonly counted: boolean;
}

/** Who refers to an object. A namespace is passed over: its owner refers, by a name. O(references of the referrers shown). */
export function referrersOf(graph: ObjectGraph, object: number, query: ReferenceQuery): ReferenceAnswer {
  return answer(graph, object, query, referrerEnds);
}

/** What an object refers to, also through its namespace. */
export function referentsOf(graph: ObjectGraph, object: number, query: ReferenceQuery): ReferenceAnswer {
  return answer(graph, object, query, referentEnds);
}

function answer(graph: ObjectGraph, object: number, { depth, limit }: ReferenceQuery, direction: Direction): ReferenceAnswer {
  const shown = new Set([object]);
  const describe = (at: number, levels: number): ReferenceLevel => {
    const { ends, other } = direction(graph, at, limit);
    // All of a level are known before the next is opened: what is on it is not opened below it as well.
    const fresh = ends.map((end) => !shown.has(end.object) && shown.add(end.object) !== undefined);
    const rows = ends.map((end, index) => {
      const opens = fresh[index] && end.counted && levels > 1;
      return row(graph, end, !fresh[index], opens ? describe(end.object, levels - 1) : NOTHING);
    });
    return { rows, other };
  };
  const holders = holdersOf(graph);
  return {
    ...describe(object, depth),
    roots: holders.wordsFor(object),
    nativeReferences: nativeReferences(graph, object),
    lowerBound: graph.lowerBound,
  };
}

const NOTHING: ReferenceLevel = { rows: [], other: 0 };

function row(graph: ObjectGraph, { object, name, counted }: End, again: boolean, next: ReferenceLevel): ReferenceRow {
  return {
    object,
    type: typeOf(graph, object),
    label: objectLabel(graph, object),
    reference: name.text,
    evaluable: name.evaluable,
    counted,
    shallowBytes: placeBytes(graph.objects, object),
    retainedBytes: graph.retainedBytes[object],
    retainedCount: graph.retainedCounts[object],
    again,
    next,
  };
}

function referrerEnds(graph: ObjectGraph, object: number, limit: number): Level {
  const { offsets, edges } = graph.referrers;
  const referrers = new Uint32Column();
  // Ascending, so that several references from one object lie together.
  for (let edge = offsets[object]; edge < offsets[object + 1]; edge++) {
    if (edge === offsets[object] || edges[edge] !== edges[edge - 1]) referrers.push(edges[edge]);
  }
  const chosen = largest(referrers.view(), (referrer) => graph.retainedBytes[referrer], limit);
  const ends = chosen.map((referrer): End => {
    const owner = ownerOfNamespace(graph, referrer);
    const attribute = owner < 0 ? undefined : bestAttributeName(graph, owner, referrer, object);
    return attribute
      ? { object: owner, name: attribute, counted: true }
      : { object: referrer, name: bestReferenceName(graph, referrer, object), counted: true };
  });
  return withUncounted(graph, ends, referrers.length, limit, "target", object);
}

function referentEnds(graph: ObjectGraph, object: number, limit: number): Level {
  const targets = new Uint32Column();
  const slots = new Float64Column();
  const sources = new Uint32Column();
  const visit = (source: number) =>
    forEachReference(graph.tables.references, source, (target, slot) => {
      if (source === object && target !== object && ownerOfNamespace(graph, target) === object) return visit(target);
      // The names in a namespace say what the others are; as referents they would only crowd them.
      if (source !== object && slotPart(slot) === SlotPart.item && (slotPosition(slot) & 1) === 0) return;
      targets.push(target);
      slots.push(slot);
      sources.push(source);
    });
  visit(object);
  const rows = Uint32Array.from({ length: targets.length }, (_, index) => index);
  const chosen = largest(rows, (index) => graph.retainedBytes[targets.get(index)], limit);
  const ends = chosen.map((index): End => {
    const [source, slot, target] = [sources.get(index), slots.get(index), targets.get(index)];
    const attribute = source === object ? undefined : bestAttributeName(graph, object, source, target);
    return { object: target, name: attribute ?? referenceName(graph, source, slot, target), counted: true };
  });
  return withUncounted(graph, ends, targets.length, limit, "source", object);
}

/** Adds what points without counting, as far as there is room. */
function withUncounted(
  graph: ObjectGraph,
  ends: readonly End[],
  counted: number,
  limit: number,
  side: Side,
  object: number,
): Level {
  const { uncounted } = graph.tables.references;
  const rows = uncountedRows(graph, side, object);
  const shown = rows.subarray(0, Math.max(0, limit - ends.length));
  const more = Array.from(shown, (row): End => {
    const text = uncounted.kind[row] === UncountedKind.weak ? "<weak>" : "<shared keys>";
    return {
      object: uncounted[side === "source" ? "target" : "source"][row],
      name: { text, evaluable: false },
      counted: false,
    };
  });
  return { ends: [...ends, ...more], other: counted + rows.length - ends.length - more.length };
}

type Side = "source" | "target";

/** Rows of the uncounted references by ascending target; sorted when first asked for. */
const rowsByTarget = new WeakMap<ObjectGraph, Uint32Array>();

function uncountedRows(graph: ObjectGraph, side: Side, object: number): Uint32Array {
  const { uncounted } = graph.tables.references;
  let rows = rowsByTarget.get(graph);
  if (!rows) {
    rows = Uint32Array.from({ length: uncounted.length }, (_, row) => row);
    rows.sort((a, b) => uncounted.target[a] - uncounted.target[b] || a - b);
    rowsByTarget.set(graph, rows);
  }
  const column = uncounted[side];
  // The table itself is in order of sources.
  const rowAt = side === "source" ? (index: number) => index : (index: number) => rows[index];
  const firstFrom = (value: number): number => {
    let low = 0;
    let high = uncounted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (column[rowAt(middle)] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const start = firstFrom(object);
  return Uint32Array.from({ length: firstFrom(object + 1) - start }, (_, index) => rowAt(start + index));
}
