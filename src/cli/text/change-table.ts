import type { Change } from "../../analysis/diff.ts";
import { bar } from "../format/bars.ts";
import { paint, type Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import { formatSignedCount, formatSignedSteps, formatSteps, partSteps, toSteps, unitFor } from "../format/units.ts";

/** A row of before, after and change; without counts where they would not add up. */
export interface ChangeRow {
  readonly label: readonly string[];
  readonly change: Pick<Change, "bytesBefore" | "bytesAfter"> & Partial<Change>;
}

const BYTES_CELLS = 10;
const COUNT_CELLS = 12;
const BAR_CELLS = 12;
const LEAST_LABEL_CELLS = 34;

/**
 * Rows that make up `all`, before and after: displayed figures add up down each column, and across each row. Growth is drawn solid,
 * shrinking hollow; neither is good or bad.
 */
export function changeTable(head: string, rows: readonly ChangeRow[], all: Change, style: Style): string[] {
  const unit = unitFor(Math.max(all.bytesBefore, all.bytesAfter));
  const wholeBefore = toSteps(all.bytesBefore, unit);
  const wholeAfter = toSteps(all.bytesAfter, unit);
  const before = partSteps(
    wholeBefore,
    rows.map(({ change }) => change.bytesBefore),
    unit,
  );
  const after = partSteps(
    wholeAfter,
    rows.map(({ change }) => change.bytesAfter),
    unit,
  );
  const { columns, labelCells, barCells } = layoutFor(style);
  const figuresOf = (stepsBefore: number, stepsAfter: number, { countBefore, countAfter }: Partial<Change>) => {
    const count = countBefore === undefined || countAfter === undefined ? "" : formatSignedCount(countAfter - countBefore);
    const figures: Readonly<Record<string, string>> = {
      before: formatSteps(stepsBefore, unit),
      after: formatSteps(stepsAfter, unit),
      change: formatSignedSteps(stepsAfter - stepsBefore, unit),
      objects: count,
    };
    return columns.map((column) => figures[column.head] ?? "");
  };
  const largest = Math.max(...rows.map(({ change }) => Math.abs(change.bytesAfter - change.bytesBefore)), 1);
  const barOf = (growth: number): string => {
    const glyphs = growth < 0 ? { ...style.glyphs, inUse: style.glyphs.free } : style.glyphs;
    return barCells === 0 ? "" : paint(style, "objects", bar(Math.abs(growth), largest, barCells, glyphs));
  };
  const shown = rows.map(
    ({ label, change }, index): Row => ({
      label,
      figures: figuresOf(before[index], after[index], change),
      tail: barOf(change.bytesAfter - change.bytesBefore),
    }),
  );
  const whole: Row = { label: ["All"], figures: figuresOf(wholeBefore, wholeAfter, all), whole: true };
  return tableLines({ head: `${head}, ${unit.name}`, cells: labelCells }, columns, [...shown, whole], style);
}

interface Layout {
  readonly columns: readonly Column[];
  readonly labelCells: number;
  readonly barCells: number;
}

/** What was before gives way first when narrow, then what is after; the change never. */
function layoutFor(style: Style): Layout {
  const change: Column = { head: "change", cells: BYTES_CELLS };
  const objects: Column = { head: "objects", cells: COUNT_CELLS };
  const after: Column = { head: "after", cells: BYTES_CELLS };
  const before: Column = { head: "before", cells: BYTES_CELLS };
  const choices = [[before, after, change, objects], [after, change, objects], [change, objects], [change]];
  const roomBeside = (columns: readonly Column[]) => style.width - 1 - columns.reduce((sum, { cells }) => sum + cells, 0);
  const columns = choices.find((choice) => roomBeside(choice) >= LEAST_LABEL_CELLS) ?? [change];
  const room = roomBeside(columns);
  const barCells = room - BAR_CELLS - 2 >= LEAST_LABEL_CELLS ? BAR_CELLS : 0;
  return { columns, labelCells: barCells > 0 ? room - barCells - 2 : room, barCells };
}
