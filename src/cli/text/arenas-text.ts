import { arenaFill, type PymallocSummary, type SizeClass, sizeClassesOf, summarisePymalloc } from "../../analysis/arenas.ts";
import { type ArenaPins, arenaPins, survivorCurve } from "../../analysis/fragmentation.ts";
import { pinContext } from "../../analysis/pin-owners.ts";
import type { PymallocTables, Snapshot } from "../../snapshot/tables.ts";
import { fillBar, levelMark } from "../format/bars.ts";
import { wrap } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { paint, type Style } from "../format/style.ts";
import { type Row, tableLines } from "../format/table.ts";
import { formatBytes, formatCount, formatShare, formatSteps, partSteps, toSteps, type Unit, unitFor } from "../format/units.ts";
import { curveLines, pinnedLines } from "./arena-pins-text.ts";
import { closingLines } from "./closing.ts";
import { headingLines, sectionLines } from "./heading.ts";
import { type Part, partsTable } from "./parts-table.ts";

/** Block sizes with lines of their own; the others share one. */
const SIZE_CLASS_ROWS = 6;
const MOST_MARKS_A_LINE = 80;
const MARKS_STEP = 16;

/** The pymalloc of a process as text: what its arenas hold, how full each is, which block sizes keep most free space. */
export function arenasText(snapshot: Snapshot, style: Style): string[] {
  const { pymalloc } = snapshot;
  const closing = ["", ...closingLines(snapshot.capture, snapshot.problems, [], style)];
  if (!pymalloc || pymalloc.arenas.length === 0) {
    const why = pymalloc ? "It has no arena at all." : "PYTHONMALLOC=malloc, or no CPython that pystrata knows.";
    return [...wrap(`No pymalloc arenas in process ${snapshot.process.pid}. ${why}`, style.width), ...closing];
  }
  const summary = summarisePymalloc(pymalloc);
  const pins = arenaPins(pinContext(snapshot), pymalloc);
  const unit = unitFor(summary.residentBytes);
  return [
    ...headingLines("pymalloc", [headline(pymalloc, summary, style)], style),
    "",
    ...partsTable(summaryParts(summary), "Resident", unit, style),
    "",
    ...mapLines(pymalloc, pins, style),
    "",
    ...pinnedLines(pins, style),
    ...curveLines(survivorCurve(snapshot, pymalloc), style),
    ...sizeClassLines(pymalloc, summary, unit, style),
    ...closing,
  ];
}

function headline(pymalloc: PymallocTables, summary: PymallocSummary, style: Style): string {
  const sizes = new Set(pymalloc.arenas.bytes.subarray(0, summary.arenas));
  const [first] = sizes;
  const what = sizes.size === 1 && first !== undefined ? `arenas of ${wholeUnits(first)}` : "arenas";
  const pools = style.width >= 100 && first !== undefined ? `, ${formatCount(first / pymalloc.poolBytes)} pools each` : "";
  const untouched = formatBytes(summary.bytes - summary.residentBytes);
  return `${formatCount(summary.arenas)} ${what}${pools}: ${formatBytes(summary.residentBytes)} resident, ${untouched} never touched`;
}

/** `1 MiB`, not `1.0 MiB`, for what is a power of two by design. */
function wholeUnits(bytes: number): string {
  return formatBytes(bytes).replace(".0 ", " ");
}

function summaryParts(summary: PymallocSummary): Part[] {
  const ink = "pymalloc";
  return [
    { label: "blocks in use", bytes: summary.inUseBytes, fill: "inUse", ink },
    { label: "rounding to block size", bytes: summary.roundingBytes, fill: "overhead", ink },
    { label: "pool headers and tails", bytes: summary.headerBytes, fill: "overhead", ink },
    { label: "free blocks in used pools", bytes: summary.freeBlockBytes, fill: "free", ink },
    { label: "empty pools", bytes: summary.emptyPoolBytes, fill: "free", ink },
  ];
}

