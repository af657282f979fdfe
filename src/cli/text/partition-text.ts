import type { ObjectGraph } from "../../analysis/object-graph.ts";
import type { Partition, PartitionKey, PartitionRow } from "../../analysis/partitions.ts";
import { bar } from "../format/bars.ts";
import { wrap } from "../format/layout.ts";
import { paint, type Style } from "../format/style.ts";
import { type Row, tableLines } from "../format/table.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatShares,
  formatSteps,
  partSteps,
  toSteps,
  unitFor,
} from "../format/units.ts";
import { graphClosing } from "./graph-text.ts";
import { processLines } from "./heading.ts";

const COUNT_CELLS = 12;
const BYTES_CELLS = 10;
const SHARE_CELLS = 9;
const BAR_CELLS = 16;
/** Below this width shallow bytes give way, and the bar. */
const ROOMY_CELLS = 80;

const HEADS: Readonly<Record<PartitionKey, string>> = {
  type: "Type",
  class: "Class",
  module: "Module",
  package: "Package",
  referrer: "Referred to by",
  size: "Size",
  generation: "Generation",
};

/** All objects parted by a question; parts shown, parts that do not match and the rest make up all of them. */
export function partitionText(
  graph: ObjectGraph,
  { by, rows, all }: Partition,
  limit: number,
  matches: ((key: string) => boolean) | undefined,
  style: Style,
): string[] {
  const matching = matches ? rows.filter(({ key }) => matches(key)) : rows;
  const shown = matching.slice(0, limit);
  const beyond = sumOf(matching.slice(limit));
  const unmatched = sumOf(rows.filter((row) => !matching.includes(row)));
  const parts = [
    ...shown,
    ...(matching.length > shown.length ? [{ ...beyond, key: `${formatCount(matching.length - shown.length)} more` }] : []),
    ...(rows.length > matching.length ? [{ ...unmatched, key: "not matching" }] : []),
  ];
  const sentence = `${formatCounted(all.count, "object takes", "objects take")} ${formatBytes(all.ownedBytes)}. Each is in one part.`;
  return [
    ...processLines(graph.snapshot.process, style),
    ...wrap(sentence, style.width),
    "",
    ...partLines(HEADS[by], parts, all, style),
    "",
    ...graphClosing(graph, [], style),
  ];
}

type Sums = Pick<PartitionRow, "count" | "shallowBytes" | "ownedBytes">;

function sumOf(rows: readonly PartitionRow[]): Sums {
  const sum = { count: 0, shallowBytes: 0, ownedBytes: 0 };
  for (const { count, shallowBytes, ownedBytes } of rows) {
    sum.count += count;
    sum.shallowBytes += shallowBytes;
    sum.ownedBytes += ownedBytes;
  }
  return sum;
}

function partLines(head: string, parts: readonly (Sums & { readonly key: string })[], all: Sums, style: Style): string[] {
  const unit = unitFor(all.ownedBytes);
  const isRoomy = style.width >= ROOMY_CELLS;
  const sizes = isRoomy ? (["shallowBytes", "ownedBytes"] as const) : (["ownedBytes"] as const);
  const steps = sizes.map((size) =>
    partSteps(
      toSteps(all[size], unit),
      parts.map((part) => part[size]),
      unit,
    ),
  );
  const shares = formatShares(parts.map(({ ownedBytes }) => ownedBytes));
  const largest = Math.max(...parts.map(({ ownedBytes }) => ownedBytes), 0);
  const rows = parts.map(
    ({ key, count, ownedBytes }, index): Row => ({
      label: [key],
      figures: [formatCount(count), ...steps.map((column) => formatSteps(column[index], unit)), shares[index]],
      tail: isRoomy ? paint(style, "objects", bar(ownedBytes, largest, BAR_CELLS, style.glyphs)) : "",
    }),
  );
  const whole: Row = {
    label: ["All"],
    figures: [formatCount(all.count), ...sizes.map((size) => formatSteps(toSteps(all[size], unit), unit)), "100.0 %"],
    whole: true,
  };
  const columns = [
    { head: "count", cells: COUNT_CELLS },
    ...sizes.map((size) => ({ head: size === "shallowBytes" ? "shallow" : "owned", cells: BYTES_CELLS })),
    { head: "share", cells: SHARE_CELLS, ink: "note" as const },
  ];
  const used = columns.reduce((sum, { cells }) => sum + cells, 0);
  const cells = style.width - 1 - used - (isRoomy ? BAR_CELLS + 2 : 0);
  return tableLines({ head: `${head}, ${unit.name}`, cells }, columns, [...rows, whole], style);
}
