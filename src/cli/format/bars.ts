import { sumOf } from "./rounding.ts";
import type { Glyphs } from "./style.ts";

/** State of the bytes that a bar stands for. */
export type Fill = "inUse" | "overhead" | "free" | "unexplained";

/** A step of a staircase: cells to leave blank, then the bar. */
export interface StairStep {
  readonly indent: number;
  readonly bar: string;
}

/** Cells of a share; figures that contradict each other, as those of a damaged process do, never leave the bar. */
function cellsOf(part: number, whole: number, width: number): number {
  return whole > 0 ? Math.min(width, Math.max(0, Math.round((part / whole) * width))) : 0;
}

/**
 * Bars of parts in which each begins where the one above ended, so that together they fill `width` cells. A part that is too
 * small for a cell shows as a sliver that takes no room, the unexplained always as its own mark; nothing shows as nothing.
 */
export function staircase(parts: readonly number[], fills: readonly Fill[], width: number, glyphs: Glyphs): StairStep[] {
  const whole = sumOf(parts);
  let before = 0;
  return parts.map((part, index) => {
    const start = cellsOf(before, whole, width);
    before += part;
    const end = cellsOf(before, whole, width);
    if (part === 0) return { indent: 0, bar: "" };
    if (end > start) return { indent: start, bar: glyphs[fills[index]].repeat(end - start) };
    const mark = fills[index] === "unexplained" ? glyphs.unexplained : glyphs.sliver;
    return { indent: Math.min(start, width - 1), bar: mark };
  });
}

/** A bar of `value` on a scale where `largest` takes `width` cells; a non-zero value shows at least as a sliver. */
export function bar(value: number, largest: number, width: number, glyphs: Glyphs): string {
  if (value <= 0 || largest <= 0) return "";
  return glyphs.inUse.repeat(cellsOf(value, largest, width)) || glyphs.sliver;
}

/** A bar of `width` cells, in use from the left, free for the rest. */
export function fillBar(used: number, whole: number, width: number, glyphs: Glyphs): string {
  const cells = cellsOf(used, whole, width);
  return glyphs.inUse.repeat(cells) + glyphs.free.repeat(width - cells);
}

/** The level mark for a fill of 0 to 1: eight heights, the lowest already for next to nothing. */
export function levelMark(fill: number, glyphs: Glyphs): string {
  const { levels } = glyphs;
  return levels[Math.min(levels.length - 1, Math.max(0, Math.ceil(fill * levels.length) - 1))];
}

/** The shade mark for a use of 0 to 1, from free to full. */
export function shadeMark(use: number, glyphs: Glyphs): string {
  const { shades } = glyphs;
  return shades[Math.min(shades.length - 1, Math.floor((1 - use) * shades.length))];
}
