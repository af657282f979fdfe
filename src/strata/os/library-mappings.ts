import { PageSet } from "../../base/page-set.ts";
import { PAGE_BYTES, roundDown, roundUp } from "../../base/units.ts";
import type { MemoryImage } from "../../target/memory-image.ts";
import { type Range, subtractRanges } from "./address-ranges.ts";
import { ClaimKind } from "./claim-kind.ts";
import { isDynamicLoader } from "./libraries.ts";
import type { Claim, OsStratum } from "./os-stratum.ts";
import { forEachPointer } from "./scan-words.ts";

/**
 * Up to this size memory is one allocation: a pointer to any place in it owns it whole, and it is searched for further pointers.
 * Larger memory may be several mappings that the kernel merged, and holds data rather than pointers.
 */
const SMALL_BYTES_MAX = 1024 * 1024;
/** Lists of segments are followed that far. */
const MAX_ROUNDS = 64;

/** Memory of a library that may hold pointers. */
interface Source extends Range {
  readonly library: number;
}

/**
 * Finds the libraries that own anonymous memory which nobody else claims, such as the buffers of OpenBLAS or the closures of
 * libffi: a word of the library's data or bss, or of memory that it owns by this rule, points into the memory. Of memory above
 * 1 MiB only its first page and the first byte of others count, and a library owns from there to the next library's or to the
 * end.
 *
 * One pass over the writable data of all libraries, about 1 ms for each MiB.
 * @param unclaimed ranges of anonymous memory that no allocator, stack or runtime structure claims, ascending and disjoint
 */
export function findLibraryMappings(image: MemoryImage, os: OsStratum, unclaimed: readonly Range[]): Claim[] {
  const claims: Claim[] = [];
  let left = [...unclaimed];
  let sources = dataOfLibraries(os);
  for (let round = 0; round < MAX_ROUNDS && sources.length > 0 && left.length > 0; round++) {
    const owners = findOwners(image, sources, left);
    const found = left.flatMap((range) => divide(range, owners));
    left = subtractRanges(left, found);
    sources = found.filter((source) => isSmall(source));
    for (const { start, end, library } of found) {
      claims.push({ start, end, kind: ClaimKind.library, label: os.libraries[library].name, library });
    }
  }
  return claims.sort((a, b) => a.start - b.start);
}

function dataOfLibraries({ mappings, libraries }: OsStratum): Source[] {
  const sources: Source[] = [];
  for (let row = 0; row < mappings.length; row++) {
    const library = mappings.library[row];
    const part = mappings.part[row];
    // The loader points at what it maps for others.
    if (library < 0 || (part !== "data" && part !== "bss") || isDynamicLoader(libraries[library])) continue;
    sources.push({ start: mappings.start[row], end: mappings.end[row], library });
  }
  return sources;
}

function isSmall(range: Range): boolean {
  return range.end - range.start <= SMALL_BYTES_MAX;
}

/** A page that a library points at. */
interface Owner {
  readonly page: number;
  readonly library: number;
}

function findOwners(image: MemoryImage, sources: readonly Source[], targets: readonly Range[]): Owner[] {
  const pages = new PageSet();
  /** Pages at which a pointer to any byte counts. */
  const anyByte = new PageSet();
  for (const range of targets) {
    const start = roundDown(range.start, PAGE_BYTES);
    const end = roundUp(range.end, PAGE_BYTES);
    pages.addRange(start, end);
    anyByte.addRange(start, isSmall(range) ? end : start + PAGE_BYTES);
  }
  /** For each page that is pointed at, how often each library does. */
  const votes = new Map<number, Map<number, number>>();
  for (const { start, end, library } of sources) {
    forEachPointer(image, start, end, (_address, value) => {
      if (!pages.has(value) || (value % PAGE_BYTES !== 0 && !anyByte.has(value))) return;
      const page = roundDown(value, PAGE_BYTES);
      const ofPage = votes.get(page) ?? new Map<number, number>();
      votes.set(page, ofPage.set(library, (ofPage.get(library) ?? 0) + 1));
    });
  }
  return [...votes].sort(([a], [b]) => a - b).map(([page, ofPage]) => ({ page, library: winner(ofPage) }));
}

/** The library with most pointers; the one loaded lowest when they are equal, so that answers repeat. */
function winner(votes: ReadonlyMap<number, number>): number {
  return [...votes].reduce((best, vote) => (vote[1] > best[1] || (vote[1] === best[1] && vote[0] < best[0]) ? vote : best))[0];
}

/** The owned pieces of a range: all of it where it is small, else from the first page that is pointed at. */
function divide(range: Range, owners: readonly Owner[]): Source[] {
  const pieces: { start: number; end: number; library: number }[] = [];
  for (const { page, library } of owners) {
    if (page >= range.end) break;
    if (page + PAGE_BYTES <= range.start) continue;
    const last = pieces.at(-1);
    if (last?.library === library) continue;
    const start = last === undefined && isSmall(range) ? range.start : Math.max(page, range.start);
    if (last !== undefined) last.end = start;
    pieces.push({ start, end: range.end, library });
  }
  return pieces;
}
