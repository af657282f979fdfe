import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { shortestPath } from "../../analysis/paths.ts";
import type { RetainedLevel, RetainedTree, RetainedTreeRow } from "../../analysis/retained-tree.ts";
import { bar } from "../format/bars.ts";
import { withoutMiddle, wrap } from "../format/layout.ts";
import { paint, type Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatShare,
  formatSteps,
  partSteps,
  toSteps,
  type Unit,
  unitForRows,
} from "../format/units.ts";
import { addressWords, graphClosing, LONGEST_EXPRESSION, objectHeading, objectWords } from "./graph-text.ts";
import { processLines } from "./heading.ts";

const BYTES_CELLS = 10;
const SHARE_CELLS = 9;
const COUNT_CELLS = 12;
const BAR_CELLS = 14;
const LEAST_LABEL_CELLS = 38;
/** Share of all from which on an object is worth to be looked at first. */
const TELLING_SHARE = 0.05;
const INDENT = 2;
const DEEPEST_INDENT = 12;

interface Layout {
  readonly labelCells: number;
  readonly columns: readonly Column[];
  readonly barCells: number;
}

/** Where a level stands: how deep, and below which expression, that its rows need not repeat. */
interface Level {
  readonly depth: number;
  readonly expression: string;
}

/** What is shown of each row. */
interface Painter {
  readonly graph: ObjectGraph;
  readonly layout: Layout;
  readonly unit: Unit;
  /** Bytes that share and bars are of. */
  readonly whole: number;
  readonly style: Style;
}

/** Who retains most, as a list or a tree: parts and what is beyond the limit make up each whole. */
export function retainedText(graph: ObjectGraph, tree: RetainedTree, source: string, style: Style): string[] {
  const { under } = tree;
  const whole = under === undefined ? tree.all.retainedBytes : graph.retainedBytes[under];
  const largest = tree.rows.length === 0 ? whole : tree.rows[0].row.retainedBytes;
  const painter: Painter = { graph, layout: layoutFor(style), unit: unitForRows(whole, largest), whole, style };
  const wholeSteps = toSteps(whole, painter.unit);
  const own = under === undefined ? undefined : graph.ownedBytes[under];
  const rows = [
    ...levelRows(tree, own, wholeSteps, { depth: 0, expression: "" }, painter),
    sumRow(
      under === undefined ? "All that is held" : "Retained",
      wholeSteps,
      tree.all.retainedCount + Number(under !== undefined),
      painter,
    ),
  ];
  return [
    ...(under === undefined ? introduction(graph, tree, style) : objectHeading(graph, under, style)),
    "",
    ...tableLines(
      { head: `Would go with it, ${painter.unit.name}`, cells: painter.layout.labelCells },
      painter.layout.columns,
      rows,
      style,
    ),
    "",
    ...graphClosing(graph, moreCommands(graph, tree, source), style),
  ];
}

function introduction(graph: ObjectGraph, { all }: RetainedTree, style: Style): string[] {
  const sentence =
    `${formatBytes(all.retainedBytes)} in ${formatCounted(all.retainedCount, "object is", "objects are")} held. ` +
    "Each line is what would go if that object went. Lines share nothing, indented ones are part of the line above.";
  return [...processLines(graph.snapshot.process, style), ...wrap(sentence, style.width)];
}

function moreCommands(graph: ObjectGraph, { rows, all }: RetainedTree, source: string): string[] {
  if (rows.length === 0) return [];
  const { accumulator, retainedBytes } = rows[0].row;
  const address = addressWords(graph, accumulator);
  // Where no single object retains much, there may be many of one type.
  const types = retainedBytes < all.retainedBytes * TELLING_SHARE ? [`pystrata types ${source} --retained`] : [];
  return [...types, `pystrata retained ${source} ${address}`, `pystrata paths ${source} ${address}`];
}

