import { PageSet } from "../../base/page-set.ts";
import { PAGE_BYTES, roundDown, roundUp } from "../../base/units.ts";
import type { MemoryImage } from "../../target/memory-image.ts";
import { mergeRanges, type Range } from "./address-ranges.ts";
import { ClaimKind } from "./claims.ts";
import { isDynamicLoader } from "./libraries.ts";
import type { Claim, OsStratum } from "./os-stratum.ts";
import { forEachPointer } from "./scan-words.ts";

/**
 * Finds the libraries that own anonymous memory which nobody else claims, such as the buffers of OpenBLAS: a word of the
 * library's data or bss points at the memory's first page or, since the kernel merges neighbouring mappings, at any page's
 * first byte. Each library owns from the lowest such address to the next library's or to the end of the range.
 *
 * One pass over the writable data of all libraries, about 1 ms for each MiB.
 * @param unclaimed ranges of anonymous memory that no allocator, stack or runtime structure claims, ascending and disjoint
 */
export function findLibraryMappings(image: MemoryImage, os: OsStratum, unclaimed: readonly Range[]): Claim[] {
  const candidates = new PageSet();
  const firstPages = new PageSet();
  for (const range of mergeRanges(unclaimed)) {
    const start = roundDown(range.start, PAGE_BYTES);
    candidates.addRange(start, roundUp(range.end, PAGE_BYTES));
    firstPages.addRange(start, start + PAGE_BYTES);
  }
  if (candidates.pages === 0) return [];

  /** For each page that is pointed at, how often each library does. */
  const votes = new Map<number, Map<number, number>>();
  const { mappings } = os;
  for (let row = 0; row < mappings.length; row++) {
    const library = mappings.library[row];
    const part = mappings.part[row];
    // The loader points at what it maps for others.
    if (library < 0 || (part !== "data" && part !== "bss") || isDynamicLoader(os.libraries[library])) continue;
    forEachPointer(image, mappings.start[row], mappings.end[row], (_address, value) => {
      if (!candidates.has(value) || (value % PAGE_BYTES !== 0 && !firstPages.has(value))) return;
      const page = roundDown(value, PAGE_BYTES);
      const ofPage = votes.get(page) ?? new Map<number, number>();
      votes.set(page, ofPage.set(library, (ofPage.get(library) ?? 0) + 1));
    });
  }
  const owners = [...votes].sort(([a], [b]) => a - b).map(([page, ofPage]) => ({ page, library: winner(ofPage) }));
  return unclaimed.flatMap((range) => divide(range, owners, os));
}

/** The library with most pointers; the one loaded lowest when they are equal, so that answers repeat. */
function winner(votes: ReadonlyMap<number, number>): number {
  return [...votes].reduce((best, vote) => (vote[1] > best[1] || (vote[1] === best[1] && vote[0] < best[0]) ? vote : best))[0];
}

function divide(range: Range, owners: readonly { readonly page: number; readonly library: number }[], os: OsStratum): Claim[] {
  const claims: { start: number; end: number; library: number }[] = [];
  for (const { page, library } of owners) {
    if (page >= range.end) break;
    if (page + PAGE_BYTES <= range.start) continue;
    const last = claims.at(-1);
    if (last?.library === library) continue;
    const start = Math.max(page, range.start);
    if (last !== undefined) last.end = start;
    claims.push({ start, end: range.end, library });
  }
  return claims.map((claim) => ({ ...claim, kind: ClaimKind.library, label: os.libraries[claim.library].name }));
}
