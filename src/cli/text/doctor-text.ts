import { padEnd, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";

/** One thing that a user may or may not do to a process. */
export interface ListedAbility {
  readonly ability: string;
  readonly granted: boolean;
  readonly why: string;
  readonly remedy?: string | undefined;
}

const ANSWER_CELLS = 5;

/** What this user may do to a process and how to get the rest. */
export function doctorText(pid: number, abilities: readonly ListedAbility[], style: Style): string[] {
  const missing = abilities.filter(({ granted }) => !granted).length;
  const sentence = missing === 0 ? "everything is allowed" : `${abilities.length - missing} of ${abilities.length} are allowed`;
  return [
    `${paint(style, "heading", `pid ${pid}`)}  ${sentence}`,
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

function abilityLines({ ability, granted, why, remedy }: ListedAbility, style: Style): string[] {
  const answer = padEnd(granted ? "yes" : "no", ANSWER_CELLS);
  const indent = ANSWER_CELLS;
  const lines = wrapIndented(`${answer}${safeText(ability)}: ${safeText(why)}`, style.width, indent);
  if (granted || remedy === undefined || remedy === "") return lines;
  const [first, ...others] = wrapIndented(`${" ".repeat(indent)}Fix: ${safeText(remedy)}`, style.width, indent);
  return [...lines, first.replace("Fix", paint(style, "action", "Fix")), ...others];
}
