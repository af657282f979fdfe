import { type Fill, staircase } from "../format/bars.ts";
import { padEnd, padStart, wrap } from "../format/layout.ts";
import { shareOut, sumOf } from "../format/rounding.ts";
import { safeText } from "../format/safe-text.ts";
import { type Ink, paint, type Style } from "../format/style.ts";
import { formatSteps, partSteps, toSteps, type Unit } from "../format/units.ts";

/** A part of a whole. Children, when shown, add up to it. */
export interface Part {
  /** May hold a target's text. */
  readonly label: string;
  readonly bytes: number;
  readonly fill: Fill;
  readonly ink: Ink;
  readonly children?: readonly Part[];
}

const LABEL_CELLS = 30;
const FIGURE_CELLS = 9;
const SHARE_CELLS = 8;
const GAP = "  ";
/** Everything but the bar; the last cell of a line stays empty. */
const FIXED_CELLS = LABEL_CELLS + FIGURE_CELLS + SHARE_CELLS + GAP.length + 1;
const WHOLE_SHARE_TENTHS = 1000;

/** Cells of the bars at a width. */
export function barCells(style: Style): number {
  return style.width - FIXED_CELLS;
}

/**
 * The picture of a whole and its parts: label, figure, share and a staircase of bars, closed by the whole. Displayed figures
 * and shares add up to those of the whole, level by level.
 */
export function partsTable(parts: readonly Part[], wholeLabel: string, unit: Unit, style: Style): string[] {
  const whole = sumOf(parts.map((part) => part.bytes));
  const wholeSteps = toSteps(whole, unit);
  const stairs = staircase(
    parts.map((part) => part.bytes),
    parts.map((part) => part.fill),
    barCells(style),
    style.glyphs,
  );
  const rows = level(parts, wholeSteps, WHOLE_SHARE_TENTHS, whole, unit);
  const lines = rows.flatMap((row, index) => {
    const { indent, bar } = stairs[index];
    const drawn = bar === "" ? "" : paint(style, row.part.ink, " ".repeat(indent) + bar);
    return [...partLines(row, 0, unit, style, drawn), ...childLines(row, 1, whole, unit, style)];
  });
  const closing =
    paint(style, "heading", wholeLabel) +
    " ".repeat(LABEL_CELLS - wholeLabel.length) +
    " ".repeat(FIGURE_CELLS - formatSteps(wholeSteps, unit).length) +
    paint(style, "heading", formatSteps(wholeSteps, unit)) +
    paint(style, "note", padStart("100.0 %", SHARE_CELLS)) +
    GAP +
    paint(style, "note", style.glyphs.rule.repeat(barCells(style)));
  return [...lines, closing];
}

/** Label, figure and share in the columns of the table, for rows of other tables that stand under it. */
export function figureLines(
  label: readonly string[],
  indent: number,
  figure: string,
  share: string,
  style: Style,
  rest: string,
): string[] {
  const space = " ".repeat(indent);
  const lines = label.flatMap((text) => wrap(safeText(text), LABEL_CELLS - 1 - indent));
  const first =
    padEnd(space + lines[0], LABEL_CELLS) +
    padStart(figure, FIGURE_CELLS) +
    paint(style, "note", padStart(share, SHARE_CELLS)) +
    (rest === "" ? "" : GAP + rest);
  return [first, ...lines.slice(1).map((line) => `${space}  ${line}`)];
}

interface Row {
  readonly part: Part;
  readonly steps: number;
  readonly shareTenths: number;
}

/** Rounds one level of parts so that it adds up to what its parent displays. */
function level(parts: readonly Part[], parentSteps: number, parentTenths: number, whole: number, unit: Unit): Row[] {
  const bytes = parts.map((part) => part.bytes);
  const steps = partSteps(parentSteps, bytes, unit);
  const tenths = whole === 0 ? bytes.map(() => 0) : shareOut(parentTenths, bytes, whole / WHOLE_SHARE_TENTHS);
  return parts.map((part, index) => ({ part, steps: steps[index], shareTenths: tenths[index] }));
}

function childLines(row: Row, depth: number, whole: number, unit: Unit, style: Style): string[] {
  return level(row.part.children ?? [], row.steps, row.shareTenths, whole, unit).flatMap((child) => [
    ...partLines(child, depth, unit, style, ""),
    ...childLines(child, depth + 1, whole, unit, style),
  ]);
}

function partLines(row: Row, depth: number, unit: Unit, style: Style, drawn: string): string[] {
  const share =
    row.shareTenths === 0 && row.part.bytes > 0 ? "< 0.1 %" : `${Math.floor(row.shareTenths / 10)}.${row.shareTenths % 10} %`;
  return figureLines([row.part.label], Math.min(depth * 2, 12), formatSteps(row.steps, unit), share, style, drawn);
}
