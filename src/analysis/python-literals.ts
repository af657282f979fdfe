/** Python source for what a path names: identifiers and text. */

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "False None True and as assert async await break class continue def del elif else except finally for from global if import " +
    "in is lambda nonlocal not or pass raise return try while with yield"
  ).split(" "),
);
/** Letters of the common scripts, which every version knows: Python 3.6 has Unicode 9. Others are letters in some versions only. */
const LETTER = String.raw`(?:[A-Za-z_]|(?=[\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fa5\uac00-\ud7a3])\p{L})`;
const IDENTIFIER = new RegExp(`^${LETTER}(?:${LETTER}|[0-9])*$`, "u");

/**
 * Whether a name can be written behind a dot. Python's parser brings identifiers into normal form KC (PEP 3131), so a name that
 * is not in it would be looked up as another one.
 */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name) && !KEYWORDS.has(name) && name.normalize("NFKC") === name;
}

/** Whether a name can be written as a module's: identifiers with dots between them. */
export function isDottedName(name: string): boolean {
  return name.split(".").every(isIdentifier);
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

/** A string as Python's repr prints it (CPython Objects/unicodeobject.c, unicode_repr), apart from which code points are new. */
export function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll(quote, `\\${quote}`)
    .replace(UNPRINTABLE, (character) => SHORT_ESCAPES[character] ?? escapeOf(character.codePointAt(0) ?? 0));
  return `${quote}${escaped}${quote}`;
}

function escapeOf(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  if (code <= 0xffff) return `\\u${code.toString(16).padStart(4, "0")}`;
  return `\\U${code.toString(16).padStart(8, "0")}`;
}
