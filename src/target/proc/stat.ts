import { fail, type Result, succeed } from "../../base/result.ts";
import { readProcessFile } from "./proc-file.ts";

/** Fields of /proc/PID/stat (Documentation/filesystems/proc.rst, table 1-4). */
export interface ProcessStat {
  readonly pid: number;
  /** comm, at most 15 bytes; hostile text. */
  readonly name: string;
  /** One letter: R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie, X dead. */
  readonly state: string;
  readonly parentPid: number;
  readonly sessionId: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly threads: number;
  /** Start of the process in clock ticks (100 a second) since boot: with the PID it names a process for good. */
  readonly startTicks: number;
  readonly processor: number;
  /** Address of the bottom of the stack, 0 when the reader may not know (PTRACE_MODE_READ). Every exec draws a new one. */
  readonly startStack: number;
}

/** Positions in the fields that follow comm; the state is position 0. */
const FIELD = {
  state: 0,
  parentPid: 1,
  session: 3,
  minorFaults: 7,
  majorFaults: 9,
  threads: 17,
  startTicks: 19,
  startStack: 25,
  processor: 36,
} as const;

/** Reads a stat text, or undefined when it is not one. comm may hold blanks and parentheses: its last `)` ends it. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ");
  const startTicks = Number(fields[FIELD.startTicks]);
  if (!Number.isFinite(startTicks)) return undefined;
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(open + 1, close),
    state: fields[FIELD.state],
    parentPid: Number(fields[FIELD.parentPid]),
    sessionId: Number(fields[FIELD.session]),
    minorFaults: Number(fields[FIELD.minorFaults]),
    majorFaults: Number(fields[FIELD.majorFaults]),
    threads: Number(fields[FIELD.threads]),
    startTicks,
    processor: Number(fields[FIELD.processor] ?? 0),
    startStack: Number(fields[FIELD.startStack] ?? 0),
  };
}

export function readStat(pid: number): Result<ProcessStat> {
  const text = readProcessFile(pid, "stat");
  if (!text.ok) return text;
  const stat = parseStat(text.value);
  return stat ? succeed(stat) : fail("failed", `/proc/${pid}/stat is not in the form that Linux documents.`);
}
