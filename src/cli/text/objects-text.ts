import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { ObjectList, ObjectListSum, ObjectRow, ObjectSortKey } from "../../analysis/objects.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import { wrap } from "../format/layout.ts";
import type { Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import { formatBytes, formatCount, formatSteps, partSteps, toSteps, type Unit, unitForRows } from "../format/units.ts";
import { graphClosing, objectWords, rowExpression } from "./graph-text.ts";
import { processLines } from "./heading.ts";

const BYTES_CELLS = 11;
const REFERENCES_CELLS = 11;
const GENERATION_CELLS = 6;
const LEAST_LABEL_CELLS = 36;

/** A column and its figures for a row and for a sum; sums leave out what does not add up. */
interface Figure {
  readonly column: Column;
  readonly ofRow: (row: ObjectRow, index: number) => string;
  readonly ofOther: string;
  readonly ofAll: string;
}

/** Objects that match, largest first; rows and the others make up all that match. */
export function objectsText(graph: ObjectGraph, list: ObjectList, sort: ObjectSortKey, style: Style): string[] {
  const { matching } = list;
  const sentence =
    matching.count === 0
      ? "No object matches."
      : matching.count === 1
        ? `1 object matches and takes ${formatBytes(matching.ownedBytes)}.`
        : `${formatCount(matching.count)} objects match and take ${formatBytes(matching.ownedBytes)}.`;
  return [
    ...processLines(graph.snapshot.process, style),
    ...wrap(sentence, style.width),
    ...(matching.count === 0 ? [] : ["", ...listLines(graph, list, sort, style)]),
    "",
    ...graphClosing(graph, [], style),
  ];
}

function listLines(graph: ObjectGraph, list: ObjectList, sort: ObjectSortKey, style: Style): string[] {
  const { rows, other, matching } = list;
  const largest = rows.reduce((most, row) => Math.max(most, row.retainedBytes ?? row.ownedBytes), 0);
  const unit = unitForRows(Math.max(largest, matching.ownedBytes), largest);
  const figures = fittingFigures(list, sort, unit, style);
  const labelCells = style.width - 1 - figures.reduce((sum, { column }) => sum + column.cells, 0);
  const shown = rows.map(
    (row, index): Row => ({
      label: [objectWords(graph, row.object), rowExpression(graph, row.object)],
      figures: figures.map(({ ofRow }) => ofRow(row, index)),
    }),
  );
  const sums: Row[] = [
    ...(other.count > 0
      ? [{ label: [`${formatCount(other.count)} more`], figures: figures.map(({ ofOther }) => ofOther) }]
      : []),
    { label: ["All that match"], figures: figures.map(({ ofAll }) => ofAll), whole: true },
  ];
  const columns = figures.map(({ column }) => column);
  return tableLines({ head: `Object, ${unit.name}`, cells: labelCells }, columns, [...shown, ...sums], style);
}

/** Columns give way from the right when narrow, the sorted one never. */
function fittingFigures(list: ObjectList, sort: ObjectSortKey, unit: Unit, style: Style): readonly Figure[] {
  const sum = (size: "shallow" | "owned"): Figure => {
    const key: keyof ObjectListSum = size === "shallow" ? "shallowBytes" : "ownedBytes";
    const whole = toSteps(list.matching[key], unit);
    const steps = partSteps(whole, [...list.rows.map((row) => row[key]), list.other[key]], unit);
    return {
      column: { head: size, cells: BYTES_CELLS },
      ofRow: (_, index) => formatSteps(steps[index], unit),
      ofOther: formatSteps(steps[steps.length - 1], unit),
      ofAll: formatSteps(whole, unit),
    };
  };
  const plain = (head: string, cells: number, ofRow: (row: ObjectRow) => string): Figure => ({
    column: { head, cells },
    ofRow,
    ofOther: "",
    ofAll: "",
  });
  // What objects retain overlaps: it has no sum.
  const retained = plain("retained", BYTES_CELLS, ({ retainedBytes = 0 }) => formatSteps(toSteps(retainedBytes, unit), unit));
  const sizes =
    sort === "retained"
      ? [retained, sum("owned"), sum("shallow")]
      : sort === "owned"
        ? [sum("owned"), sum("shallow")]
        : [sum("shallow"), sum("owned")];
  const all = [
    ...sizes,
    plain("references", REFERENCES_CELLS, ({ references }) =>
      references === undefined ? "immortal" : formatCount(references),
    ),
    plain("gen", GENERATION_CELLS, ({ generation }) => (generation === UNTRACKED_GENERATION ? "–" : String(generation))),
  ];
  let figures = all;
  const room = () => style.width - 1 - figures.reduce((cells, { column }) => cells + column.cells, 0);
  while (figures.length > 1 && room() < LEAST_LABEL_CELLS) figures = figures.slice(0, -1);
  return figures;
}
