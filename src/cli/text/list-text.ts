import { padEnd, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatCounted, formatSpan, formatSteps, toSteps, unitFor } from "../format/units.ts";

/** A process of the list. */
export interface ListedProcess {
  readonly pid: number;
  readonly name: string;
  readonly commandLine: readonly string[];
  readonly residentBytes: number;
  readonly threads: number;
  readonly startedSecondsAgo: number;
  readonly readable: boolean;
}

const PID_CELLS = 10;
const FIGURE_CELLS = 11;
const SPAN_CELLS = 14;
const GAP_CELLS = 2;

/** The Python processes of a machine as text, and which verb looks into one. */
export function listText(processes: readonly ListedProcess[], unreadable: number, style: Style): string[] {
  const hidden = unreadableLine(unreadable, style);
  if (processes.length === 0) return ["No Python process found.", ...hidden];
  return [...processTable(processes, style), ...hidden, "", `${paint(style, "note", "More: ")}pystrata ${processes[0].pid}`];
}

/** The table alone: largest first, with command lines that wrap. */
export function processTable(processes: readonly ListedProcess[], style: Style): string[] {
  const unit = unitFor(Math.max(...processes.map((process) => process.residentBytes)));
  const head = `${padEnd("PID", PID_CELLS)}${`${unit.name}, RSS`.padStart(FIGURE_CELLS)}${"up".padStart(SPAN_CELLS)}  command`;
  return [
    paint(style, "note", head),
    ...processes.flatMap((process) => {
      const figure = formatSteps(toSteps(process.residentBytes, unit), unit).padStart(FIGURE_CELLS);
      const start = String(process.pid).padEnd(PID_CELLS) + figure + formatSpan(process.startedSecondsAgo).padStart(SPAN_CELLS);
      return wrapIndented(`${start}  ${commandOf(process)}`, style.width, PID_CELLS + FIGURE_CELLS + SPAN_CELLS + GAP_CELLS);
    }),
  ];
}

function commandOf(process: ListedProcess): string {
  const command = process.commandLine.length > 0 ? process.commandLine.join(" ") : process.name;
  return safeText(process.readable ? command : `${command} (not readable for this user)`);
}

function unreadableLine(unreadable: number, style: Style): string[] {
  if (unreadable === 0) return [];
  const what = formatCounted(unreadable, "other process", "other processes");
  const line = `This user may not look into ${what}; doctor PID says why.`;
  return wrapIndented(line, style.width, 0).map((part) => paint(style, "note", part));
}
