import { accountHeap, type HeapRow, type HeapUse, mapHeap } from "../../analysis/heap.ts";
import type { MallocSettingsFacts, MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { shadeMark } from "../format/bars.ts";
import { wrap, wrapIndented } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { paint, type Style } from "../format/style.ts";
import { type Column, type Row, tableLines } from "../format/table.ts";
import { ABSENT, formatBytes, formatCount, formatSteps, partSteps, toSteps, type Unit, unitFor } from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { headingLines, sectionLines } from "./heading.ts";

const LEAST_NAME_CELLS = 9;
const FIGURE_CELLS = 9;
/** When narrow, figures keep one blank between them. */
const NARROW_FIGURE_CELLS = 8;
const LEAST_BAR_CELLS = 8;
const MAP_MARGIN_CELLS = 12;

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
  const sections = snapshot.malloc.map((malloc) => allocatorLines(malloc, snapshot, style));
  const none = `No allocator that pystrata knows was found in process ${snapshot.process.pid}; explain and report go down to mappings.`;
  return [
    ...(sections.length === 0
      ? wrap(none, style.width)
      : sections.flatMap((section, index) => (index > 0 ? ["", ...section] : section))),
    "",
    ...closingLines(snapshot.capture, snapshot.problems, [], style),
  ];
}

function allocatorLines(malloc: MallocTables, snapshot: Snapshot, style: Style): string[] {
  const { rows, use } = accountHeap(malloc, snapshot.pages);
  const system = sumOf(rows.map((row) => row.systemBytes));
  const unit = unitFor(system);
  const arenas = malloc.arenas.length === 1 ? "1 arena" : `${formatCount(malloc.arenas.length)} arenas`;
  const mapped = malloc.mapped.count === 1 ? "1 mmapped chunk" : `${formatCount(malloc.mapped.count)} mmapped chunks`;
  const resident = sumOf(rows.map((row) => row.residentBytes));
  const headline = `${versionOf(malloc, snapshot)}, ${arenas} and ${mapped}: ${formatBytes(resident)} resident`;
  return [
    ...headingLines("malloc", [headline], style),
    "",
    ...heapTable(rows, unit, style),
    ...useLines(use, displayedInUse(rows, unit), unit, style),
    ...mapLines(malloc, style),
    ...settingsLines(malloc.settings, style),
  ];
}

/** The process knows its C library's version, where that is the allocator; the heap only the layout that fits. */
function versionOf(malloc: MallocTables, { process }: Snapshot): string {
  return process.allocator?.startsWith(malloc.allocator) ? process.allocator : `${malloc.allocator} ${malloc.variant}`.trim();
}

function heapTable(rows: readonly HeapRow[], unit: Unit, style: Style): string[] {
  const { system, parts } = roundTable(rows, unit);
  const resident = rounded(
    rows.map((row) => row.residentBytes),
    unit,
  );
  const names = rowNames(rows);
  const layout = layOut(names, style);
  const largest = Math.max(...rows.map((row) => row.systemBytes));
  const withResident = (steps: number) => (layout.withResident ? [formatSteps(steps, unit)] : []);

  const lines: Row[] = rows.map((row, index) => ({
    label: [names[index]],
    figures: [
      formatSteps(system.rows[index], unit),
      ...PARTS.map(({ key }, part) =>
        row.arena === undefined && row[key] === 0 ? ABSENT : formatSteps(parts[index][part], unit),
      ),
      ...withResident(resident.rows[index]),
    ],
    tail: layout.barCells < LEAST_BAR_CELLS ? "" : rowBar(row, largest, layout.barCells, style),
  }));
  const sums = PARTS.map((_, part) => sumOf(parts.map((row) => row[part])));
  const all: Row = {
    label: ["All"],
    figures: [...[system.whole, ...sums].map((steps) => formatSteps(steps, unit)), ...withResident(resident.whole)],
    whole: true,
  };
  return tableLines({ head: unit.name, cells: layout.nameCells }, layout.columns, [...lines, all], style);
}

interface Layout {
  readonly nameCells: number;
  readonly columns: readonly Column[];
  readonly withResident: boolean;
  readonly barCells: number;
}

/** Resident is a fact of its own beside the sum, since free and top pages may never have been touched; it goes first when narrow. */
function layOut(names: readonly string[], style: Style): Layout {
  const nameCells = Math.max(LEAST_NAME_CELLS, ...names.map((name) => name.length + 1));
  const roomFor = (cells: number, columns: number) => style.width - nameCells - cells * columns >= 0;
  const heads = ["system", ...PARTS.map(({ head }) => head)];
  const cells = roomFor(FIGURE_CELLS, heads.length + 1) ? FIGURE_CELLS : NARROW_FIGURE_CELLS;
  const withResident = roomFor(cells, heads.length + 1);
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

function rowNames(rows: readonly HeapRow[]): string[] {
  let threads = 0;
  return rows.map(({ arena }) => {
    if (arena === undefined) return "mmapped";
    return arena.main ? "main" : `thread ${++threads}`;
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

function mapLines(malloc: MallocTables, style: Style): string[] {
  const main = malloc.arenas.findIndex((arena) => arena.main);
  if (main < 0 || malloc.arenas[main].ranges.length === 0) return [];
  const { cellBytes, cells } = mapHeap(malloc, main, style.width - MAP_MARGIN_CELLS);
  const marks = Array.from(cells, (use) => shadeMark(use, style.glyphs)).join("");
  const one = formatBytes(cellBytes).replace(".0 ", " ");
  const note = `main arena, one character is ${one}, ${style.glyphs.shades.join("")} full to free`;
  return ["", ...sectionLines("By address", note, style), `  ${paint(style, "malloc", marks)}`];
}

function settingsLines(settings: MallocSettingsFacts | undefined, style: Style): string[] {
  if (!settings) return [];
  const dynamic = settings.dynamicThreshold ? "glibc raises it by itself" : "fixed";
  return [
    "",
    paint(style, "heading", "Settings now"),
    ...[
      `mmap threshold ${formatBytes(settings.mmapThreshold)}, ${dynamic}; at most ${formatCount(settings.mmapMax)} mmapped chunks`,
      `trim threshold ${thresholdText(settings.trimThreshold)}, top pad ${formatBytes(settings.topPad)}`,
      settings.arenaMax > 0 ? `at most ${formatCount(settings.arenaMax)} arenas` : "arena limit not set: eight per core",
    ].flatMap((line) => wrapIndented(`  ${line}`, style.width, 4)),
  ];
}

/** A threshold above any heap switches trimming off (M_TRIM_THRESHOLD of -1 is the largest size_t). */
function thresholdText(bytes: number): string {
  return bytes >= 2 ** 47 ? "never" : formatBytes(bytes);
}
