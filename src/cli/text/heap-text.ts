import { accountHeap, type HeapRow, type HeapUse, mapHeap } from "../../analysis/heap.ts";
import { residentPages } from "../../analysis/ledger.ts";
import { type PinContext, pinContext } from "../../analysis/pin-owners.ts";
import { type HeapPin, heapPins } from "../../analysis/pins.ts";
import { type Trim, trimOf } from "../../analysis/trim.ts";
import type { PageSet } from "../../base/page-set.ts";
import type { MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { shadeMark } from "../format/bars.ts";
import { wrap } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { paint, type Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import { ABSENT, formatBytes, formatCount, formatSteps, partSteps, toSteps, type Unit, unitFor } from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { headingLines, sectionLines } from "./heading.ts";
import { causeLines, pinLines } from "./heap-pins-text.ts";
import { nativeLines } from "./native-text.ts";
import { freePagesLines, sizeClassLines } from "./size-classes-text.ts";

const LEAST_NAME_CELLS = 9;
const FIGURE_CELLS = 9;
/** When narrow, figures keep one blank between them. */
const NARROW_FIGURE_CELLS = 8;
const LEAST_BAR_CELLS = 8;
const MAP_MARGIN_CELLS = 12;
/** From this width on there is room for what a trim returns, from this one for resident bytes too. */
const TRIM_CELLS = 72;
const ROOMY_CELLS = 110;

type PartKey = "inUseBytes" | "freeBytes" | "cachedBytes" | "topBytes" | "overheadBytes";
const PARTS: readonly { readonly key: PartKey; readonly head: string }[] = [
  { key: "inUseBytes", head: "in use" },
  { key: "freeBytes", head: "free" },
  { key: "cachedBytes", head: "cached" },
  { key: "topBytes", head: "top" },
  { key: "overheadBytes", head: "overhd" },
];

/** The malloc heaps of a process as text, one section an allocator. */
export function heapText(snapshot: Snapshot, style: Style): string[] {
  const context = pinContext(snapshot);
  const resident = residentPages(snapshot);
  const sections = snapshot.malloc.map((malloc) => allocatorLines(malloc, context, resident, style));
  const none = `No allocator that pystrata knows was found in process ${snapshot.process.pid}; explain and report go down to mappings.`;
  return [
    ...(sections.length === 0
      ? wrap(none, style.width)
      : sections.flatMap((section, index) => (index > 0 ? ["", ...section] : section))),
    ...nativeLines(snapshot, style),
    "",
    ...closingLines(snapshot.capture, snapshot.problems, [], style),
  ];
}

function allocatorLines(malloc: MallocTables, context: PinContext, resident: PageSet, style: Style): string[] {
  const { snapshot } = context;
  const { rows, use } = accountHeap(malloc, snapshot.pages);
  const trim = trimOf(snapshot, malloc, resident);
  const pins = heapPins(context, malloc, resident);
  const system = sumOf(rows.map((row) => row.systemBytes));
  const unit = unitFor(system);
  const arenas = malloc.arenas.length === 1 ? "1 arena" : `${formatCount(malloc.arenas.length)} arenas`;
  const mapped = malloc.mapped.count === 1 ? " and 1 mmapped chunk" : ` and ${formatCount(malloc.mapped.count)} mmapped chunks`;
  const whole = sumOf(rows.map((row) => row.residentBytes));
  const headline = `${versionOf(malloc, snapshot)}, ${arenas}${isGlibc(malloc) ? mapped : ""}: ${formatBytes(whole)} resident`;
  return [
    ...headingLines("malloc", [headline], style),
    ...trimLines(malloc, trim, style),
    "",
    ...heapTable(malloc, rows, trim, unit, style),
    ...useLines(use, displayedInUse(rows, unit), unit, style),
    ...freePagesLines(malloc, style),
    ...sizeClassLines(malloc, style),
    ...mapLines(malloc, pins, style),
    ...pinLines(malloc, pins, style),
    ...causeLines(malloc, snapshot, style),
  ];
}

/** The process knows its C library's version, where that is the allocator; the heap only the layout that fits. */
function versionOf(malloc: MallocTables, { process }: Snapshot): string {
  return process.allocator?.startsWith(malloc.allocator) ? process.allocator : `${malloc.allocator} ${malloc.variant}`.trim();
}

/** What malloc_trim(0) returns, and what it cannot. */
function trimLines(malloc: MallocTables, trim: Trim | undefined, style: Style): string[] {
  if (trim === undefined) return [];
  const free = sumOf(malloc.arenas.map((arena) => arena.freeBytes + arena.fastBytes + arena.topBytes));
  const rest = free - trim.releasableBytes;
  const stays =
    rest > 0 ? ` The other ${formatBytes(rest)} that are free were never touched or share pages with bytes in use.` : "";
  const returns = formatBytes(trim.releasableBytes);
  const [first, ...others] = wrap(`A trim returns ${returns}.${stays}`, style.width);
  return [first.replace(returns, () => paint(style, "recover", returns)), ...others];
}

function heapTable(malloc: MallocTables, rows: readonly HeapRow[], trim: Trim | undefined, unit: Unit, style: Style): string[] {
  const { system, parts } = roundTable(rows, unit);
  // Where it is too narrow for the column, the sum above has to do.
  const trimmed = trim && style.width >= TRIM_CELLS ? rounded([...trim.byArena], unit) : undefined;
  const resident = rounded(
    rows.map((row) => row.residentBytes),
    unit,
  );
  const names = rowNames(rows, isGlibc(malloc) ? "thread" : "arena");
  const layout = layOut(names, trimmed !== undefined, style);
  const largest = Math.max(...rows.map((row) => row.systemBytes));
  const withResident = (steps: number) => (layout.withResident ? [formatSteps(steps, unit)] : []);
  // Mmapped chunks go back by themselves.
  const withTrim = (steps: number | undefined) =>
    trimmed === undefined ? [] : [steps === undefined ? ABSENT : formatSteps(steps, unit)];

  const lines: Row[] = rows.map((row, index) => ({
    label: [names[index]],
    figures: [
      formatSteps(system.rows[index], unit),
      ...PARTS.map(({ key }, part) =>
        row.arena === undefined && row[key] === 0 ? ABSENT : formatSteps(parts[index][part], unit),
      ),
      ...withTrim(trimmed?.rows[index]),
      ...withResident(resident.rows[index]),
    ],
    tail: layout.barCells < LEAST_BAR_CELLS ? "" : rowBar(row, largest, layout.barCells, style),
  }));
  const sums = PARTS.map((_, part) => sumOf(parts.map((row) => row[part])));
  const all: Row = {
    label: ["All"],
    figures: [
      ...[system.whole, ...sums].map((steps) => formatSteps(steps, unit)),
      ...withTrim(trimmed?.whole),
      ...withResident(resident.whole),
    ],
    whole: true,
  };
  // What glibc has at its end others have anywhere.
  const columns = layout.columns.map((column) =>
    column.head === "top" && !isGlibc(malloc) ? { ...column, head: "pages" } : column,
  );
  return tableLines({ head: unit.name, cells: layout.nameCells }, columns, [...lines, all], style);
}

function isGlibc({ allocator }: MallocTables): boolean {
  return allocator === "glibc";
}

interface Layout {
  readonly nameCells: number;
  readonly columns: readonly Column[];
  readonly withResident: boolean;
  readonly barCells: number;
}

/** Resident is a fact of its own beside the sum, since free and top pages may never have been touched; it goes first when narrow. */
function layOut(names: readonly string[], withTrim: boolean, style: Style): Layout {
  const nameCells = Math.max(LEAST_NAME_CELLS, ...names.map((name) => name.length + 1));
  const roomFor = (cells: number, columns: number) => style.width - nameCells - cells * columns >= 0;
  const heads = ["system", ...PARTS.map(({ head }) => head), ...(withTrim ? ["trim"] : [])];
  const cells = roomFor(FIGURE_CELLS, heads.length + 1) ? FIGURE_CELLS : NARROW_FIGURE_CELLS;
  // Beside a trim it has to leave room for bars.
  const withResident = withTrim ? style.width >= ROOMY_CELLS : roomFor(cells, heads.length + 1);
  const columns = (withResident ? [...heads, "resident"] : heads).map((head) => ({ head, cells }));
  return { nameCells, columns, withResident, barCells: style.width - nameCells - cells * columns.length - 3 };
}

/** A column in displayed steps; rows add up to the whole. */
interface RoundedColumn {
  readonly whole: number;
  readonly rows: readonly number[];
}

function rounded(bytes: readonly number[], unit: Unit): RoundedColumn {
  const whole = toSteps(sumOf(bytes), unit);
  return { whole, rows: partSteps(whole, bytes, unit) };
}

interface RoundedTable {
  readonly system: RoundedColumn;
  /** By row, then by `PARTS`. */
  readonly parts: readonly (readonly number[])[];
}

/** Rounds the whole, shares it among the rows, and each row among its parts: sums hold across and down. */
function roundTable(rows: readonly HeapRow[], unit: Unit): RoundedTable {
  const system = rounded(
    rows.map((row) => row.systemBytes),
    unit,
  );
  const parts = rows.map((row, index) =>
    partSteps(
      system.rows[index],
      PARTS.map(({ key }) => row[key]),
      unit,
    ),
  );
  return { system, parts };
}

/** What the last row shows as in use. */
function displayedInUse(rows: readonly HeapRow[], unit: Unit): number {
  return sumOf(roundTable(rows, unit).parts.map(([inUse]) => inUse));
}

/** @param others what an arena is that is not the main one: those of glibc are its threads' */
function rowNames(rows: readonly HeapRow[], others: string): string[] {
  let count = 0;
  return rows.map(({ arena }) => {
    if (arena === undefined) return "mmapped";
    return arena.main ? "main" : `${others} ${++count}`;
  });
}

/** In use from the left, what is free or kept behind it. */
function rowBar(row: HeapRow, largest: number, cells: number, style: Style): string {
  const whole = Math.max(1, Math.round((row.systemBytes / largest) * cells));
  const used = Math.min(whole, Math.round(((row.inUseBytes + row.overheadBytes) / largest) * cells));
  const { inUse, free } = style.glyphs;
  return paint(style, "malloc", inUse.repeat(used) + free.repeat(whole - used));
}

function useLines(use: HeapUse, inUseSteps: number, unit: Unit, style: Style): string[] {
  const parts: readonly [number, string][] = [
    [use.objectBytes, "for objects"],
    [use.pymallocBytes, "for pymalloc arenas"],
    [use.runtimeBytes, "for the Python runtime"],
    [use.nativeBytes, "native"],
  ];
  const steps = partSteps(
    inUseSteps,
    parts.map(([bytes]) => bytes),
    unit,
  );
  const named = parts.flatMap(([bytes, whom], index) => (bytes > 0 ? [`${formatSteps(steps[index], unit)} ${whom}`] : []));
  return named.length === 0 ? [] : wrap(`In use: ${named.join(", ")}.`, style.width).map((line) => paint(style, "note", line));
}

function mapLines(malloc: MallocTables, pins: readonly HeapPin[], style: Style): string[] {
  const main = malloc.arenas.findIndex((arena) => arena.main);
  if (main < 0 || malloc.arenas[main].ranges.length === 0) return [];
  const { cellBytes, cells } = mapHeap(malloc, main, style.width - MAP_MARGIN_CELLS);
  const marks = Array.from(cells, (use) => shadeMark(use, style.glyphs));
  const { ranges } = malloc.arenas[main];
  // Ranges are drawn end to end; a pin is marked in the first, the brk heap.
  const marked = pins.filter((pin) => pin.arena === main && pin.start === ranges[0].start && pin.recoverableBytes >= cellBytes);
  for (const pin of marked) marks[Math.floor((pin.address - pin.start) / cellBytes)] = style.glyphs.pin;
  const one = formatBytes(cellBytes).replace(".0 ", " ");
  const legend = marked.length > 0 ? `, ${style.glyphs.pin} pin` : "";
  const note = `main arena, one character is ${one}, ${style.glyphs.shades.join("")} full to free${legend}`;
  return ["", ...sectionLines("By address", note, style), `  ${paint(style, "malloc", marks.join(""))}`];
}
