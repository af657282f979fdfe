/** What the host may call; see `kernel-set.ts` for the other direction. */

export { decodeDict, decodeList, decodeSet, decodeSharedKeys, keysSize, visitBody, visitRun } from "./containers.ts";
export {
  accountPools,
  classifyChunks,
  classifyPools,
  decodeChunks,
  decodeOthers,
  decodePools,
  markGeneration,
  poolMismatchCount,
} from "./passes.ts";
export { configure } from "./state.ts";
export { typeRow } from "./type-rows.ts";
export {
  capacityAt,
  claim,
  claimConflictCount,
  drain,
  fits,
  objectPlace,
  otherObjects,
  otherObjectsDropped,
  rawPlace,
  takeReachable,
  visit,
  visitOrTake,
} from "./visit.ts";