function mapLines(pymalloc: PymallocTables, pins: ArenaPins, style: Style): string[] {
  const marks = Array.from(arenaFill(pymalloc), (fill) => levelMark(fill, style.glyphs));
  for (const { arena } of pins.arenas) marks[arena] = style.glyphs.pinned;
  const legend = pins.arenas.length === 0 ? "" : `, ${style.glyphs.pinned} is pinned`;
  const numberCells = Math.max(4, String(marks.length).length + 1);
  const room = Math.floor((style.width - numberCells - 2) / MARKS_STEP) * MARKS_STEP;
  const perLine = Math.min(MOST_MARKS_A_LINE, room);
  const lines: string[] = [];
  for (let first = 0; first < marks.length; first += perLine) {
    const number = paint(style, "note", String(first).padStart(numberCells));
    lines.push(`${number}  ${paint(style, "pymalloc", marks.slice(first, first + perLine).join(""))}`);
  }
  return [...sectionLines("By address", `one character is one arena, height is fill${legend}`, style), ...lines];
}

function sizeClassLines(pymalloc: PymallocTables, summary: PymallocSummary, unit: Unit, style: Style): string[] {
  const byFree = sizeClassesOf(pymalloc).sort(
    (a, b) => b.freeResidentBytes - a.freeResidentBytes || a.blockBytes - b.blockBytes,
  );
  const named = byFree.slice(0, SIZE_CLASS_ROWS).map((row) => ({ label: `${row.blockBytes} B`, ...total([row]) }));
  const others = byFree.slice(SIZE_CLASS_ROWS);
  const rows = [...named, ...(others.length > 0 ? [{ label: "others", ...total(others) }] : [])];
  const all = total(byFree);
  // The same displayed figures as in the table above: in use is blocks and their rounding.
  const parts = summaryParts(summary).map((part) => part.bytes);
  const steps = partSteps(toSteps(summary.residentBytes, unit), parts, unit);
  const [blockSteps, roundingSteps, , freeSteps] = steps;
  const inUse = partSteps(
    blockSteps + roundingSteps,
    rows.map((row) => row.inUseBytes),
    unit,
  );
  const free = partSteps(
    freeSteps,
    rows.map((row) => row.freeBytes),
    unit,
  );
  const cells = style.width <= 100 ? Math.min(34, style.width - 48) : style.width - 66;
  const toRow = (row: (typeof rows)[number], inUseSteps: number, freeSteps: number): Row => ({
    label: [row.label],
    figures: [
      formatCount(row.pools),
      formatSteps(inUseSteps, unit),
      formatSteps(freeSteps, unit),
      formatShare(row.inUseBytes, row.inUseBytes + row.freeBytes),
    ],
    tail: paint(style, "pymalloc", fillBar(row.inUseBytes, row.inUseBytes + row.freeBytes, cells, style.glyphs)),
  });
  return [
    ...sectionLines("Most free space by block size", `${unit.name} in used pools`, style),
    ...tableLines(
      { head: "block", cells: 7, align: "right" },
      ["pools", "in use", "free", "fill"].map((head) => ({ head, cells: 9 })),
      [
        ...rows.map((row, index) => toRow(row, inUse[index], free[index])),
        { ...toRow({ label: "All", ...all }, blockSteps + roundingSteps, freeSteps), whole: true },
      ],
      style,
    ),
    ...wrap(
      `In use counts whole blocks: ${formatSteps(blockSteps, unit)} of objects and ${formatSteps(roundingSteps, unit)} of rounding.`,
      style.width,
    ).map((line) => paint(style, "note", line)),
  ];
}

function total(classes: readonly SizeClass[]): { pools: number; inUseBytes: number; freeBytes: number } {
  return {
    pools: sumOf(classes.map((row) => row.pools)),
    inUseBytes: sumOf(classes.map((row) => row.inUseResidentBytes)),
    freeBytes: sumOf(classes.map((row) => row.freeResidentBytes)),
  };
}
