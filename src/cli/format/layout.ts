/** Widths and wrapping in terminal cells. Text handed in here is safe already (see `safe-text.ts`). */

/** East Asian wide and fullwidth blocks and emoji, coarse: enough to keep columns straight (Unicode UAX #11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const MARK = /\p{M}/u;
const PLAIN_ASCII = /^[\x20-\x7e]*$/;
/** Where a text may be broken without a space, best first: between folders of a path, then behind these. */
const BREAKS_BEHIND = [/\//, /[.,:;|\-\]]/];

/** Cells that a text takes in a terminal. */
export function textWidth(text: string): number {
  if (PLAIN_ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

function characterWidth(character: string): number {
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

/** A text without its middle when it is longer than `most` code units. */
export function withoutMiddle(text: string, most: number): string {
  const side = Math.floor(most / 2);
  return text.length <= most ? text : `${text.slice(0, side)} … ${text.slice(-side)}`;
}

/**
 * Breaks a text into lines of at most `width` cells: at spaces, else behind a dot, slash or the like, else anywhere. Nothing
 * is dropped but the spaces at the breaks. `width` is at least 2.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  // Only as far as a line reaches is looked at: a name of megabytes must not take minutes.
  for (let fits = prefixOfWidth(rest, width); fits < rest.length; fits = prefixOfWidth(rest, width)) {
    const cut = breakPosition(rest, fits);
    lines.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut).trimStart();
  }
  lines.push(rest);
  return lines;
}

/** Wraps with later lines indented by `indent` cells. */
export function wrapIndented(text: string, width: number, indent: number): string[] {
  const [first, ...others] = wrapFirst(text, width, width - indent);
  return [first, ...others.map((line) => " ".repeat(indent) + line)];
}

function wrapFirst(text: string, firstWidth: number, laterWidth: number): string[] {
  const fits = prefixOfWidth(text, firstWidth);
  if (fits === text.length) return [text];
  const cut = breakPosition(text, fits);
  return [text.slice(0, cut).trimEnd(), ...wrap(text.slice(cut).trimStart(), laterWidth)];
}

/** Length in code units of the longest prefix of at most `width` cells; never 0, never inside a surrogate pair. */
function prefixOfWidth(text: string, width: number): number {
  let cells = 0;
  let length = 0;
  for (const character of text) {
    cells += characterWidth(character);
    if (cells > width && length > 0) break;
    length += character.length;
  }
  return length;
}

function breakPosition(text: string, limit: number): number {
  const space = text.lastIndexOf(" ", limit);
  if (space > 0 && text.slice(0, space).trim() !== "") return space;
  for (const mark of BREAKS_BEHIND) {
    for (let at = limit; at > 0; at--) if (mark.test(text[at - 1])) return at;
  }
  return limit;
}
