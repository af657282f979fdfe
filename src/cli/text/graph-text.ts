import { typeOf } from "../../analysis/graph-lookups.ts";
import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { objectLabel } from "../../analysis/object-labels.ts";
import { shortestPath } from "../../analysis/paths.ts";
import { objectAt } from "../../analysis/places.ts";
import { qualifiedTypeName } from "../../analysis/types.ts";
import { formatAddress } from "../../base/units.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import { withoutMiddle, wrap } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount } from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { headingLines } from "./heading.ts";

/** More takes several lines of a row. */
export const LONGEST_EXPRESSION = 160;

/** The closing lines of an answer about who holds what: first that it may not be all, when it may not. */
export function graphClosing(graph: ObjectGraph, more: readonly string[], style: Style): string[] {
  return [
    ...lowerBoundLines(graph.lowerBound, style),
    ...closingLines(graph.snapshot.capture, graph.snapshot.problems, more, style),
  ];
}

/** What a partial capture means for answers about references. */
export function lowerBoundLines(lowerBound: boolean, style: Style): string[] {
  if (!lowerBound) return [];
  return wrap(
    "Lower bounds: a part of memory or of the references is missing. What is said to hold an object does, but there may be more that does.",
    style.width,
  );
}

/** `dict, 12 items  0x7f31c40aa180`. */
export function objectWords(graph: ObjectGraph, object: number): string {
  return `${objectLabel(graph, object)}  ${addressWords(graph, object)}`;
}

/** The expression that leads to an object, for a row among others: `paths` tells a long one in full. */
export function rowExpression(graph: ObjectGraph, object: number): string {
  return withoutMiddle(shortestPath(graph, object).expression, LONGEST_EXPRESSION);
}

export function addressWords({ snapshot }: ObjectGraph, object: number): string {
  const address = objectAt(snapshot, object)?.address;
  return address === undefined ? "" : formatAddress(address);
}

/** `Session 0x7f31c40aa180  112 B, retains 6,936 B in 9 objects, generation 2`. */
export function objectHeading(graph: ObjectGraph, object: number, style: Style): string[] {
  const facts = objectAt(graph.snapshot, object);
  if (!facts) return [];
  const count = graph.retainedCounts[object];
  const retains =
    count === 1
      ? "retains only itself"
      : `retains ${formatBytes(graph.retainedBytes[object])} in ${formatCount(count)} objects`;
  const generation = facts.generation === UNTRACKED_GENERATION ? "not tracked" : `generation ${facts.generation}`;
  const name = qualifiedTypeName(graph.snapshot.types, typeOf(graph, object));
  const title = safeText(`${name} ${formatAddress(facts.address)}`);
  return headingLines(title, [formatBytes(facts.shallowBytes), retains, generation], style);
}

/** A note under the matter. */
export function noteLines(text: string, style: Style): string[] {
  return wrap(safeText(text), style.width).map((line) => paint(style, "note", line));
}
