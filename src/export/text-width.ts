/**
 * How wide text is at most in the fonts that a viewer may have, without asking for one: widths of DejaVu Sans, the widest of the
 * usual, rounded up. What no table knows (ideographs, emoji) takes a whole em and more.
 */

const NARROW = /[ .,:;'|!()[\]{}ijlftrI/\\-]/;
const WIDE = /[mwMWQO@%&…→]/;
const CAPITAL = /[A-Z]/;
const PLAIN = /[\x20-\x7e\u00a0-\u024f\u0370-\u04ff]/;

const NARROW_EM = 0.42;
const WIDE_EM = 1.02;
const CAPITAL_EM = 0.79;
const PLAIN_EM = 0.66;
const OTHER_EM = 1.25;
const MONOSPACE_EM = 0.63;

/** Width in pixels of text in a proportional font of `size` pixels; `weight` 1 for regular, more for bold. */
export function textWidth(text: string, size: number, weight = 1): number {
  let ems = 0;
  for (const character of text) ems += emsOf(character);
  return Math.ceil(ems * size * weight);
}

/** The same in a monospaced font. */
export function codeWidth(text: string, size: number): number {
  let ems = 0;
  for (const character of text) ems += PLAIN.test(character) || character === "…" ? MONOSPACE_EM : OTHER_EM;
  return Math.ceil(ems * size);
}

function emsOf(character: string): number {
  if (WIDE.test(character)) return WIDE_EM;
  if (!PLAIN.test(character)) return OTHER_EM;
  if (NARROW.test(character)) return NARROW_EM;
  return CAPITAL.test(character) ? CAPITAL_EM : PLAIN_EM;
}