/** Columns give way from the right when narrow, the bar first. */
function layoutFor(style: Style): Layout {
  const all: readonly Column[] = [
    { head: "retained", cells: BYTES_CELLS },
    { head: "share", cells: SHARE_CELLS, ink: "note" },
    { head: "objects", cells: COUNT_CELLS },
    { head: "at once", cells: BYTES_CELLS },
  ];
  let columns = all;
  const roomBeside = () => style.width - 1 - columns.reduce((sum, { cells }) => sum + cells, 0);
  while (columns.length > 2 && roomBeside() < LEAST_LABEL_CELLS) columns = columns.slice(0, -1);
  const barCells = roomBeside() - BAR_CELLS - 2 >= LEAST_LABEL_CELLS ? BAR_CELLS : 0;
  return { labelCells: roomBeside() - (barCells > 0 ? barCells + 2 : 0), columns, barCells };
}

/** Rows of one level and of those below it; their displayed bytes add up to `wholeSteps`. */
function levelRows(level: RetainedLevel, own: number | undefined, wholeSteps: number, at: Level, painter: Painter): Row[] {
  const { rows, other } = level;
  const parts = [...(own === undefined ? [] : [own]), ...rows.map(({ row }) => row.retainedBytes), other.retainedBytes];
  const steps = partSteps(wholeSteps, parts, painter.unit);
  const first = own === undefined ? 0 : 1;
  return [
    ...(own === undefined ? [] : [partRow("itself", own, steps[0], 1, at.depth, painter)]),
    ...rows.flatMap((each, index) => treeRows(each, steps[first + index], at, painter)),
    ...(other.objects > 0
      ? [
          partRow(
            `${formatCount(other.objects)} more`,
            other.retainedBytes,
            steps[steps.length - 1],
            other.retainedCount,
            at.depth,
            painter,
          ),
        ]
      : []),
  ];
}

function treeRows({ row, below }: RetainedTreeRow, steps: number, at: Level, painter: Painter): Row[] {
  const { graph, unit } = painter;
  const { expression } = shortestPath(graph, row.object);
  const atOnce = formatSteps(toSteps(row.freedAtOnceBytes, unit), unit);
  const shown: Row = {
    label: [withoutMiddle(behind(expression, at.expression), LONGEST_EXPRESSION), objectWords(graph, row.object)],
    figures: fitted(
      [formatSteps(steps, unit), shareOf(row.retainedBytes, painter), formatCount(row.retainedCount), atOnce],
      painter,
    ),
    tail: barOf(row.retainedBytes, painter),
    indent: indentOf(at.depth),
  };
  return below ? [shown, ...levelRows(below, row.ownedBytes, steps, { depth: at.depth + 1, expression }, painter)] : [shown];
}

/** `…[15]` for what lies behind the row above. */
function behind(expression: string, above: string): string {
  return above !== "" && expression.length > above.length && expression.startsWith(above)
    ? `…${expression.slice(above.length)}`
    : expression;
}

function partRow(label: string, bytes: number, steps: number, count: number, depth: number, painter: Painter): Row {
  return {
    label: [label],
    figures: fitted([formatSteps(steps, painter.unit), shareOf(bytes, painter), formatCount(count), ""], painter),
    tail: barOf(bytes, painter),
    indent: indentOf(depth),
  };
}

function sumRow(label: string, steps: number, count: number, painter: Painter): Row {
  return {
    label: [label],
    figures: fitted([formatSteps(steps, painter.unit), "100.0 %", formatCount(count), ""], painter),
    whole: true,
  };
}

function fitted(figures: readonly string[], { layout }: Painter): string[] {
  return figures.slice(0, layout.columns.length);
}

function shareOf(bytes: number, { whole }: Painter): string {
  return formatShare(bytes, whole);
}

function barOf(bytes: number, { whole, layout, style }: Painter): string {
  return layout.barCells === 0 ? "" : paint(style, "objects", bar(bytes, whole, layout.barCells, style.glyphs));
}

function indentOf(depth: number): number {
  return Math.min(depth * INDENT, DEEPEST_INDENT);
}
