/** What the host may call; see `kernel-set.ts` for the other direction. */

export { accountPools } from "./accounts.ts";
export { classifyChunks, classifyPools, poolMismatchCount } from "./classify.ts";
export { decodeDict, decodeList, decodeSet, decodeSharedKeys, keysSize, visitBody, visitRun } from "./containers.ts";
export { decodeChunks, decodeOthers, decodePools, markGeneration } from "./passes.ts";
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
