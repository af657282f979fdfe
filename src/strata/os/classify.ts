import { PAGE_BYTES, roundUp } from "../../base/units.ts";
import type { Mapping } from "../../target/mapping.ts";
import type { ProcessImage } from "../../target/process-image.ts";
import { disjoint, type Range } from "./address-ranges.ts";
import { findLibraries, type LibraryIndex } from "./libraries.ts";
import { findLoadedObjects, type LoadedObject } from "./loader.ts";
import { MappingKind } from "./mapping-kind.ts";
import type { OsStratum } from "./os-stratum.ts";
import { ownClaims } from "./own-claims.ts";
import { totalPages } from "./page-totals.ts";
import { cutMappings, type Mark, tableOf } from "./rows.ts";
import { findThreadStacks, type ThreadStack } from "./stacks.ts";
import { findThreadBlocks } from "./thread-blocks.ts";

/** Libraries whose data hold the heads of glibc's lists of thread stacks: ld.so, and libpthread or libc before 2.34. */
const THREAD_LIBRARY = /(^|\/)(ld|libpthread|libc)[-.]/;

/** The loader's first mappings are of two pages or so; neighbours may be merged with them. */
const SMALL_MAPPING_BYTES = 64 * 1024;

/**
 * Classifies every mapping of a process. Needs nothing but the image: the ends of bss come from the loader's own list of
 * objects (else a bss is taken to be the anonymous mapping directly behind a library's data), stacks from the threads'
 * control blocks (else from stack pointers).
 */
export function classifyMappings(image: ProcessImage): OsStratum {
  const index = findLibraries(image.mappings);
  const objects = findLoadedObjects(image.image, index.libraries, (library) => writableRanges(image.mappings, index, library));
  const blocks = findThreadBlocks(
    image.image,
    image.threads,
    listHeadRanges(image.mappings, index),
    smallRanges(image.mappings),
  );
  const stacks = findThreadStacks(image, blocks);
  const marks = disjoint([...stacks.map(markOfStack), ...marksOfBss(image.mappings, index, objects)]);
  const rows = cutMappings(image.mappings, image.pid, index, marks);
  const totals = totalPages(rows, image.pages, image.resident);
  return {
    mappings: tableOf(rows, totals),
    libraries: index.libraries,
    claims: ownClaims(rows, stacks, blocks, objects),
  };
}

function writableRanges(mappings: readonly Mapping[], index: LibraryIndex, library: number): Range[] {
  return mappings.filter((mapping, at) => {
    const bss =
      at > 0 && index.ofMapping[at - 1] === library && isWritableAnonymous(mapping) && mappings[at - 1].end === mapping.start;
    // Relro is write-protected once it is relocated, but was written and holds the loader's variables too.
    return bss || (index.ofMapping[at] === library && mapping.permissions[2] !== "x" && mapping.offset > 0);
  });
}

/** Where the heads of the lists of stacks may lie; everywhere in a static executable, which has no such library. */
function listHeadRanges(mappings: readonly Mapping[], index: LibraryIndex): Range[] {
  const all = [...index.libraries.keys()];
  const named = all.filter((library) => THREAD_LIBRARY.test(index.libraries[library].name));
  return (named.length > 0 ? named : all).flatMap((library) => writableRanges(mappings, index, library));
}

function smallRanges(mappings: readonly Mapping[]): Range[] {
  return mappings.filter((mapping) => isWritableAnonymous(mapping) && mapping.end - mapping.start <= SMALL_MAPPING_BYTES);
}

function isWritableAnonymous(mapping: Mapping): boolean {
  return mapping.path === "" && mapping.permissions[1] === "w" && mapping.permissions[3] === "p";
}

function markOfStack(stack: ThreadStack): Mark {
  return { start: stack.start, end: stack.end, kind: MappingKind.stack, library: -1, thread: stack.tid, label: stack.label };
}

/**
 * Marks whole libraries, bss included. Only anonymous mappings are cut along marks, and within a library these are its bss.
 */
function marksOfBss(mappings: readonly Mapping[], index: LibraryIndex, objects: readonly LoadedObject[]): Mark[] {
  const markOf = (library: number, { start, end }: Range): Mark => ({
    start,
    end: roundUp(end, PAGE_BYTES),
    kind: MappingKind.library,
    library,
    thread: -1,
    label: index.libraries[library].name,
  });
  const extents = new Map(objects.flatMap(({ extent }) => (extent ? [[extent.start, extent] as const] : [])));
  const marks: Mark[] = [];
  const known = new Set<number>();
  for (const [library, { starts }] of index.libraries.entries()) {
    for (const start of starts) {
      const extent = extents.get(start);
      if (extent === undefined) continue;
      marks.push(markOf(library, extent));
      known.add(library);
    }
  }
  for (const [at, mapping] of mappings.entries()) {
    const library = at > 0 ? index.ofMapping[at - 1] : -1;
    if (library < 0 || known.has(library) || !isWritableAnonymous(mapping)) continue;
    const behindData = mappings[at - 1].end === mapping.start && mappings[at - 1].permissions[1] === "w";
    if (behindData) marks.push(markOf(library, mapping));
  }
  return marks;
}
