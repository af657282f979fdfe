/** From a type pointer to its row: a direct-mapped cache in front of the host. Complexity O(1), 16 bytes an entry. */
import { hostType, load32, store32 } from "./environment.ts";
import * as P from "./parameters.ts";
import { isAbsent, pageInfoOf, translate } from "./places.ts";
import * as S from "./state.ts";

/** Row of the type at an address, 0 when there is no type. */
export function typeRow(low: i32, high: i32): i32 {
  if ((low & 7) !== 0) return 0;
  const entry = S.typeCache + ((((low >>> 4) ^ (low >>> 15)) & (P.TYPE_CACHE_ENTRIES - 1)) << 2);
  if (load32(entry) === low && load32(entry + 1) === high) return load32(entry + 2);
  return unknownTypeRow(low, high, entry);
}

/**
 * A cheap look before the host is asked, since most words that are tried are no type pointers: the candidate's own type
 * must be `type` or a ready subclass of it, its name a pointer, its basicsize small.
 */
function unknownTypeRow(low: i32, high: i32, entry: i32): i32 {
  if (high >>> 15 !== 0) return 0;
  const word = translate(low, high);
  // Type objects are too large for pools: most words of tables, which point at small objects, end here.
  if (isAbsent(word) || load32(pageInfoOf(word)) !== 0) return 0;
  const basicBytes = load32(word + S.typeBasicSize);
  if (load32(word + S.typeBasicSize + 1) !== 0) return 0;
  if (basicBytes < P.LEAST_BASIC_BYTES || basicBytes > P.MOST_BASIC_BYTES) return 0;
  const metaLow = load32(word + 2);
  const metaHigh = load32(word + 3);
  if ((metaLow & 7) !== 0 || metaHigh >>> 15 !== 0) return 0;
  if (load32(word + S.typeName + 1) >>> 15 !== 0) return 0;
  const meta = translate(metaLow, metaHigh);
  // Py_TPFLAGS_TYPE_SUBCLASS is bit 31 of tp_flags: the sign.
  if (isAbsent(meta) || (meta !== S.metatypeWord && load32(meta + S.typeFlags) >= 0)) return 0;
  const row = hostType(word, low, high);
  if (row !== 0 || load32(entry + 2) === 0) {
    store32(entry, low);
    store32(entry + 1, high);
    store32(entry + 2, row);
  }
  return row;
}

/** True for a reference count that a live object can have. */
export function plausibleReferences(word: i32): boolean {
  const low = load32(word);
  const high = load32(word + 1);
  if (high !== 0) return false;
  if (low > 0 && low < 0x10000000) return true;
  // Immortal: 999,999,999 ± a few in 3.11's static objects, 0xffffffff from 3.12.
  if (low >= 999000000 && low < 1100000000) return true;
  return S.immortal !== 0 && low < 0 && low >= -1073741825;
}
