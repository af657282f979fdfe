import { padEnd, padStart, wrap } from "./layout.ts";
import { safeText } from "./safe-text.ts";
import { type Ink, paint, type Style } from "./style.ts";

/** A column of figures behind the label column, right aligned. */
export interface Column {
  readonly head: string;
  readonly cells: number;
  readonly ink?: Ink;
}

export interface Row {
  /** One text a line; may hold a target's text. Figures stand in the first line. */
  readonly label: readonly string[];
  /** One for each column. */
  readonly figures: readonly string[];
  /** Painted already, two cells behind the last figure: a bar. */
  readonly tail?: string;
  /** A sum. */
  readonly whole?: boolean;
  /** Cells that the label is indented: a row below another one. */
  readonly indent?: number;
}

export interface LabelColumn {
  readonly head: string;
  readonly cells: number;
  /** Short labels, such as block sizes, stand before their figures. */
  readonly align?: "left" | "right";
}

/** Lays out a table whose labels wrap and whose figures stand under each other; an empty head line is left out. */
export function tableLines(label: LabelColumn, columns: readonly Column[], rows: readonly Row[], style: Style): string[] {
  const pad = label.align === "right" ? padStart : padEnd;
  const heads = pad(label.head, label.cells) + columns.map((column) => padStart(column.head, column.cells)).join("");
  return [
    ...(heads.trim() === "" ? [] : [paint(style, "note", heads.trimEnd())]),
    ...rows.flatMap((row) => rowLines(row, label, columns, pad, style)),
  ];
}

function rowLines(
  row: Row,
  label: LabelColumn,
  columns: readonly Column[],
  pad: (text: string, width: number) => string,
  style: Style,
): string[] {
  const indent = " ".repeat(row.indent ?? 0);
  const lines = row.label.flatMap((text) => wrap(safeText(text), label.cells - 1 - indent.length));
  const start = pad(indent + lines[0], label.cells);
  const figures = columns.map(({ cells, ink }, index) => {
    const figure = padStart(row.figures[index], cells);
    return ink && row.figures[index] !== "" ? paint(style, ink, figure) : row.whole ? paint(style, "heading", figure) : figure;
  });
  const first = (row.whole ? paint(style, "heading", start) : start) + figures.join("") + (row.tail ? `  ${row.tail}` : "");
  return [style.colour ? first : first.trimEnd(), ...lines.slice(1).map((line) => `${indent}  ${line}`)];
}
