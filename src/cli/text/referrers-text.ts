import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { ReferenceAnswer, ReferenceLevel, ReferenceRow } from "../../analysis/referrers.ts";
import { wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import type { Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import { formatCount, formatSteps, toSteps, type Unit, unitFor } from "../format/units.ts";
import type { ReferenceVerb } from "../json/referrers-json.ts";
import { addressWords, graphClosing, objectHeading } from "./graph-text.ts";

const BYTES_CELLS = 11;
const COUNT_CELLS = 12;
const LEAST_LABEL_CELLS = 40;
const INDENT = 2;
const DEEPEST_INDENT = 16;

/** Who refers to an object, or what it refers to; each further level stands further in. */
export function referencesText(
  verb: ReferenceVerb,
  graph: ObjectGraph,
  object: number,
  answer: ReferenceAnswer,
  source: string,
  style: Style,
): string[] {
  const head = verb === "referrers" ? "Referred to by" : "Refers to";
  return [
    ...objectHeading(graph, object, style),
    ...(verb === "referrers" ? outsideLines(answer, style) : []),
    "",
    ...(answer.rows.length === 0 ? [`${head} no object.`] : levelLines(head, graph, answer, style)),
    "",
    ...graphClosing(graph, [`pystrata paths ${source} ${addressWords(graph, object)}`], style),
  ];
}

/** What holds the object besides objects. */
function outsideLines({ roots, nativeReferences }: ReferenceAnswer, style: Style): string[] {
  const native = nativeReferences === 0 ? [] : [`C code, ${formatCount(nativeReferences)} of its references`];
  const holders = [...roots, ...native];
  return holders.length === 0 ? [] : wrapIndented(`Held by ${safeText(holders.join("; "))}.`, style.width, 2);
}

function levelLines(head: string, graph: ObjectGraph, level: ReferenceLevel, style: Style): string[] {
  const unit = unitFor(Math.max(...level.rows.map(({ retainedBytes }) => retainedBytes)));
  const columns = fittingColumns(style);
  const labelCells = style.width - 1 - columns.reduce((sum, { cells }) => sum + cells, 0);
  const rows = levelRows(graph, level, 0, unit).map((row) => ({ ...row, figures: row.figures.slice(0, columns.length) }));
  return tableLines({ head: `${head}, ${unit.name}`, cells: labelCells }, columns, rows, style);
}

function fittingColumns(style: Style): readonly Column[] {
  const all: readonly Column[] = [
    { head: "retained", cells: BYTES_CELLS },
    { head: "shallow", cells: BYTES_CELLS },
    { head: "objects", cells: COUNT_CELLS },
  ];
  let columns = all;
  const room = () => style.width - 1 - columns.reduce((sum, { cells }) => sum + cells, 0);
  while (columns.length > 1 && room() < LEAST_LABEL_CELLS) columns = columns.slice(0, -1);
  return columns;
}

function levelRows(graph: ObjectGraph, { rows, other }: ReferenceLevel, depth: number, unit: Unit): Row[] {
  const indent = Math.min(depth * INDENT, DEEPEST_INDENT);
  const more: Row[] =
    other > 0 && rows.length > 0 ? [{ label: [`${formatCount(other)} more`], figures: ["", "", ""], indent }] : [];
  return [
    ...rows.flatMap((row) => [referenceRow(graph, row, indent, unit), ...levelRows(graph, row.next, depth + 1, unit)]),
    ...more,
  ];
}

function referenceRow(graph: ObjectGraph, row: ReferenceRow, indent: number, unit: Unit): Row {
  const notes = [...(row.counted ? [] : ["keeps nothing alive"]), ...(row.again ? ["shown above"] : [])];
  const note = notes.length === 0 ? "" : `  (${notes.join(", ")})`;
  const bytes = (value: number) => formatSteps(toSteps(value, unit), unit);
  return {
    label: [`${row.reference}  ${row.label}  ${addressWords(graph, row.object)}${note}`],
    figures: [bytes(row.retainedBytes), bytes(row.shallowBytes), formatCount(row.retainedCount)],
    indent,
  };
}
