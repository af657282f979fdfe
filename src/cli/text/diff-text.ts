import type { Change, Fates, SnapshotDifference, TypeGrowth } from "../../analysis/diff.ts";
import type { HolderGrowth } from "../../analysis/holder-growth.ts";
import { IDENTITY_RULE } from "../../analysis/identity.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { wrap } from "../format/layout.ts";
import type { Style } from "../format/style.ts";
import { type Row, tableLines } from "../format/table.ts";
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatSignedBytes,
  formatSignedCount,
  formatSignedSteps,
  formatSpan,
  partSteps,
  toSteps,
  unitFor,
} from "../format/units.ts";
import { type ChangeRow, changeTable } from "./change-table.ts";
import { closingLines } from "./closing.ts";
import { lowerBoundLines, noteLines } from "./graph-text.ts";
import { processLines, sectionLines } from "./heading.ts";

const FATE_WORDS: Readonly<Record<keyof Fates, string>> = {
  appeared: "appeared",
  went: "went",
  stayed: "stayed",
  undecided: "undecided",
};

/** Two snapshots compared: the growth, what became of the objects, types, holders. Each table adds up to the growth. */
export function diffText(
  before: Snapshot,
  after: Snapshot,
  difference: SnapshotDifference,
  limit: number,
  style: Style,
): string[] {
  const { types, holders, all } = difference;
  return [
    ...processLines(after.process, style),
    ...wrap(summary(before, after, all), style.width),
    "",
    ...fateLines(difference, style),
    "",
    ...changeTable("Type", typeRows(types, limit), all, style),
    "",
    ...sectionLines("Where", "each byte counts on the shortest path that holds it", style),
    ...changeTable("Holder", holderRows(holders, difference, limit), all, style),
    "",
    ...lowerBoundLines(difference.lowerBound, style),
    ...closingLines(after.capture, after.problems, [], style),
  ];
}

function summary(before: Snapshot, after: Snapshot, all: Change): string {
  const seconds = (Date.parse(after.capture.takenAt) - Date.parse(before.capture.takenAt)) / 1000;
  const span = seconds < 0 ? `${formatSpan(-seconds)} before` : formatSpan(seconds);
  const resident = after.process.residentBytes - before.process.residentBytes;
  return (
    `${formatSignedBytes(all.bytesAfter - all.bytesBefore)} of objects in ${span}: ${formatBytes(all.bytesBefore)}, then ` +
    `${formatBytes(all.bytesAfter)}; ${formatSignedCount(all.countAfter - all.countBefore)} objects. ` +
    `Resident: ${formatSignedBytes(resident)}, then ${formatBytes(after.process.residentBytes)}.`
  );
}

/** What became of the objects, or why that is not said. */
function fateLines({ all, notIdentified }: SnapshotDifference, style: Style): string[] {
  const { fates } = all;
  if (!fates)
    return wrap(`Objects are not identified: ${notIdentified ?? ""}. Counts, types and holders are compared.`, style.width);
  const unit = unitFor(Math.max(all.bytesBefore, all.bytesAfter));
  const names: readonly (keyof Fates)[] = ["appeared", "went", "stayed", "undecided"];
  const growths = names.map((name) => fates[name].bytesAfter - fates[name].bytesBefore);
  const whole = toSteps(all.bytesAfter, unit) - toSteps(all.bytesBefore, unit);
  const steps = partSteps(whole, growths, unit);
  const rows = names.map((name, index): Row => {
    const { countBefore, countAfter } = fates[name];
    return {
      label: [FATE_WORDS[name]],
      figures: [formatCount(Math.max(countBefore, countAfter)), formatSignedSteps(steps[index], unit)],
    };
  });
  const sum: Row = { label: ["Change"], figures: ["", formatSignedSteps(whole, unit)], whole: true };
  const columns = ["objects", unit.name].map((head) => ({ head, cells: 14 }));
  return [
    ...tableLines({ head: "Objects that", cells: 16 }, columns, [...rows, sum], style),
    ...noteLines(`The same: ${IDENTITY_RULE}`, style),
  ];
}

function typeRows(types: readonly TypeGrowth[], limit: number): ChangeRow[] {
  const changed = types.filter(
    ({ bytesBefore, bytesAfter, countBefore, countAfter }) => bytesBefore !== bytesAfter || countBefore !== countAfter,
  );
  const shown = changed.slice(0, limit);
  const beyond = types.filter((type) => !shown.includes(type));
  return [
    ...shown.map(
      (type): ChangeRow => ({ label: type.module === "" ? [type.name] : [`${type.name}  ${type.module}`], change: type }),
    ),
    ...(beyond.length > 0 ? [{ label: [formatCounted(beyond.length, "more type")], change: sumOf(beyond) }] : []),
  ];
}

function holderRows(holders: readonly HolderGrowth[], { all, unheld }: SnapshotDifference, limit: number): ChangeRow[] {
  const shown = holders.slice(0, limit);
  const beyond = holders.slice(limit);
  const bytesOf = (rows: readonly Pick<Change, "bytesBefore" | "bytesAfter">[]) => ({
    bytesBefore: rows.reduce((sum, { bytesBefore }) => sum + bytesBefore, 0),
    bytesAfter: rows.reduce((sum, { bytesAfter }) => sum + bytesAfter, 0),
  });
  const listed = bytesOf([...holders, unheld]);
  const unchanged = { bytesBefore: all.bytesBefore - listed.bytesBefore, bytesAfter: all.bytesAfter - listed.bytesAfter };
  return [
    ...shown.map((holder): ChangeRow => ({ label: [holder.expression, whatIsThere(holder)], change: holder })),
    ...(beyond.length > 0 ? [{ label: [formatCounted(beyond.length, "more place")], change: bytesOf(beyond) }] : []),
    ...(unheld.bytesBefore + unheld.bytesAfter > 0 ? [{ label: ["garbage, held by nothing"], change: unheld }] : []),
    { label: ["everything else"], change: unchanged },
  ];
}

function whatIsThere({ type, countBefore, countAfter, alone }: HolderGrowth): string {
  if (alone) return countAfter === 1 ? `${type} itself` : `${formatCount(countAfter)} × ${type} themselves`;
  return countBefore === countAfter
    ? `${formatCount(countAfter)} × ${type}`
    : `${formatCount(countBefore)}, then ${formatCount(countAfter)} × ${type}`;
}

function sumOf(rows: readonly Change[]): Change {
  const sum = { countBefore: 0, countAfter: 0, bytesBefore: 0, bytesAfter: 0 };
  for (const row of rows) {
    sum.countBefore += row.countBefore;
    sum.countAfter += row.countAfter;
    sum.bytesBefore += row.bytesBefore;
    sum.bytesAfter += row.bytesAfter;
  }
  return sum;
}
