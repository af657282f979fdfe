import { sortColumn, type TypeHistogram, type TypeSortKey, type TypeSum } from "../../analysis/types.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { bar } from "../format/bars.ts";
import { wrap } from "../format/layout.ts";
import { paint, type Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatShare,
  formatShares,
  formatSteps,
  partSteps,
  toSteps,
  type Unit,
  unitFor,
} from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { lowerBoundLines } from "./graph-text.ts";
import { processLines } from "./heading.ts";
import { typeLabel } from "./type-label.ts";

const COUNT_CELLS = 12;
const BYTES_CELLS = 10;
const SHARE_CELLS = 9;
const BAR_CELLS = 16;
const LEAST_LABEL_CELLS = 26;
/** Beyond this width only the bars grow. */
const GROWING_FROM = 120;

type SummedKey = "resident" | "owned" | "shallow";
type SizeKey = SummedKey | "retained";
const SIZES: readonly SummedKey[] = ["shallow", "owned", "resident"];

/** A type, or the others together, before its figures are rounded. */
interface TypeRow extends Readonly<Record<SummedKey, number>> {
  readonly label: readonly string[];
  /** Of one type: what several retain overlaps. */
  readonly retained?: number | undefined;
  readonly count: number;
}

interface Layout {
  readonly labelCells: number;
  readonly sizes: readonly SizeKey[];
  readonly barCells: number;
}

/**
 * The histogram of types as text: every type of the process is in a row, in the row of the others, or outside the filter.
 *
 * @param retainedBytes of each type, when asked for; what types retain overlaps and has no sum.
 */
export function typesText(
  snapshot: Snapshot,
  histogram: TypeHistogram,
  sort: TypeSortKey,
  style: Style,
  retainedBytes?: Float64Array,
): string[] {
  const { all } = histogram;
  const sentence =
    `${formatCounted(all.count, "object")} of ${formatCounted(all.types, "type")} ${all.count === 1 ? "takes" : "take"} ${formatBytes(all.residentBytes)}, ` +
    `${formatShare(all.residentBytes, snapshot.process.residentBytes)} of what is resident.`;
  return [
    ...processLines(snapshot.process, style),
    ...wrap(sentence, style.width),
    "",
    ...(histogram.shown.types === 0
      ? wrap(
          all.types === 0
            ? "No objects are told apart in this process."
            : `None of ${formatCounted(all.types, "type")} matches the filter.`,
          style.width,
        )
      : histogramLines(snapshot, histogram, sort, style, retainedBytes)),
    "",
    ...lowerBoundLines(retainedBytes !== undefined && !snapshot.capture.complete, style),
    ...closingLines(snapshot.capture, snapshot.problems, [], style),
  ];
}

/** Size columns give way when narrow; the one that sorts stays. */
function layoutFor(sortedSize: SizeKey, all: readonly SizeKey[], style: Style): Layout {
  const cellsOf = (sizes: number) => COUNT_CELLS + sizes * BYTES_CELLS + SHARE_CELLS + 1;
  const sizes = style.width - cellsOf(all.length) >= LEAST_LABEL_CELLS ? all : [sortedSize];
  const room = style.width - cellsOf(sizes.length);
  if (room - BAR_CELLS - 2 < LEAST_LABEL_CELLS) return { labelCells: room, sizes, barCells: 0 };
  const barCells = BAR_CELLS + Math.max(0, style.width - GROWING_FROM);
  return { labelCells: room - barCells - 2, sizes, barCells };
}

