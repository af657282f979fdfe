import { heapCauses } from "../../analysis/heap-causes.ts";
import { residentPages } from "../../analysis/ledger.ts";
import type { Ledger, LedgerKey, LedgerNode } from "../../analysis/ledger-tree.ts";
import { trimOf } from "../../analysis/trim.ts";
import { typeHistogram } from "../../analysis/types.ts";
import { MIB } from "../../base/units.ts";
import type { Snapshot, TypeTable } from "../../snapshot/tables.ts";
import { bar, type Fill } from "../format/bars.ts";
import { padStart, textWidth, wrap } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { safeText } from "../format/safe-text.ts";
import { type Ink, paint, type Style } from "../format/style.ts";
import {
  formatBytes,
  formatCount,
  formatShare,
  formatShares,
  formatSpan,
  formatSteps,
  partSteps,
  toSteps,
  type Unit,
  unitFor,
} from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { processLines, sectionLines } from "./heading.ts";
import { figureLines, type Part, partsTable } from "./parts-table.ts";
import { typeLabel } from "./type-label.ts";

/** How each first-level part of the ledger is shown. */
const LEDGER_LOOK: Readonly<Record<LedgerKey, { readonly label: string; readonly fill: Fill; readonly ink: Ink }>> = {
  objects: { label: "Objects", fill: "inUse", ink: "objects" },
  pymallocFree: { label: "pymalloc, free", fill: "free", ink: "pymalloc" },
  pymallocOverhead: { label: "pymalloc, overhead", fill: "overhead", ink: "pymalloc" },
  mallocFree: { label: "malloc, free", fill: "free", ink: "malloc" },
  mallocNative: { label: "malloc, native", fill: "inUse", ink: "malloc" },
  mallocOther: { label: "malloc, cached, top, overhead", fill: "overhead", ink: "malloc" },
  libraries: { label: "libraries", fill: "inUse", ink: "mappings" },
  mappedFiles: { label: "mapped files", fill: "inUse", ink: "mappings" },
  stacksSharedOther: { label: "stacks, other, shared memory", fill: "inUse", ink: "mappings" },
  unexplained: { label: "unexplained", fill: "unexplained", ink: "pages" },
};

const LARGEST_TYPES = 5;
/** Parts of a part that get lines of their own; the rest shares one. */
const MOST_CHILDREN = 12;
const COUNT_CELLS = 10;
const LEAST_TRIM_BYTES = 10 * MIB;

export interface ReportOptions {
  /** Levels of the ledger to show: 1 for the ten parts. */
  readonly depth: number;
  /** PID or file, for suggestions; the snapshot's PID when undefined. */
  readonly source?: string;
}

/** The account as text: whose memory, the ledger, the largest types, what the look has cost. */
export function reportText(snapshot: Snapshot, ledger: Ledger, options: ReportOptions, style: Style): string[] {
  const unit = unitFor(ledger.root.residentBytes);
  const parts = (ledger.root.children ?? []).map((node) => ledgerPart(node, options.depth));
  return [
    ...processLines(snapshot.process, style),
    ...totalLines(ledger, unit, style),
    "",
    ...partsTable(parts, "Resident", unit, style),
    ...outsideLines(snapshot, style),
    ...mallocLines(snapshot, style),
    ...largestTypeLines(snapshot.types, ledger, unit, style),
    ...(style.verbose ? ["", ...kernelLines(snapshot, style)] : []),
    "",
    ...closingLines(snapshot.capture, snapshot.problems, suggestions(snapshot, ledger, options.source), style),
  ];
}

function ledgerPart(node: LedgerNode, depth: number): Part {
  const look = LEDGER_LOOK[node.key as LedgerKey];
  return { ...look, bytes: node.residentBytes, children: childParts(node, depth - 1) };
}

function childParts(node: LedgerNode, depth: number): Part[] {
  if (depth <= 0) return [];
  const children = (node.children ?? [])
    .filter((child) => child.residentBytes > 0)
    .sort((a, b) => b.residentBytes - a.residentBytes)
    .map((child) => plainPart(child.label, child.residentBytes, childParts(child, depth - 1)));
  if (children.length <= MOST_CHILDREN + 1) return children;
  const others = children.slice(MOST_CHILDREN);
  const bytes = sumOf(others.map((part) => part.bytes));
  return [...children.slice(0, MOST_CHILDREN), plainPart(`${formatCount(others.length)} more`, bytes, [])];
}

/** Lower levels have no bar, hence neither fill nor colour of their own. */
function plainPart(label: string, bytes: number, children: readonly Part[]): Part {
  return { label, bytes, fill: "inUse", ink: "pages", children };
}

function totalLines(ledger: Ledger, unit: Unit, style: Style): string[] {
  const resident = ledger.root.residentBytes;
  const head = `${formatSteps(toSteps(resident, unit), unit)} ${unit.name} resident`;
  const coverage = [
    `placed ${formatShare(ledger.coverage.placedBytes, resident)}`,
    `attributed ${formatShare(ledger.coverage.attributedBytes, resident)}`,
    `unexplained ${unexplainedFigure(ledger, unit)}`,
  ].join(", ");
  if (textWidth(`${head}  ${coverage}`) <= style.width) return [`${paint(style, "heading", head)}  ${coverage}`];
  return [paint(style, "heading", head), ...wrap(coverage, style.width)];
}

