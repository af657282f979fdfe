/** The part of `arenas` about survivors: who keeps arenas that are nearly empty, and how much few of them hold. */
import type { ArenaPins, CurvePoint } from "../../analysis/fragmentation.ts";
import { padEnd, padStart, textWidth, wrap, wrapIndented } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount } from "../format/units.ts";

const MOST_GROUPS = 8;
const COUNT_CELLS = 9;
const BYTES_CELLS = 10;
const LEAST_WHAT_CELLS = 15;
const MOST_WHAT_CELLS = 32;

/** How many arenas are pinned, and by whom; empty when none is. */
export function pinnedLines(pins: ArenaPins, style: Style): string[] {
  if (pins.arenas.length === 0) return [];
  const title = pins.arenas.length === 1 ? "1 arena is pinned" : `${formatCount(pins.arenas.length)} arenas are pinned`;
  const survivors = pins.survivors === 1 ? "1 survivor" : `${formatCount(pins.survivors)} survivors`;
  const note = `${formatBytes(pins.recoverableBytes)} would come back without ${survivors}`;
  const gap = style.width - textWidth(title) - textWidth(note);
  const head =
    gap >= 2
      ? [`${paint(style, "heading", title)}${" ".repeat(gap)}${paint(style, "recover", note)}`]
      : [title, ...wrap(note, style.width)];
  return [...head, ...groupLines(pins, style), ""];
}

function groupLines(pins: ArenaPins, style: Style): string[] {
  const shown = pins.groups.slice(0, MOST_GROUPS);
  const others = pins.groups.slice(MOST_GROUPS);
  const rows = shown.map(({ count, bytes, what, owner }) => ({
    count,
    bytes,
    what: safeText(what),
    owner: safeText(owner ?? ""),
  }));
  if (others.length > 0) {
    const count = sumOf(others.map((group) => group.count));
    const bytes = sumOf(others.map((group) => group.bytes));
    rows.push({ count, bytes, what: `${formatCount(others.length)} more kinds`, owner: "" });
  }
  const widest = Math.max(LEAST_WHAT_CELLS, ...rows.map(({ what }) => textWidth(what)));
  const cells = Math.min(MOST_WHAT_CELLS, widest) + 1;
  const figures = (count: number, bytes: number) =>
    padStart(formatCount(count), COUNT_CELLS) + padStart(formatCount(bytes), BYTES_CELLS);
  const heads = `${padStart("survivors", COUNT_CELLS)}${padStart("bytes", BYTES_CELLS)}  ${rows.some(({ owner }) => owner) ? "what, held by" : "what"}`;
  const indent = COUNT_CELLS + BYTES_CELLS + 2;
  const lines = rows.flatMap(({ count, bytes, what, owner }) => {
    const [first, ...rest] = wrapIndented(`${padEnd(what, cells)}${owner}`.trimEnd(), style.width - indent, 2);
    return [`${figures(count, bytes)}  ${first}`, ...rest.map((line) => " ".repeat(indent) + line)];
  });
  const all = figures(sumOf(rows.map(({ count }) => count)), sumOf(rows.map(({ bytes }) => bytes)));
  return [paint(style, "note", heads), ...lines, paint(style, "heading", all)];
}

/** `Emptiest arenas first: 10 survivors hold 8 (7.9 MiB), 100 hold 12 (11.9 MiB).`; empty when there is nothing to gain. */
export function curveLines(curve: readonly CurvePoint[], style: Style): string[] {
  // That all survivors hold all arenas need not be said.
  const some = curve.slice(0, -1).filter(({ arenas }, index) => arenas > (curve[index - 1]?.arenas ?? 0));
  if (some.length === 0) return [];
  const points = some.map(({ survivors, arenas, recoverableBytes }, index) => {
    const verb = survivors === 1 ? "holds" : "hold";
    const whom = `${formatCount(survivors)}${index === 0 ? (survivors === 1 ? " survivor" : " survivors") : ""}`;
    return `${whom} ${verb} ${formatCount(arenas)} (${formatBytes(recoverableBytes)})`;
  });
  const lines = wrap(`Emptiest arenas first: ${points.join(", ")}.`, style.width);
  return [...lines.map((line) => paint(style, "note", line)), ""];
}
