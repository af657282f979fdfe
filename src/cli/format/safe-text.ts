/**
 * Every string of a target is hostile: a type may be named with escape sequences that clear the screen, marks that turn the
 * reading direction round, or letters that have no width. This is the one function between such a string and a terminal.
 *
 * What has no visible form of its own is written as an escape in Python's notation, so that it is seen and nothing is lost:
 * control characters (C0, DEL, C1), format characters (bidirectional, zero width, tags), other default-ignorable ones, line
 * and paragraph separators, spaces other than the plain one, lone surrogates, private and unassigned code points.
 * Text is never shortened here; whoever lays it out wraps it.
 */
export function safeText(text: string): string {
  return text.replace(INVISIBLE, escapeCharacter).replace(STRAY_MARKS, escapeEach);
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;
/** Combining marks are letters' company: two at most, and never at the start, where they would attach to our own text. */
const STRAY_MARKS = /(?<![\p{L}\p{M}\p{N}])\p{M}+|(?<=\p{M}{2})\p{M}+/gu;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapeEach(text: string): string {
  return Array.from(text, escapeCharacter).join("");
}

function escapeCharacter(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}

/** The same value as JSON text, with everything escaped that a terminal or a viewer could act on. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).replace(JSON_UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}

/** The newlines are the layout's own: inside a JSON string they are escaped already. */
const JSON_UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
