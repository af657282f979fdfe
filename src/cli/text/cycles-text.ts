import type { CycleRow } from "../../analysis/cycle-rows.ts";
import type { CycleReport } from "../../analysis/cycles.ts";
import type { ObjectSum } from "../../analysis/garbage.ts";
import { bestReferenceName } from "../../analysis/namespace-owner.ts";
import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { objectLabel } from "../../analysis/object-labels.ts";
import { qualifiedTypeName } from "../../analysis/types.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import type { InterpreterFacts } from "../../snapshot/tables.ts";
import { bar } from "../format/bars.ts";
import { wrap, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { type Row, tableLines } from "../format/table.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatSteps,
  partSteps,
  toSteps,
  type Unit,
  unitFor,
} from "../format/units.ts";
import { addressWords, graphClosing, objectWords } from "./graph-text.ts";
import { processLines, sectionLines } from "./heading.ts";

const COUNT_CELLS = 12;
const BYTES_CELLS = 10;
const BAR_CELLS = 16;
const MOST_TYPES = 4;
const MOST_GC_GARBAGE = 20;

/** Garbage, what closes its cycles, and what each generation of the collector holds. */
export function cyclesText(graph: ObjectGraph, report: CycleReport, limit: number, source: string, style: Style): string[] {
  const garbage = report.cycles.filter(({ reachable }) => !reachable);
  const inUse = report.cycles.filter(({ reachable }) => reachable);
  const [first] = garbage;
  return [
    ...processLines(graph.snapshot.process, style),
    ...wrap(summary(report), style.width),
    ...(report.garbage.count === 0
      ? []
      : ["", ...kindLines(report, style), "", ...garbageLines(graph, garbage, report.garbage, limit, style)]),
    ...(inUse.length === 0 ? [] : ["", ...inUseLines(graph, inUse, limit, style)]),
    ...(report.gcGarbage.length === 0 ? [] : ["", ...gcGarbageLines(graph, report.gcGarbage, style)]),
    "",
    ...generationLines(report, style),
    "",
    ...graphClosing(
      graph,
      first && first.ring.length > 0 ? [`pystrata referrers ${source} ${addressWords(graph, first.ring[0])}`] : [],
      style,
    ),
  ];
}

function summary({ garbage, collectable }: CycleReport): string {
  if (garbage.count === 0) return "No garbage: something outside of the heap holds every object.";
  return (
    (garbage.count === 1
      ? `1 object is garbage and takes ${formatBytes(garbage.bytes)}: nothing holds it but itself. `
      : `${formatCount(garbage.count)} objects are garbage and take ${formatBytes(garbage.bytes)}: nothing holds them but each other. `) +
    `The next full collection finds ${formatCount(collectable.count)} of them.`
  );
}

/** The three kinds of garbage, which make up all of it. */
function kindLines({ garbage, collectable, goesAlong, beyondCollector, mayResurrect }: CycleReport, style: Style): string[] {
  const unit = unitFor(garbage.bytes);
  const kinds: readonly (readonly [string, ObjectSum])[] = [
    ["collectable", collectable],
    ["goes along with it", goesAlong],
    ...(beyondCollector.count > 0 ? [["never collected", beyondCollector] as const] : []),
  ];
  const steps = partSteps(
    toSteps(garbage.bytes, unit),
    kinds.map(([, { bytes }]) => bytes),
    unit,
  );
  const rows = kinds.map(
    ([label, sum], index): Row => row([label], sum.count, formatSteps(steps[index], unit), sum.bytes, garbage.bytes, style),
  );
  const whole: Row = {
    label: ["Garbage"],
    figures: [formatCount(garbage.count), formatSteps(toSteps(garbage.bytes, unit), unit)],
    whole: true,
  };
  const finalizers =
    mayResurrect.count === 0
      ? []
      : wrap(
          `Finalizers reach ${formatCounted(mayResurrect.count, "object")} of it (${formatBytes(mayResurrect.bytes)}) and may keep ${mayResurrect.count === 1 ? "it" : "them"}.`,
          style.width,
        );
  return [...tableLines({ head: "", cells: labelCells(style) }, columnsOf(unit), [...rows, whole], style), ...finalizers];
}