/** The figure that the ledger's own line shows, unless that would be zero. */
function unexplainedFigure(ledger: Ledger, unit: Unit): string {
  const parts = (ledger.root.children ?? []).map((node) => node.residentBytes);
  const steps = partSteps(toSteps(ledger.root.residentBytes, unit), parts, unit).at(-1) ?? 0;
  if (steps === 0) return formatBytes(ledger.coverage.unexplainedBytes);
  return `${formatSteps(steps, unit)} ${unit.name}`;
}

/** What the kernel counts beside Rss. */
function outsideLines(snapshot: Snapshot, style: Style): string[] {
  const { swappedBytes, hugetlbBytes } = snapshot.process;
  const outside = [
    ...(swappedBytes > 0 ? [`${formatBytes(swappedBytes)} swapped out`] : []),
    ...(hugetlbBytes > 0 ? [`${formatBytes(hugetlbBytes)} of hugetlb pages`] : []),
  ];
  if (outside.length === 0) return [];
  return wrap(`Not resident, and not in this account: ${outside.join(", ")}.`, style.width).map((line) =>
    paint(style, "note", line),
  );
}

/** Why malloc keeps what is free, where that is worth a line; `heap` says more. */
function mallocLines(snapshot: Snapshot, style: Style): string[] {
  const resident = residentPages(snapshot);
  const sentences = snapshot.malloc.flatMap((malloc) => {
    const trim = trimOf(snapshot, malloc, resident);
    if (trim === undefined || trim.releasableBytes < LEAST_TRIM_BYTES) return [];
    const raised = heapCauses(snapshot, malloc)?.raisedByBytes;
    const why = raised === undefined ? "" : `; freeing a chunk of ${formatBytes(raised)} raised its thresholds`;
    return [`malloc_trim(0) would return ${formatBytes(trim.releasableBytes)} of what malloc keeps free${why}.`];
  });
  return sentences.flatMap((sentence) => wrap(sentence, style.width).map((line) => paint(style, "note", line)));
}

function largestTypeLines(types: TypeTable, ledger: Ledger, unit: Unit, style: Style): string[] {
  const histogram = typeHistogram(types, { sort: "resident", limit: LARGEST_TYPES });
  if (histogram.all.count === 0) return [];
  const rows = Array.from(histogram.rows, (index) => ({
    label: typeLabel(types, index),
    bytes: types.residentBytes[index],
    count: types.count[index],
  }));
  if (histogram.other.types > 0) {
    rows.push({
      label: [`${formatCount(histogram.other.types)} more`],
      bytes: histogram.other.residentBytes,
      count: histogram.other.count,
    });
  }
  const bytes = rows.map((row) => row.bytes);
  // The whole is the ledger's displayed figure, so that both tables say the same.
  const steps = partSteps(objectSteps(ledger, unit), bytes, unit);
  const shares = formatShares(bytes);
  const cells = typeBarCells(style);
  const largest = Math.max(...bytes);
  const lines = rows.flatMap((row, index) => {
    const drawn = cells === 0 ? "" : bar(row.bytes, largest, cells, style.glyphs);
    const rest =
      paint(style, "objects", drawn) +
      " ".repeat(Math.max(0, cells - textWidth(drawn))) +
      paint(style, "note", padStart(formatCount(row.count), COUNT_CELLS + (cells === 0 ? -1 : 1)));
    return figureLines(row.label, 2, formatSteps(steps[index], unit), shares[index], style, rest);
  });
  const note = `share of ${formatSteps(objectSteps(ledger, unit), unit)}, count`;
  return ["", ...sectionLines("Largest types", note, style), ...lines];
}

/** The bars of types are shorter than the ledger's: a count stands behind them. */
function typeBarCells(style: Style): number {
  const cells = Math.round((style.width - 55) * 0.4);
  return cells < 4 ? 0 : cells;
}

function objectSteps(ledger: Ledger, unit: Unit): number {
  const parts = (ledger.root.children ?? []).map((node) => node.residentBytes);
  return partSteps(toSteps(ledger.root.residentBytes, unit), parts, unit)[0] ?? 0;
}

/** Further figures of the kernel, with -v. */
function kernelLines(snapshot: Snapshot, style: Style): string[] {
  const { process } = snapshot;
  const figures = [
    `peak ${formatBytes(process.peakResidentBytes)}`,
    `PSS ${formatBytes(process.proportionalBytes)}`,
    `USS ${formatBytes(process.uniqueBytes)}`,
    `virtual ${formatBytes(process.virtualBytes)}`,
    `page tables ${formatBytes(process.pageTableBytes)}`,
    `huge pages ${formatBytes(process.anonymousHugeBytes)}`,
    `minor faults ${formatCount(process.minorFaults)}`,
    `major faults ${formatCount(process.majorFaults)}`,
    `up ${formatSpan(process.startedSecondsAgo)}`,
  ];
  return wrap(`Kernel: ${figures.join(", ")}.`, style.width);
}

/** The two most likely next questions. */
function suggestions(snapshot: Snapshot, ledger: Ledger, source = String(snapshot.process.pid)): string[] {
  const name = safeText(source);
  const bytesOf = (key: LedgerKey) => ledger.root.children?.find((node) => node.key === key)?.residentBytes ?? 0;
  const freeAt = bytesOf("mallocFree") >= bytesOf("pymallocFree") ? "heap" : "arenas";
  return [...(snapshot.types.length > 0 ? [`pystrata types ${name}`] : []), `pystrata ${freeAt} ${name}`];
}