function histogramLines(
  snapshot: Snapshot,
  histogram: TypeHistogram,
  sort: TypeSortKey,
  style: Style,
  retainedBytes: Float64Array | undefined,
): string[] {
  const sortedSize: SizeKey = sort === "count" || sort === "name" ? "resident" : sort;
  const sharedSize = sortedSize === "retained" ? "resident" : sortedSize;
  const layout = layoutFor(sortedSize, retainedBytes ? [...SIZES, "retained"] : SIZES, style);
  const { types } = snapshot;
  const typeRows: TypeRow[] = Array.from(histogram.rows, (index) => ({
    label: typeLabel(types, index, layout.labelCells - 1),
    count: types.count[index],
    resident: types.residentBytes[index],
    owned: types.ownedBytes[index],
    shallow: types.shallowBytes[index],
    retained: retainedBytes?.[index],
  }));
  if (histogram.other.types > 0) typeRows.push(sumRow(formatCounted(histogram.other.types, "more type"), histogram.other));
  const filtered = histogram.shown.types < histogram.all.types;
  const shown = sumRow(filtered ? "All shown" : "All", histogram.shown);
  const unit = unitFor(Math.max(shown.resident, shown.owned));

  const columns: Column[] = [
    { head: "count", cells: COUNT_CELLS },
    ...layout.sizes.map((size) => ({ head: size, cells: BYTES_CELLS })),
    { head: "share", cells: SHARE_CELLS, ink: "note" },
  ];
  const rows = figureRows(typeRows, shown, sharedSize, layout, unit);
  const bars = barTexts(typeRows, sort, largestOf(snapshot, histogram, sort, retainedBytes), layout, style);
  return tableLines(
    { head: `Type, ${unit.name}`, cells: layout.labelCells },
    columns,
    [
      ...rows.map((row, index) => ({ ...row, tail: bars[index] })),
      wholeRow(shown, "100.0 %", layout, unit),
      ...(filtered ? [wholeRow(sumRow("All", histogram.all), "", layout, unit)] : []),
    ],
    style,
  );
}

function sumRow(label: string, sum: TypeSum): TypeRow {
  return { label: [label], count: sum.count, resident: sum.residentBytes, owned: sum.ownedBytes, shallow: sum.shallowBytes };
}

/** Rounds column by column, so that each adds up to what the row of the whole shows. */
function figureRows(typeRows: readonly TypeRow[], shown: TypeRow, shareOf: SummedKey, layout: Layout, unit: Unit): Row[] {
  const columns = layout.sizes.map((size): readonly string[] => {
    if (size === "retained") return typeRows.map((row) => retainedText(row, unit));
    const steps = partSteps(
      toSteps(shown[size], unit),
      typeRows.map((row) => row[size]),
      unit,
    );
    return steps.map((each) => formatSteps(each, unit));
  });
  const shares = formatShares(typeRows.map((row) => row[shareOf]));
  return typeRows.map((row, index) => ({
    label: row.label,
    figures: [formatCount(row.count), ...columns.map((column) => column[index]), shares[index]],
  }));
}

function retainedText({ retained }: TypeRow, unit: Unit): string {
  return retained === undefined ? "" : formatSteps(toSteps(retained, unit), unit);
}

function wholeRow(row: TypeRow, share: string, layout: Layout, unit: Unit): Row {
  const sizes = layout.sizes.map((size) => (size === "retained" ? "" : formatSteps(toSteps(row[size], unit), unit)));
  return { label: row.label, figures: [formatCount(row.count), ...sizes, share], whole: true };
}

/** The largest row of the whole table, to which bars scale. */
function largestOf(
  snapshot: Snapshot,
  histogram: TypeHistogram,
  sort: TypeSortKey,
  retainedBytes: Float64Array | undefined,
): number {
  const column = sortColumn(snapshot.types, sort === "name" ? "resident" : sort, retainedBytes);
  return histogram.rows.reduce((largest, index) => Math.max(largest, column[index]), 0);
}

/** A bar a row by the sorted column; the row of the others may be larger than the scale and then fills it. */
function barTexts(typeRows: readonly TypeRow[], sort: TypeSortKey, largest: number, layout: Layout, style: Style): string[] {
  return typeRows.map((row) => {
    const value = sort === "count" ? row.count : sort === "name" ? row.resident : (row[sort] ?? 0);
    const drawn = layout.barCells === 0 ? "" : bar(Math.min(value, largest), largest, layout.barCells, style.glyphs);
    return paint(style, "objects", drawn);
  });
}