function columnsOf(unit: Unit): { head: string; cells: number }[] {
  return [
    { head: "objects", cells: COUNT_CELLS },
    { head: unit.name, cells: BYTES_CELLS },
  ];
}

function labelCells(style: Style): number {
  return style.width - 1 - COUNT_CELLS - BYTES_CELLS - (style.width >= 80 ? BAR_CELLS + 2 : 0);
}

function row(label: readonly string[], count: number, bytesText: string, bytes: number, whole: number, style: Style): Row {
  const drawn = style.width >= 80 ? paint(style, "objects", bar(bytes, whole, BAR_CELLS, style.glyphs)) : "";
  return { label, figures: [formatCount(count), bytesText], tail: drawn };
}

/** Garbage by the types of its cycles, each with a ring; rows and the rest make up all of it. */
function garbageLines(
  graph: ObjectGraph,
  rows: readonly CycleRow[],
  garbage: ObjectSum,
  limit: number,
  style: Style,
): string[] {
  const unit = unitFor(garbage.bytes);
  const shown = rows.slice(0, limit);
  const beyond = rows.slice(limit);
  const rest = {
    count: beyond.reduce((sum, { count }) => sum + count, 0),
    bytes: beyond.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const steps = partSteps(toSteps(garbage.bytes, unit), [...shown.map(({ bytes }) => bytes), rest.bytes], unit);
  const lines = shown.flatMap((each, index) => [
    ...tableLines(
      { head: "", cells: labelCells(style) },
      columnsOf(unit).map((column) => ({ ...column, head: "" })),
      [row([whatItIs(graph, each)], each.count, formatSteps(steps[index], unit), each.bytes, garbage.bytes, style)],
      style,
    ),
    ...ringLines(graph, each, style),
  ]);
  const sums: Row[] = [
    ...(beyond.length > 0
      ? [
          row(
            [formatCounted(beyond.length, "more kind")],
            rest.count,
            formatSteps(steps[steps.length - 1], unit),
            rest.bytes,
            garbage.bytes,
            style,
          ),
        ]
      : []),
    {
      label: ["All garbage"],
      figures: [formatCount(garbage.count), formatSteps(toSteps(garbage.bytes, unit), unit)],
      whole: true,
    },
  ];
  return [
    ...sectionLines("What closes the cycles", `objects, ${unit.name}`, style),
    ...lines,
    ...tableLines(
      { head: "", cells: labelCells(style) },
      columnsOf(unit).map((column) => ({ ...column, head: "" })),
      sums,
      style,
    ),
  ];
}

/** `3 × Session, dict, list and 2 more types`. */
function whatItIs({ snapshot }: ObjectGraph, { groups, types, finalizers }: CycleRow): string {
  const names = types.slice(0, MOST_TYPES).map(({ type }) => qualifiedTypeName(snapshot.types, type));
  const more = types.length > MOST_TYPES ? ` and ${formatCounted(types.length - MOST_TYPES, "more type")}` : "";
  const times = groups === 1 ? "" : `${formatCount(groups)} × `;
  return `${times}${names.join(", ")}${more}${finalizers ? "; with finalizers" : ""}`;
}

/** `Session .peer → Session .peer → back`. */
function ringLines(graph: ObjectGraph, { ring, ringLength }: CycleRow, style: Style): string[] {
  if (ring.length === 0) return [paint(style, "note", "  no cycle: something out of sight let go of it just now")];
  const hidden = ringLength - ring.length;
  const steps = ring.map((object, index) => {
    const isLastShown = index + 1 === ring.length;
    const next = ring[(index + 1) % ring.length];
    const reference = isLastShown && hidden > 0 ? "" : ` ${bestReferenceName(graph, object, next).text}`;
    return `${objectLabel(graph, object)}${reference}`;
  });
  const text = [...steps, ...(hidden > 0 ? [`${formatCount(hidden)} more`] : []), "back"].join(" → ");
  return wrapIndented(`  ${safeText(text)}`, style.width, 4).map((line) => paint(style, "note", line));
}

function inUseLines(graph: ObjectGraph, rows: readonly CycleRow[], limit: number, style: Style): string[] {
  const unit = unitFor(Math.max(...rows.map(({ bytes }) => bytes)));
  const lines = rows.slice(0, limit).flatMap((each) => [
    ...tableLines(
      { head: "", cells: labelCells(style) },
      columnsOf(unit).map((column) => ({ ...column, head: "" })),
      [
        row(
          [whatItIs(graph, each)],
          each.count,
          formatSteps(toSteps(each.bytes, unit), unit),
          each.bytes,
          rows[0].bytes,
          style,
        ),
      ],
      style,
    ),
    ...ringLines(graph, each, style),
  ]);
  const more =
    rows.length > limit
      ? wrap(`${formatCounted(rows.length - limit, "more kind of cycles is", "more kinds of cycles are")} in use.`, style.width)
      : [];
  return [...sectionLines("Cycles in use", "once let go, only a collection frees them", style), ...lines, ...more];
}

function gcGarbageLines(graph: ObjectGraph, objects: readonly number[], style: Style): string[] {
  const shown = objects.slice(0, MOST_GC_GARBAGE);
  return [
    ...sectionLines("gc.garbage", `${formatCounted(objects.length, "object")}, kept until somebody empties the list`, style),
    ...shown.flatMap((object) => wrapIndented(`  ${safeText(objectWords(graph, object))}`, style.width, 4)),
    ...(objects.length > shown.length ? [`  ${formatCount(objects.length - shown.length)} more`] : []),
  ];
}

/** What each generation holds, and how far the next collection is. */
function generationLines({ generations, interpreters }: CycleReport, style: Style): string[] {
  const whole = { count: 0, bytes: 0 };
  for (const { count, bytes } of generations) {
    whole.count += count;
    whole.bytes += bytes;
  }
  const unit = unitFor(whole.bytes);
  const steps = partSteps(
    toSteps(whole.bytes, unit),
    generations.map(({ bytes }) => bytes),
    unit,
  );
  const rows = generations.map(({ generation, count, bytes }, index) =>
    row(
      [generation === UNTRACKED_GENERATION ? "not tracked" : `generation ${generation}`],
      count,
      formatSteps(steps[index], unit),
      bytes,
      whole.bytes,
      style,
    ),
  );
  const all: Row = {
    label: ["All objects"],
    figures: [formatCount(whole.count), formatSteps(toSteps(whole.bytes, unit), unit)],
    whole: true,
  };
  return [
    ...sectionLines(
      "The collector",
      interpreters.length === 1 ? collectorState(interpreters[0]) : formatCounted(interpreters.length, "interpreter"),
      style,
    ),
    ...tableLines({ head: "", cells: labelCells(style) }, columnsOf(unit), [...rows, all], style),
    ...interpreters.flatMap((interpreter) => thresholdLines(interpreter, style)),
  ];
}

function collectorState({ enabled }: InterpreterFacts): string {
  return enabled ? "enabled" : "disabled: only gc.collect() collects";
}

function thresholdLines({ id, generations, enabled }: InterpreterFacts, style: Style): string[] {
  const counts = generations.map(({ count, threshold }) => `${formatCount(count)} of ${formatCount(threshold)}`).join(", ");
  const text = `Interpreter ${id}, ${enabled ? "enabled" : "disabled"}: counts are ${counts}.`;
  return wrap(text, style.width).map((line) => paint(style, "note", line));
}
