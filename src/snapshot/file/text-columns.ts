/** Lists of strings as columns: where each begins, and all of them as UTF-8 in a row. */

/** Bytes of text that are handed on at once. */
const PIECE_BYTES = 1 << 20;
const MOST_BYTES_A_CHARACTER = 3;

/** Where each text begins in the text column, and where the last ends: one more than there are texts. */
export function textOffsets(texts: readonly string[], rows: number): Uint32Array {
  const offsets = new Uint32Array(rows + 1);
  let end = 0;
  for (let row = 0; row < rows; row++) {
    end += Buffer.byteLength(texts[row], "utf8");
    offsets[row + 1] = end;
  }
  if (end > 0xffff_ffff) throw new Error("texts of one column exceed 4 GiB");
  return offsets;
}

/** The texts in UTF-8, in pieces that are valid until the next. */
export function* textPieces(texts: readonly string[], rows: number): Generator<Uint8Array> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let filled = 0;
  for (let row = 0; row < rows; row++) {
    const most = texts[row].length * MOST_BYTES_A_CHARACTER;
    if (filled + most > piece.length) {
      yield piece.subarray(0, filled);
      filled = 0;
      if (most > piece.length) piece = Buffer.allocUnsafe(most);
    }
    filled += writeText(piece, texts[row], filled);
  }
  yield piece.subarray(0, filled);
}

/** A lone surrogate (Python's surrogateescape) is kept as WTF-8 has it, in the three bytes that `byteLength` counts for it. */
function writeText(piece: Buffer, text: string, at: number): number {
  const bytes = piece.write(text, at, "utf8");
  if (bytes === text.length || !LONE_SURROGATE.test(text)) return bytes;
  let end = at;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < FIRST_SURROGATE || code > LAST_SURROGATE) end += piece.write(character, end, "utf8");
    else {
      piece[end++] = 0xe0 | (code >>> 12);
      piece[end++] = 0x80 | ((code >>> 6) & 0x3f);
      piece[end++] = 0x80 | (code & 0x3f);
    }
  }
  return bytes;
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Three bytes of WTF-8 that are a surrogate, seen as Latin-1; they begin a character, since 0xed continues none. */
const SURROGATE_BYTES = /(\xed[\xa0-\xbf][\x80-\xbf])/;
/** What a decoder puts for bytes that are no UTF-8. */
const REPLACEMENT = "\ufffd";

/** The texts of a column whose offsets were checked. */
export function decodeTexts(offsets: Uint32Array, bytes: Uint8Array): string[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: offsets.length - 1 }, (_, row) => decodeText(all, offsets[row], offsets[row + 1]));
}

function decodeText(all: Buffer, start: number, end: number): string {
  const text = all.toString("utf8", start, end);
  if (!text.includes(REPLACEMENT)) return text;
  const parts = all.toString("latin1", start, end).split(SURROGATE_BYTES);
  return parts.map((part, index) => decodePart(Buffer.from(part, "latin1"), index % 2 === 1)).join("");
}

function decodePart(bytes: Buffer, isSurrogate: boolean): string {
  if (!isSurrogate) return bytes.toString("utf8");
  return String.fromCharCode(((bytes[0] & 0x0f) << 12) | ((bytes[1] & 0x3f) << 6) | (bytes[2] & 0x3f));
}
