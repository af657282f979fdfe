import type { Problem } from "../../base/problems.ts";
import { formatAddress } from "../../base/units.ts";
import type { CaptureFacts } from "../../snapshot/tables.ts";
import { textWidth, wrap, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount, formatCounted, formatMilliseconds } from "../format/units.ts";

/** Problems that leave a whole stratum out of the report: said in any case, since its figures mislead without them. */
const WHOLE_STRATUM: ReadonlySet<string> = new Set([
  "python-unknown",
  "python-moved",
  "malloc-unknown",
  "jemalloc-unrecognised",
  "tcmalloc-unrecognised",
  "mimalloc-unrecognised",
]);

/** The closing lines of every report: what the look has cost, how far it can be trusted, what else to ask. */
export function closingLines(
  capture: CaptureFacts,
  problems: readonly Problem[],
  more: readonly string[],
  style: Style,
): string[] {
  return [...captureLines(capture, style), ...problemLines(problems, style), ...moreLines(more, style)];
}

function captureLines(capture: CaptureFacts, style: Style): string[] {
  const facts = [
    pauseFact(capture),
    `copied ${formatBytes(capture.bytesCopied)}`,
    capture.consistent ? "consistent" : "not consistent",
  ];
  if (capture.method === "already-stopped") facts.unshift("It was stopped already and was left so");
  else if (capture.method === "sigstop") facts.push("stopped with SIGSTOP");
  // Said where there is room: it holds at any width.
  const first = `${facts.join(", ")}.`;
  const assurance = " Nothing was written into the process.";
  const lines = wrap(textWidth(first + assurance) <= style.width ? first + assurance : first, style.width);
  if (!capture.consistent) {
    lines.push(
      ...wrap(
        "The stop fell inside an allocation or a collection each time: what moved just then may be counted wrongly.",
        style.width,
      ),
    );
  }
  if (capture.swappedBytesNotRead > 0) {
    lines.push(
      ...wrap(
        `${formatBytes(capture.swappedBytesNotRead)} are swapped out and were not read; --read-swapped reads them.`,
        style.width,
      ),
    );
  } else if (!capture.complete) {
    lines.push(...wrap("Some pages could not be read: what lies there is not counted as objects.", style.width));
  }
  return lines.map((line) => paint(style, "note", line));
}

function pauseFact(capture: CaptureFacts): string {
  const longest = formatMilliseconds(capture.pausedMilliseconds);
  if (capture.attempts <= 1) return `Paused ${longest}`;
  return `Paused ${capture.attempts} times for ${longest} at most, ${formatMilliseconds(capture.totalPausedMilliseconds)} in all`;
}

function problemLines(problems: readonly Problem[], style: Style): string[] {
  if (style.verbose) return problems.flatMap((problem) => noteLines(problem, style));
  const grave = problems.filter(({ kind }) => WHOLE_STRATUM.has(kind));
  const lines = grave.flatMap((problem) => noteLines(problem, style));
  const others = problems.length - grave.length;
  if (others === 0) return lines;
  const notes = formatCounted(others, "note");
  return [...lines, paint(style, "note", `${notes}: -v shows ${others === 1 ? "it" : "them"}.`)];
}

function noteLines({ kind, sentence, count, address }: Problem, style: Style): string[] {
  const where = address === undefined ? "" : `, first at ${formatAddress(address)}`;
  const times = count > 1 ? `, ${formatCount(count)} times` : "";
  return wrapIndented(`Note: ${safeText(sentence)} (${safeText(kind)}${times}${where})`, style.width, 2);
}

function moreLines(more: readonly string[], style: Style): string[] {
  if (more.length === 0) return [];
  const plain = `More: ${more.join(", ")}`;
  if (textWidth(plain) > style.width) return wrapIndented(plain, style.width, 2);
  return [paint(style, "note", "More: ") + more.join(paint(style, "note", ", "))];
}
