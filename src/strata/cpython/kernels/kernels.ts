/** What the host may call; see `kernel-set.ts` for the other direction. */

export { accountPools } from "./accounts.ts";
export {
  capacityAt,
  claim,
  claimConflictCount,
  claimExtra,
  drain,
  fits,
  rawPlace,
  takeReachable,
  visitBody,
  visitWords,
} from "./buffers.ts";
export { classifyChunks, classifyPools, poolMismatchCount } from "./classify.ts";
export { decodeDict, decodeSharedKeys, keysSize } from "./containers.ts";
export { contentWords } from "./contents.ts";
export { objectAtAddress, objectPlace, otherObjects, otherObjectsDropped } from "./discover.ts";
export { findLeaked, findUnowned, findUnownedBlocks, takeFromOwned, takeNoted, takePointed } from "./native.ts";
export { decodeChunks, decodeOthers, decodePools, markGeneration } from "./passes.ts";
export { emitUncounted, referenceWords, visit, visitRun } from "./references.ts";
export { hashBytes, hashHighWord, hashLowWord } from "./sip-hash.ts";
export { configure } from "./state.ts";
export { typeRow } from "./type-rows.ts";
