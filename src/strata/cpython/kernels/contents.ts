/** A keyed hash of what each str and bytes holds, so that equal ones are found although their characters are not kept. */
import { hostStream, store32, truncate } from "./environment.ts";
import * as P from "./parameters.ts";
import { hashBytes, hashHighWord, hashLowWord } from "./sip-hash.ts";
import * as S from "./state.ts";

/** Next free word of the window, 0 before the first entry. */
let end: i32 = 0;

/**
 * Writes down {place, length, hash} of the object at `place`: `length` characters of `width` bytes (`tweak`: 0 for bytes) from
 * `word` on. Of what is longer than 64 KiB the beginning is hashed.
 */
export function noteContent(place: i32, word: i32, length: f64, width: i32, tweak: i32): void {
  if (end === 0) end = S.contents;
  if (S.contentsEnd - end < P.CONTENT_WORDS) {
    hostStream(P.STREAM_CONTENTS, end - S.contents);
    end = S.contents;
  }
  const bytes = length * width;
  hashBytes(word, bytes > P.MOST_HASHED_BYTES ? P.MOST_HASHED_BYTES : truncate(bytes), tweak);
  store32(end, place);
  store32(end + 1, length > 4294967295.0 ? -1 : truncate(length));
  store32(end + 2, hashLowWord());
  store32(end + 3, hashHighWord());
  end += P.CONTENT_WORDS;
}

/** Words written since the window was emptied. */
export function contentWords(): i32 {
  return end === 0 ? 0 : end - S.contents;
}
