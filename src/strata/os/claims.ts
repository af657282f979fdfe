import { disjoint, mergeRanges, type Range, subtractRanges } from "./address-ranges.ts";
import type { Claim, OsStratum } from "./os-stratum.ts";

/**
 * The claims of this stratum on memory that nobody else has taken: ascending and disjoint.
 * @param taken ranges that allocators and the runtime claim, in any order: their structures verify more precisely
 * @param libraryMappings as of `findLibraryMappings`; stacks and loader memory go before them
 */
export function claimsOf(os: OsStratum, taken: readonly Range[], libraryMappings: readonly Claim[] = []): Claim[] {
  const obstacles = mergeRanges(taken);
  const own = subtractRanges(os.claims, obstacles);
  const others = subtractRanges(disjoint(libraryMappings), mergeRanges([...obstacles, ...own]));
  return [...own, ...others].sort((a, b) => a.start - b.start);
}
