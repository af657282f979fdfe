import type { GraphRow } from "./graph-rows.ts";
import type { Row } from "./rows.ts";

const MB = 1e6;
const GB = 1e9;

interface Column<Measured> {
  readonly title: string;
  readonly cell: (row: Measured) => string;
}

export const ACCOUNT_COLUMNS: readonly Column<Row>[] = [
  { title: "heap", cell: ({ heap, way }) => (way === "" ? heap : `${heap}, ${way}`) },
  { title: "objects", cell: ({ objects }) => objects.toLocaleString("en") },
  { title: "RSS, MB", cell: ({ residentBytes }) => (residentBytes / MB).toFixed(0) },
  { title: "pause, ms", cell: ({ pausedMilliseconds }) => pausedMilliseconds.toFixed(0) },
  {
    title: "pause, ms/GB",
    cell: ({ pausedMilliseconds, bytesCopied }) => ((pausedMilliseconds * GB) / bytesCopied).toFixed(0),
  },
  { title: "raw copy, ms", cell: ({ rawCopyMilliseconds }) => rawCopyMilliseconds?.toFixed(0) ?? "" },
  { title: "find + sizes, M objects/s", cell: ({ objectsPerSecond }) => (objectsPerSecond / 1e6).toFixed(1) },
  { title: "whole report, s", cell: ({ commandMilliseconds }) => (commandMilliseconds / 1000).toFixed(2) },
  { title: "± noise", cell: ({ spread }) => `${(spread * 50).toFixed(0)} %` },
  { title: "peak memory / RSS", cell: ({ peakBytes, residentBytes }) => (peakBytes / residentBytes).toFixed(2) },
  { title: "attributed", cell: ({ attributedShare }) => `${(attributedShare * 100).toFixed(1)} %` },
];

export const GRAPH_COLUMNS: readonly Column<GraphRow>[] = [
  { title: "heap", cell: ({ heap }) => heap },
  { title: "objects", cell: ({ objects }) => objects.toLocaleString("en") },
  { title: "references", cell: ({ references }) => references.toLocaleString("en") },
  { title: "copy, s", cell: ({ copyMilliseconds }) => (copyMilliseconds / 1000).toFixed(2) },
  { title: "decode, s", cell: ({ decodeMilliseconds }) => (decodeMilliseconds / 1000).toFixed(2) },
  { title: "graph, s", cell: ({ graphMilliseconds }) => (graphMilliseconds / 1000).toFixed(2) },
  { title: "M objects/s", cell: ({ objects, milliseconds }) => (objects / milliseconds / 1000).toFixed(1) },
  { title: "whole command, s", cell: ({ commandMilliseconds }) => (commandMilliseconds / 1000).toFixed(2) },
  { title: "peak memory / RSS", cell: ({ peakBytes, residentBytes }) => (peakBytes / residentBytes).toFixed(2) },
  { title: "file, B/object", cell: ({ mappedBytes, objects }) => (mappedBytes / objects).toFixed(1) },
  { title: "archive, B/object", cell: ({ archiveBytes, objects }) => (archiveBytes / objects).toFixed(1) },
  { title: "file to first answer, s", cell: ({ firstAnswerMilliseconds }) => (firstAnswerMilliseconds / 1000).toFixed(2) },
];

/** The rows as a Markdown table, columns aligned so that it reads in a terminal too. */
export function formatRows<Measured>(columns: readonly Column<Measured>[], rows: readonly Measured[]): string {
  return formatTable(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map(({ cell }) => cell(row))),
  );
}

/** Cells as a Markdown table: the first column to the left, the others to the right. */
export function formatTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column])].map((cell) => cell.length)),
  );
  const align = (cell: string, column: number) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]));
  const line = (cells: readonly string[]) => `| ${cells.map(align).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(titles), rule, ...rows.map(line)].join("\n");
}
