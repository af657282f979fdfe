import type { ProcessFacts } from "../../snapshot/tables.ts";
import { textWidth, wrap } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatCounted, formatSpan } from "../format/units.ts";

/** From this width on the number of threads is told in the heading. */
const ROOMY_CELLS = 100;

/** `im-gateway  pid 41207, CPython 3.11.7, …`: facts give way from the right, name and pid never. */
export function processLines(process: ProcessFacts, style: Style): string[] {
  const facts = [
    `pid ${process.pid}`,
    process.python ?? "no CPython recognised",
    process.allocator ?? "allocator not recognised",
    ...(style.width >= ROOMY_CELLS ? [formatCounted(process.threads, "thread")] : []),
    `up ${formatSpan(process.startedSecondsAgo)}`,
  ].map(safeText);
  return headingLines(safeText(process.name), facts, style);
}

/** A bold title with a dim note behind it, or under it where it is narrow. */
export function sectionLines(title: string, note: string, style: Style): string[] {
  const head = paint(style, "heading", title);
  if (textWidth(title) + 2 + textWidth(note) <= style.width) return [`${head}  ${paint(style, "note", note)}`];
  return [head, ...wrap(note, style.width - 2).map((line) => `  ${paint(style, "note", line)}`)];
}

/** A bold name and facts behind it on one line; a name that leaves no room gets lines of its own. */
export function headingLines(name: string, facts: readonly string[], style: Style): string[] {
  const nameWidth = textWidth(name) + 2;
  const fitting = [...facts];
  while (fitting.length > 1 && nameWidth + textWidth(fitting.join(", ")) > style.width) fitting.pop();
  if (nameWidth + textWidth(fitting.join(", ")) <= style.width) {
    return [`${paint(style, "heading", name)}  ${fitting.join(", ")}`];
  }
  const named = wrap(name, style.width).map((line) => paint(style, "heading", line));
  return [...named, ...wrap(facts.join(", "), style.width - 2).map((line) => `  ${line}`)];
}
