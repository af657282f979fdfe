import { explainAddress } from "../../analysis/explain.ts";
import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { objectLabel } from "../../analysis/object-labels.ts";
import type { PathsToObject, RootPath } from "../../analysis/paths.ts";
import { objectAt } from "../../analysis/places.ts";
import type { GroupStep, PathGroup, TypePaths } from "../../analysis/type-paths.ts";
import { qualifiedTypeName } from "../../analysis/types.ts";
import { padEnd, padStart, textWidth, wrap, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount, formatCounted, formatShares } from "../format/units.ts";
import { whereItLies } from "./explain-text.ts";
import { addressWords, graphClosing, noteLines, objectHeading } from "./graph-text.ts";
import { headingLines } from "./heading.ts";

const STEP_MARK = "└ ";
const COUNT_CELLS = 7;
const SHARE_CELLS = 8;
const GROUP_INDENT = 17;
const PATH_INDENT = 3;
/** Cells that names of steps get before what the steps are. */
const MOST_STEP_CELLS = 30;
const LEAST_STEP_CELLS = 24;
const DEEPEST_INDENT = 12;

/** Why one object is alive: its paths, then where it lies. */
export function objectPathsText(graph: ObjectGraph, object: number, found: PathsToObject, style: Style): string[] {
  const address = objectAt(graph.snapshot, object)?.address;
  const explanation = address === undefined ? undefined : explainAddress(graph.snapshot, address);
  const more = found.complete ? [] : noteLines("There are more paths; --limit shows more.", style);
  return [
    ...objectHeading(graph, object, style),
    "",
    ...found.paths.flatMap((path, index) => [...pathLines(graph, path, index + 1, style), ""]),
    ...more,
    ...(explanation ? [...whereItLies(graph.snapshot, explanation, style), ""] : []),
    ...graphClosing(graph, [], style),
  ];
}

function pathLines(graph: ObjectGraph, { expression, root, steps }: RootPath, number: number, style: Style): string[] {
  const indent = " ".repeat(PATH_INDENT);
  const [first, ...others] = wrap(safeText(expression), style.width - PATH_INDENT);
  const heads = [first, ...others].map((line) => paint(style, "objects", line));
  const stepLines = steps.map(({ object, reference }, index) => {
    const isLast = index === steps.length - 1;
    const what = isLast ? `${objectLabel(graph, object)}  ${addressWords(graph, object)}` : objectLabel(graph, object);
    return index === 0 && reference === "" ? rootStep(root, isLast ? `${what}, root` : "root") : { name: reference, what };
  });
  // A frame's variable: the frame is a line of its own.
  const shown = steps[0].reference === "" ? stepLines : [rootStep(root, "root"), ...stepLines];
  return [
    paint(style, "recover", padEnd(String(number), PATH_INDENT)) + heads[0],
    ...heads.slice(1).map((line) => indent + line),
    ...treeLines(shown, PATH_INDENT, 2, style),
  ];
}

/** A module is told by its name, and that it is one. */
function rootStep(root: string, what: string): ShownStep {
  const [, module] = /^module (.+)$/s.exec(root) ?? [];
  return module === undefined ? { name: root, what } : { name: module, what: what === "root" ? "module, root" : what };
}

interface ShownStep {
  readonly name: string;
  readonly what: string;
}

/** Steps under each other, each further in; what they are stands in a column, or below where it does not fit. */
function treeLines(steps: readonly ShownStep[], indent: number, firstIndent: number, style: Style): string[] {
  const prefixes = steps.map((_, index) =>
    index === 0 ? "" : " ".repeat(Math.min(firstIndent + (index - 1) * 2, DEEPEST_INDENT)) + STEP_MARK,
  );
  const widest = Math.max(...steps.map(({ name }, index) => textWidth(prefixes[index]) + textWidth(safeText(name)) + 2));
  const mostCells = style.width >= 100 ? MOST_STEP_CELLS : LEAST_STEP_CELLS;
  const cells = Math.max(LEAST_STEP_CELLS, Math.min(mostCells, widest));
  return steps.flatMap(({ name, what }, index) => {
    const start = " ".repeat(indent) + prefixes[index];
    const names = wrapIndented(start + safeText(name), style.width, textWidth(start) + 2);
    const room = style.width - indent - cells;
    const whats = wrap(safeText(what), room);
    const column = " ".repeat(indent + cells);
    const last = names[names.length - 1];
    const fits = textWidth(last) + 2 <= indent + cells;
    const painted = whats.map((line) => paint(style, "note", line));
    if (fits)
      return [
        ...names.slice(0, -1),
        padEnd(last, indent + cells) + painted[0],
        ...painted.slice(1).map((line) => column + line),
      ];
    return [...names, ...painted.map((line) => column + line)];
  });
}

