/**
 * What the dynamic loader knows and keeps: the list of loaded objects, from which come the exact ends of their bss,
 * and the memory it took for itself before any malloc existed (glibc elf/dl-minimal.c).
 */
import { PAGE_BYTES } from "../../base/units.ts";
import type { MemoryImage } from "../../target/memory-image.ts";
import { isDynamicLoader } from "./libraries.ts";
import type { Library } from "./os-stratum.ts";
import { forEachPointer } from "./scan-words.ts";

/** struct r_debug (System V ABI debugger interface; glibc elf/link.h, the same since 2.0). */
const R_DEBUG = { version: 0, map: 8, state: 24, loaderBase: 32 } as const;
/** Version 2 has a further field for dlmopen's namespaces (glibc ≥ 2.35). */
const R_DEBUG_VERSIONS = [1, 2];
/** RT_CONSISTENT, RT_ADD, RT_DELETE. */
const R_STATE_LAST = 2;

/** The public head of struct link_map (glibc elf/link.h; musl has the same). */
const LINK_MAP = { previous: 32, next: 24 } as const;
/** Where glibc's private part may hold `l_map_start`, directly followed by `l_map_end` (0x368 in 2.36). */
const PRIVATE_FIRST = 40;
const PRIVATE_END = 1400;
const MAX_LINK_MAPS = 16384;
/** The small code model of x86-64 ends here. */
const MAX_OBJECT_BYTES = 4 * 2 ** 30;

/** An object that the loader has mapped. */
export interface LoadedObject {
  /** Address of its link_map. */
  readonly linkMap: number;
  /** First byte and end of all its segments, bss included; undefined where the loader does not tell. */
  readonly extent: { readonly start: number; readonly end: number } | undefined;
}

/**
 * Follows the loader's list of objects. Empty for a static executable, an unknown loader or a list that does not verify.
 * @param writable the writable ranges of a library, by its index
 */
export function findLoadedObjects(
  image: MemoryImage,
  libraries: readonly Library[],
  writable: (library: number) => readonly { readonly start: number; readonly end: number }[],
): LoadedObject[] {
  for (const [index, library] of libraries.entries()) {
    if (!isDynamicLoader(library)) continue;
    for (const range of writable(index)) {
      const head = findLinkMapHead(image, range.start, range.end, library.starts);
      if (head !== undefined) return withExtents(image, linkMapChain(image, head), libraries);
    }
  }
  return [];
}

/** Finds r_debug by the loader's own base address, which its last field holds, and verifies the others. */
function findLinkMapHead(image: MemoryImage, start: number, end: number, loaderStarts: readonly number[]): number | undefined {
  let head: number | undefined;
  forEachPointer(image, start, end, (address, value) => {
    if (head !== undefined || !loaderStarts.includes(value)) return;
    const debug = address - R_DEBUG.loaderBase;
    const map = image.u64(debug + R_DEBUG.map);
    const plausible =
      R_DEBUG_VERSIONS.includes(image.u32(debug + R_DEBUG.version)) &&
      image.u32(debug + R_DEBUG.state) <= R_STATE_LAST &&
      image.has(map) &&
      image.u64(map + LINK_MAP.previous) === 0;
    if (plausible) head = map;
  });
  return head;
}

function linkMapChain(image: MemoryImage, head: number): number[] {
  const chain: number[] = [];
  // Each link is checked against its predecessor, which makes a cycle impossible; the bound is for garbage all the same.
  for (let map = head, previous = 0; map !== 0 && chain.length < MAX_LINK_MAPS; ) {
    if (!image.has(map) || image.u64(map + LINK_MAP.previous) !== previous) break;
    chain.push(map);
    previous = map;
    map = image.u64(map + LINK_MAP.next);
  }
  return chain;
}

/**
 * Reads each object's extent at the one offset where most link_maps hold the start of a mapped library: glibc keeps start and
 * end there, musl start and length (`map` and `map_len` of its struct dso).
 */
function withExtents(image: MemoryImage, chain: readonly number[], libraries: readonly Library[]): LoadedObject[] {
  const starts = new Set(libraries.flatMap((library) => library.starts));
  const extentAt = (map: number, offset: number): LoadedObject["extent"] => {
    const start = image.u64(map + offset);
    if (!starts.has(start)) return undefined;
    const endOrLength = image.u64(map + offset + 8);
    const end = endOrLength > start ? endOrLength : start + endOrLength;
    return end - start > PAGE_BYTES && end - start <= MAX_OBJECT_BYTES ? { start, end } : undefined;
  };
  let best = { offset: 0, hits: 0 };
  for (let offset = PRIVATE_FIRST; offset < PRIVATE_END; offset += 8) {
    const hits = chain.filter((map) => extentAt(map, offset) !== undefined).length;
    if (hits > best.hits) best = { offset, hits };
  }
  // Two objects at least (the executable and libc) must agree before an offset is trusted.
  const trusted = best.hits >= 2;
  return chain.map((linkMap) => ({ linkMap, extent: trusted ? extentAt(linkMap, best.offset) : undefined }));
}
