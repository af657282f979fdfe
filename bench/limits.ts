import type { Row } from "./rows.ts";
import { formatTable } from "./table.ts";

/** A figure that the project holds itself to; the row that is farthest from it decides. */
export interface Limit {
  readonly figure: string;
  readonly must: number;
  readonly aim: number;
  /** The figure of a row, undefined where the limit does not speak of such rows. */
  readonly of: (row: Row) => number | undefined;
  readonly better: "lower" | "higher";
  readonly digits: number;
}

const GB = 1e9;
/** Peak memory is promised for targets from this size on: below, Node's own memory decides. */
const LARGE_BYTES = 400e6;
/** A heap is taken for one of 10 or 1 million objects when it has about as many. */
const isAbout = (objects: number, count: number): boolean => objects > count * 0.8 && objects < count * 1.3;

export const LIMITS: readonly Limit[] = [
  {
    figure: "pause − 10 ms, × raw copy",
    must: 1.2,
    aim: 1,
    of: ({ pausedMilliseconds, rawCopyMilliseconds }) =>
      rawCopyMilliseconds && Math.max(0, pausedMilliseconds - 10) / rawCopyMilliseconds,
    better: "lower",
    digits: 2,
  },
  {
    figure: "pause of large targets, ms/GB",
    must: 200,
    aim: 100,
    of: ({ residentBytes, pausedMilliseconds, bytesCopied }) =>
      residentBytes >= LARGE_BYTES ? (pausedMilliseconds * GB) / bytesCopied : undefined,
    better: "lower",
    digits: 0,
  },
  {
    figure: "find + sizes, M objects/s",
    must: 8,
    aim: 15,
    of: ({ objectsPerSecond }) => objectsPerSecond / 1e6,
    better: "higher",
    digits: 1,
  },
  {
    figure: "whole report of 1 M objects, s",
    must: 0.6,
    aim: 0.4,
    of: ({ objects, commandMilliseconds }) => (isAbout(objects, 1e6) ? commandMilliseconds / 1000 : undefined),
    better: "lower",
    digits: 2,
  },
  {
    figure: "whole report of 10 M objects, s",
    must: 3,
    aim: 2,
    of: ({ objects, commandMilliseconds }) => (isAbout(objects, 1e7) ? commandMilliseconds / 1000 : undefined),
    better: "lower",
    digits: 2,
  },
  {
    figure: "peak memory of large targets, × RSS",
    must: 1.35,
    aim: 1.15,
    of: ({ residentBytes, peakBytes }) => (residentBytes >= LARGE_BYTES ? peakBytes / residentBytes : undefined),
    better: "lower",
    digits: 2,
  },
];

/** The worst row's figure; undefined when no row is about this limit. */
export function worst(limit: Limit, rows: readonly Row[]): number | undefined {
  const figures = rows.flatMap((row) => limit.of(row) ?? []);
  if (figures.length === 0) return undefined;
  return limit.better === "lower" ? Math.max(...figures) : Math.min(...figures);
}

/** Limits against the rows that were taken with everything in place. */
export function formatLimits(rows: readonly Row[]): string {
  const complete = rows.filter(({ way }) => way === "");
  const cells = LIMITS.map((limit) => {
    const figure = worst(limit, complete);
    const { digits } = limit;
    return [
      limit.figure,
      figure?.toFixed(digits) ?? "not measured",
      limit.must.toFixed(digits),
      limit.aim.toFixed(digits),
      verdict(limit, figure),
    ];
  });
  return formatTable(["worst of all rows with everything", "measured", "must", "aim", ""], cells);
}

function verdict({ must, aim, better }: Limit, figure: number | undefined): string {
  if (figure === undefined) return "";
  const reaches = (bound: number) => (better === "lower" ? figure <= bound : figure >= bound);
  return reaches(aim) ? "aim" : reaches(must) ? "must" : "MISSED";
}
