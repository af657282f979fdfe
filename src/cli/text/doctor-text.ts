import { padEnd, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { headingLines } from "./heading.ts";

/** One thing that a user may or may not do to a process. */
export interface ListedAbility {
  readonly ability: string;
  readonly granted: boolean;
  readonly why: string;
  readonly remedy?: string | undefined;
  /** True when no report can be made without it. */
  readonly required: boolean;
}

const ANSWER_CELLS = 5;

/** What this user may do to a process and how to get the rest. */
export function doctorText(name: string, pid: number, abilities: readonly ListedAbility[], style: Style): string[] {
  return [
    ...headingLines(safeText(name), [`pid ${pid}`], style),
    ...wrapIndented(verdict(abilities), style.width, 0),
    "",
    ...abilities.flatMap((ability) => abilityLines(ability, style)),
    "",
    ...wrapIndented(
      "While a process is stopped, everything that waits for it waits: lock holders, open transactions, health probes, watchdogs.",
      style.width,
      0,
    ).map((line) => paint(style, "note", line)),
  ];
}

function verdict(abilities: readonly ListedAbility[]): string {
  const missing = abilities.filter(({ granted }) => !granted);
  if (missing.some(({ required }) => required)) return "No report can be made of it as things are.";
  if (missing.length === 0) return "A report can be made of it, and everything is allowed.";
  return "A report can be made of it; what is missing makes it slower or less complete.";
}

function abilityLines({ ability, granted, why, remedy }: ListedAbility, style: Style): string[] {
  const answer = padEnd(granted ? "yes" : "no", ANSWER_CELLS);
  const indent = ANSWER_CELLS;
  const lines = wrapIndented(`${answer}${safeText(ability)}: ${safeText(why)}`, style.width, indent);
  if (granted || remedy === undefined || remedy === "") return lines;
  const [first, ...others] = wrapIndented(`${" ".repeat(indent)}Fix: ${safeText(remedy)}`, style.width, indent);
  return [...lines, first.replace("Fix", paint(style, "action", "Fix")), ...others];
}
