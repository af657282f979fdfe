import type { GraphRow } from "./graph-rows.ts";
import type { Row } from "./rows.ts";
import { formatTable } from "./table.ts";

/** A figure that the project holds itself to. */
interface Bound {
  readonly figure: string;
  readonly must: number;
  readonly aim: number;
  readonly better: "lower" | "higher";
  readonly digits: number;
}

interface Limit<Measured> extends Bound {
  /** The figure of a row, undefined where the limit does not speak of such rows. */
  readonly of: (row: Measured) => number | undefined;
}

/** A bound and the figure of the row that is farthest from it; undefined when no row is about it. */
export interface Verdict extends Bound {
  readonly measured: number | undefined;
}

const GB = 1e9;
/** Peak memory is promised for targets from this size on: below, Node's own memory decides. */
const LARGE_BYTES = 400e6;
/** A heap is taken for one of 10 or 1 million objects when it has about as many. */
const isAbout = (objects: number, count: number): boolean => objects > count * 0.8 && objects < count * 1.3;

export const ACCOUNT_LIMITS: readonly Limit<Row>[] = [
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

/** A program with this many references to an object is one of many references. */
const MANY_REFERENCES = 3;
/** What a mapped snapshot file may have for each object and each reference. */
const OBJECT_BYTES = 40;
const REFERENCE_BYTES = 5;

const objectsPerSecond = ({ objects, milliseconds }: GraphRow): number => objects / milliseconds / 1000;
const hasManyReferences = ({ objects, references }: GraphRow): boolean => references >= objects * MANY_REFERENCES;

export const GRAPH_LIMITS: readonly Limit<GraphRow>[] = [
  {
    figure: "retained sizes, M objects/s",
    must: 3,
    aim: 6,
    of: (row) => (hasManyReferences(row) ? undefined : objectsPerSecond(row)),
    better: "higher",
    digits: 1,
  },
  {
    figure: "… with many references, M objects/s",
    must: 1.5,
    aim: 3,
    of: (row) => (hasManyReferences(row) ? objectsPerSecond(row) : undefined),
    better: "higher",
    digits: 1,
  },
  {
    figure: "peak memory of retained, × RSS",
    must: 1.35,
    aim: 1.15,
    of: ({ residentBytes, peakBytes }) => (residentBytes >= LARGE_BYTES ? peakBytes / residentBytes : undefined),
    better: "lower",
    digits: 2,
  },
  {
    figure: `mapped file, × (${OBJECT_BYTES} B/object + ${REFERENCE_BYTES} B/reference)`,
    must: 1,
    aim: 1,
    of: ({ mappedBytes, objects, references }) => mappedBytes / (objects * OBJECT_BYTES + references * REFERENCE_BYTES),
    better: "lower",
    digits: 2,
  },
  {
    figure: "archive file of mixed objects, B/object",
    must: 20,
    aim: 20,
    of: (row) => (hasManyReferences(row) ? undefined : row.archiveBytes / row.objects),
    better: "lower",
    digits: 1,
  },
  {
    figure: "first answer of a file of 10 M objects, s",
    must: 0.5,
    aim: 0.5,
    of: ({ objects, firstAnswerMilliseconds }) => (isAbout(objects, 1e7) ? firstAnswerMilliseconds / 1000 : undefined),
    better: "lower",
    digits: 2,
  },
];

export const QUEUE_LIMITS: readonly Limit<{ readonly milliseconds: number }>[] = [
  {
    figure: "dominators of queue and index, 1 M nodes, s",
    must: 0.2,
    aim: 0.1,
    of: ({ milliseconds }) => milliseconds / 1000,
    better: "lower",
    digits: 2,
  },
];

/** Each limit with the worst row's figure. */
export function judge<Measured>(limits: readonly Limit<Measured>[], rows: readonly Measured[]): readonly Verdict[] {
  return limits.map(({ of, ...bound }) => {
    const figures = rows.flatMap((row) => of(row) ?? []);
    const worst = bound.better === "lower" ? Math.max(...figures) : Math.min(...figures);
    return { ...bound, measured: figures.length > 0 ? worst : undefined };
  });
}

export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const cells = verdicts.map((verdict) => {
    const { figure, measured, must, aim, digits } = verdict;
    const numbers = [measured?.toFixed(digits) ?? "not measured", must.toFixed(digits), aim.toFixed(digits)];
    return [figure, ...numbers, wordFor(verdict)];
  });
  return formatTable(["worst of all rows with everything", "measured", "must", "aim", ""], cells);
}

function wordFor({ must, aim, better, measured }: Verdict): string {
  if (measured === undefined) return "";
  const reaches = (bound: number) => (better === "lower" ? measured <= bound : measured >= bound);
  return reaches(aim) ? "aim" : reaches(must) ? "must" : "MISSED";
}
