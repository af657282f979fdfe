/** The last pass: resident bytes of pools by what they hold. */
import { add64, load32, store32, unsigned } from "./environment.ts";
import * as P from "./parameters.ts";
import { residentWithin, stateOf } from "./places.ts";
import * as S from "./state.ts";

/** Bytes of its place that an object fills, headers included. */
function placeBytes(place: i32, about: i32, room: i32): i32 {
  const fixed = load32(S.rows + (about & P.TYPE_MASK) * P.ROW_WORDS + P.ROW_PLACE_BYTES);
  const bytes = fixed !== 0 ? fixed : load32(S.bytes + place);
  return unsigned(bytes) > unsigned(room) ? room : bytes;
}

/** Row of the type that the bytes of an object or a buffer count for. */
function servedRow(place: i32, about: i32): i32 {
  const owner = stateOf(about) === P.STATE_BUFFER ? load32(S.descriptor + load32(S.link + place)) : about;
  return S.rows + (owner & P.TYPE_MASK) * P.ROW_WORDS;
}

/**
 * Sums the resident bytes of pools [from, to) by what they hold, into the account table and the types' rows.
 * The accounts of a pool sum to its resident bytes.
 */
export function accountPools(from: i32, to: i32): void {
  for (let index = from; index < to; index++) {
    const entry = S.poolTable + index * P.POOL_ENTRY_WORDS;
    const pool = load32(entry);
    const firstPlace = load32(entry + 1);
    const info = S.pageInfo + (((pool - S.firstSlot) >>> S.poolShift) << 2);
    const blockWords = load32(info + 2);
    const blocks = load32(info + 3);
    const account = S.poolAccounts + index * P.ACCOUNT_WORDS;
    const total = residentWithin(pool, S.poolWords << 2);
    const whole = total === S.poolWords << 2;
    let objects = 0;
    let rounding = 0;
    let free = 0;
    let freeList = 0;
    let runtime = 0;
    let unowned = 0;
    const blockBytes = blockWords << 2;
    // Neighbours mostly serve the same type: one addition for a run of them.
    let served = 0;
    let servedBytes = 0;
    let start = pool + S.poolHeaderWords;
    for (let block = 0; block < blocks; block++, start += blockWords) {
      const place = firstPlace + block;
      const about = load32(S.descriptor + place);
      const state = stateOf(about);
      const resident = whole ? blockBytes : residentWithin(start, blockBytes);
      if (state === P.STATE_OBJECT || state === P.STATE_BUFFER) {
        const used = state === P.STATE_OBJECT ? placeBytes(place, about, blockBytes) : load32(S.bytes + place);
        const lead = S.debugWords << 2;
        const end = used + lead > blockBytes ? blockBytes : used + lead;
        const here = whole ? end - lead : residentWithin(start + S.debugWords, end - lead);
        objects += here;
        rounding += resident - here;
        const row = servedRow(place, about);
        if (row !== served) {
          if (served !== 0) add64(served + P.ROW_RESIDENT, unsigned(servedBytes));
          served = row;
          servedBytes = 0;
        }
        servedBytes += here;
      } else if (state === P.STATE_FREE) free += resident;
      else if (state === P.STATE_FREE_LIST) freeList += resident;
      else if (state === P.STATE_RAW) unowned += resident;
      else runtime += resident;
    }
    if (served !== 0) add64(served + P.ROW_RESIDENT, unsigned(servedBytes));
    store32(account + P.ACCOUNT_OBJECTS, objects);
    store32(account + P.ACCOUNT_ROUNDING, rounding);
    store32(account + P.ACCOUNT_FREE, free);
    store32(account + P.ACCOUNT_FREE_LIST, freeList);
    store32(account + P.ACCOUNT_RUNTIME, runtime);
    store32(account + P.ACCOUNT_UNOWNED, unowned);
    store32(account + P.ACCOUNT_HEADER, total - objects - rounding - free - freeList - runtime - unowned);
  }
}
