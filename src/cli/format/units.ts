import { GIB, KIB, MIB } from "../../base/units.ts";
import { shareOut, sumOf } from "./rounding.ts";

/** The one unit of a view, such as MiB. */
export interface Unit {
  readonly name: "B" | "KiB" | "MiB" | "GiB";
  readonly bytes: number;
  /** Displayed steps in one unit: 10 with one decimal, 1 without. */
  readonly steps: 1 | 10;
}

const BYTES: Unit = { name: "B", bytes: 1, steps: 1 };
const KIBIBYTES: Unit = { name: "KiB", bytes: KIB, steps: 10 };
const MEBIBYTES: Unit = { name: "MiB", bytes: MIB, steps: 10 };
const GIBIBYTES: Unit = { name: "GiB", bytes: GIB, steps: 10 };

/** Whole per cent in displayed tenths. */
const HUNDRED_PERCENT_TENTHS = 1000;
export const ABSENT = "–";

/** The unit in which a figure, or a view whose whole is that figure, is shown: bytes below 10 KiB, GiB from 10,000 MiB on. */
export function unitFor(bytes: number): Unit {
  if (bytes < 10 * KIB) return BYTES;
  if (bytes < MIB) return KIBIBYTES;
  return bytes < 10_000 * MIB ? MEBIBYTES : GIBIBYTES;
}

/** In a smaller unit the figure of the whole would take too many cells from here on. */
const LARGEST_FIGURE = 100_000;

/** The unit of a table: that of its whole, or the next smaller when not even the largest row would be one of it. */
export function unitForRows(wholeBytes: number, largestRowBytes: number): Unit {
  const unit = unitFor(wholeBytes);
  const smaller = { B: BYTES, KiB: BYTES, MiB: KIBIBYTES, GiB: MEBIBYTES }[unit.name];
  return largestRowBytes >= unit.bytes || wholeBytes / smaller.bytes >= LARGEST_FIGURE ? unit : smaller;
}

/** Bytes as displayed steps of a unit (tenths, or whole bytes). */
export function toSteps(bytes: number, unit: Unit): number {
  return Math.round((bytes * unit.steps) / unit.bytes);
}

/** Steps of parts whose exact sum rounds to `wholeSteps`; they add up to it. */
export function partSteps(wholeSteps: number, parts: readonly number[], unit: Unit): number[] {
  return shareOut(wholeSteps, parts, unit.bytes / unit.steps);
}

/** `1,634.2`, without the unit's name. */
export function formatSteps(steps: number, unit: Unit): string {
  if (unit.steps === 1) return formatCount(steps);
  return `${formatCount(Math.floor(steps / 10))}.${steps % 10}`;
}

/** A change with its sign, a true minus; `0.0` when nothing shows. */
export function formatSignedSteps(steps: number, unit: Unit): string {
  const sign = steps > 0 ? "+" : steps < 0 ? "−" : "";
  return sign + formatSteps(Math.abs(steps), unit);
}

/** A change with its sign and unit: `+231.5 MiB`, `−48 B`. */
export function formatSignedBytes(bytes: number): string {
  const sign = bytes > 0 ? "+" : bytes < 0 ? "−" : "";
  return sign + formatBytes(Math.abs(bytes));
}

/** A single figure with its unit: `6,936 B`, `412.0 MiB`. */
export function formatBytes(bytes: number): string {
  const unit = unitFor(bytes);
  return `${formatSteps(toSteps(bytes, unit), unit)} ${unit.name}`;
}

/** A whole number with thousands separators; a true minus when negative. */
export function formatCount(count: number): string {
  const digits = String(Math.abs(Math.round(count))).replace(/\B(?=(?:\d{3})+$)/g, ",");
  return count < 0 ? `−${digits}` : digits;
}

/** A count and what it counts: `1 object`, `2,345 objects`. */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A change of a count with its sign. */
export function formatSignedCount(count: number): string {
  return count > 0 ? `+${formatCount(count)}` : formatCount(count);
}

/** Shares of parts in per cent with one decimal, adding up to 100.0; a non-zero part that shows as zero is `< 0.1 %`. */
export function formatShares(parts: readonly number[]): string[] {
  const whole = sumOf(parts);
  if (whole === 0) return parts.map(() => ABSENT);
  return shareOut(HUNDRED_PERCENT_TENTHS, parts, whole / HUNDRED_PERCENT_TENTHS).map((tenths, index) =>
    formatTenthsOfPercent(tenths, parts[index]),
  );
}

/** One share in per cent; a part that is neither nothing nor everything shows neither as 0.0 nor as 100.0. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return ABSENT;
  const tenths = Math.round((part / whole) * HUNDRED_PERCENT_TENTHS);
  if (tenths >= HUNDRED_PERCENT_TENTHS && part < whole) return "> 99.9 %";
  return formatTenthsOfPercent(tenths, part);
}

function formatTenthsOfPercent(tenths: number, part: number): string {
  if (tenths === 0 && part > 0) return "< 0.1 %";
  return `${Math.floor(tenths / 10)}.${tenths % 10} %`;
}

/** The two largest units of a time span: `3 d 4 h`, `4 h 12 min`, `12 min 5 s`, `42 s`. */
export function formatSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts: readonly [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, name]) => `${value} ${name}`)
    .join(" ");
}

/** A short duration: `< 1 ms`, `312 ms`, `4.1 s`. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1) return "< 1 ms";
  const rounded = Math.round(milliseconds);
  return rounded < 1000 ? `${rounded} ms` : `${(rounded / 1000).toFixed(1)} s`;
}