/** Why the instances of a type are alive: groups that add up to all of them. */
export function typePathsText(
  graph: ObjectGraph,
  types: readonly number[],
  found: TypePaths,
  source: string,
  style: Style,
): string[] {
  const shares = formatShares([...found.groups.map(({ count }) => count), found.other.count]);
  const [example] = found.groups;
  return [
    ...typeHeading(graph, types, found, style),
    "",
    ...found.groups.flatMap((group, index) => [...groupLines(graph, group, shares[index], style), ""]),
    ...(found.other.groups === 0 ? [] : [...otherLines(found, shares[shares.length - 1], style), ""]),
    ...noteLines("Each object counts once, on its shortest path. Weak references are left out.", style),
    ...graphClosing(graph, example ? [`pystrata paths ${source} ${lastAddress(graph, example)}`] : [], style),
  ];
}

function typeHeading(graph: ObjectGraph, types: readonly number[], found: TypePaths, style: Style): string[] {
  const { types: table } = graph.snapshot;
  const present = types.filter((type) => table.count[type] > 0);
  const shown = present.length > 0 ? present : types;
  const names = [...new Set(shown.map((type) => qualifiedTypeName(table, type)))].join(", ");
  const ways = found.groups.length + found.other.groups;
  const facts = [
    ways === 0 ? "none is there" : `held in ${formatCounted(ways, "way")}`,
    `${formatBytes(found.retainedBytes)} retained`,
  ];
  return headingLines(`${formatCount(found.count)} ${safeText(names)}`, facts, style);
}

function groupLines(graph: ObjectGraph, group: PathGroup, share: string, style: Style): string[] {
  const indent = " ".repeat(GROUP_INDENT);
  const [first, ...others] = wrap(safeText(group.expression), style.width - GROUP_INDENT).map((line) =>
    paint(style, "objects", line),
  );
  const figures = padStart(formatCount(group.count), COUNT_CELLS) + paint(style, "note", padStart(share, SHARE_CELLS));
  const steps = group.steps.map((step, index) => groupStep(graph, group, step, index));
  return [
    `${figures}  ${first}`,
    ...others.map((line) => indent + line),
    ...treeLines(steps, GROUP_INDENT, 0, style),
    `${indent}${paint(style, "note", "retains ")}${paint(style, "heading", formatBytes(group.retainedBytes))}`,
  ];
}

function groupStep(graph: ObjectGraph, group: PathGroup, step: GroupStep, index: number): ShownStep {
  const type = qualifiedTypeName(graph.snapshot.types, step.type);
  const isLast = index === group.steps.length - 1;
  const what = isLast ? `${formatCount(group.count)} × ${type}` : index === 0 ? "root" : objectOrType(graph, group, step, type);
  if (index > 0) return { name: step.reference, what };
  return rootStep(step.reference === "" ? group.root : `${group.root} ${step.reference}`, what);
}

/** A step through which all of the group passes is one object, and can be said more precisely than by its type. */
function objectOrType(graph: ObjectGraph, group: PathGroup, step: GroupStep, type: string): string {
  const isCollectionStep = group.steps.slice(0, group.steps.indexOf(step) + 1).some(({ reference }) => reference.includes("…"));
  return isCollectionStep ? type : objectLabel(graph, step.object);
}

function otherLines({ other }: TypePaths, share: string, style: Style): string[] {
  const figures = padStart(formatCount(other.count), COUNT_CELLS) + paint(style, "note", padStart(share, SHARE_CELLS));
  return [`${figures}  ${formatCounted(other.groups, "more way")}`];
}

function lastAddress(graph: ObjectGraph, group: PathGroup): string {
  return addressWords(graph, group.steps[group.steps.length - 1].object);
}
