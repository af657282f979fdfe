/** What `heap` says of an allocator with size classes: free space by size, and whole free pages. */
import type { MallocTables, SizeClassFacts } from "../../snapshot/tables.ts";
import { wrap } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { paint, type Style } from "../format/style.ts";
import { type Row, tableLines } from "../format/table.ts";
import { formatBytes, formatCount, formatSteps, partSteps, toSteps, unitFor } from "../format/units.ts";
import { sectionLines } from "./heading.ts";

/** Sizes with lines of their own; the others share one. */
const SIZE_ROWS = 8;
const LABEL_CELLS = 10;
const FIGURE_CELLS = 10;

const COLUMNS: readonly { readonly head: string; readonly bytesOf: (size: SizeClassFacts) => number }[] = [
  { head: "in use", bytesOf: ({ bytes, live }) => bytes * live },
  { head: "cached", bytesOf: ({ bytes, cached }) => bytes * cached },
  { head: "free", bytesOf: ({ bytes, free }) => bytes * free },
  { head: "resident", bytesOf: ({ residentBytes }) => residentBytes },
];

/** The sizes with most free and cached bytes; empty for an allocator without size classes. */
export function sizeClassLines({ sizeClasses = [] }: MallocTables, style: Style): string[] {
  if (sizeClasses.length === 0) return [];
  const ordered = [...sizeClasses].sort((a, b) => unusedBytes(b) - unusedBytes(a) || a.bytes - b.bytes);
  const shown = ordered.slice(0, SIZE_ROWS);
  const groups = [...shown.map((size) => [size]), ordered.slice(SIZE_ROWS)].filter((group) => group.length > 0);
  const sums = COLUMNS.map(({ bytesOf }) => groups.map((group) => sumOf(group.map(bytesOf))));
  const unit = unitFor(Math.max(...sums.map(sumOf)));
  const wholes = sums.map((column) => toSteps(sumOf(column), unit));
  const steps = sums.map((column, index) => partSteps(wholes[index], column, unit));
  const rows: Row[] = groups.map((_, row) => ({
    label: [row < shown.length ? formatCount(shown[row].bytes) : "others"],
    figures: steps.map((column) => formatSteps(column[row], unit)),
  }));
  const all: Row = { label: ["All"], figures: wholes.map((whole) => formatSteps(whole, unit)), whole: true };
  return [
    "",
    ...sectionLines("Most free space by size of allocation", unit.name, style),
    ...tableLines(
      { head: "bytes", cells: LABEL_CELLS, align: "right" },
      COLUMNS.map(({ head }) => ({ head, cells: FIGURE_CELLS })),
      [...rows, all],
      style,
    ),
  ];
}

/** Whole free pages by how they are kept, in the allocator's own words. */
export function freePagesLines({ freePages = [] }: MallocTables, style: Style): string[] {
  if (freePages.length === 0) return [];
  const kept = freePages.map(
    ({ state, bytes, residentBytes }) => `${formatBytes(bytes)} ${state} (${formatBytes(residentBytes)} resident)`,
  );
  return wrap(`Free pages: ${kept.join(", ")}.`, style.width).map((line) => paint(style, "note", line));
}

function unusedBytes({ bytes, cached, free }: SizeClassFacts): number {
  return bytes * (cached + free);
}
