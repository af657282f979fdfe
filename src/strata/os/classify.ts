import { PAGE_BYTES, roundUp } from "../../base/units.ts";
import type { Mapping } from "../../target/mapping.ts";
import { isDeviceMapping, isKernelMapping } from "../../target/proc/maps.ts";
import type { ProcessImage } from "../../target/process-image.ts";
import { disjoint, mergeRanges, type Range, subtractRanges } from "./address-ranges.ts";
import { ClaimKind } from "./claim-kind.ts";
import { findLibraries, type LibraryIndex } from "./libraries.ts";
import { findLoadedObjects, type LoadedObject } from "./loader.ts";
import { type LibraryPart, MappingKind } from "./mapping-kind.ts";
import type { Claim, Library, OsMappings, OsStratum } from "./os-stratum.ts";
import { type PageTotals, totalPages } from "./page-totals.ts";
import { findThreadStacks, type ThreadStack } from "./stacks.ts";
import { findThreadBlocks, type ThreadBlock } from "./thread-blocks.ts";

/** A mapping that holds a structure of the loader is taken to be all its own up to this size; it asks for a few pages. */
const LOADER_MAPPING_BYTES_MAX = 1024 * 1024;
/** Libraries whose data hold the heads of glibc's lists of thread stacks: ld.so, and libpthread or libc before 2.34. */
const THREAD_LIBRARY = /(^|\/)(ld|libpthread|libc)[-.]/;

/** One row of the table to be: a mapping or a part of one. */
interface Row extends Range {
  readonly mapping: Mapping;
  readonly kind: MappingKind;
  readonly library: number;
  readonly thread: number;
  readonly label: string;
}

/** What a part of an anonymous mapping is. */
type Mark = Omit<Row, "mapping">;

/**
 * Classifies every mapping of a process. Needs nothing but the image: the ends of bss come from the loader's own list of
 * objects (else a bss is taken to be the anonymous mapping directly behind a library's data), stacks from the threads'
 * control blocks (else from stack pointers).
 */
export function classifyMappings(image: ProcessImage): OsStratum {
  const index = findLibraries(image.mappings);
  const objects = findLoadedObjects(image.image, index.libraries, (library) => writableRanges(image.mappings, index, library));
  const blocks = findThreadBlocks(image.image, image.threads, listHeadRanges(image.mappings, index));
  const stacks = findThreadStacks(image, blocks);
  const marks = disjoint([...stacks.map(markOfStack), ...marksOfBss(image.mappings, index, objects)]);
  const rows = cutMappings(image, index, marks);
  const totals = totalPages(rows, image.pages, image.resident);
  return {
    mappings: tableOf(rows, totals),
    libraries: index.libraries,
    claims: ownClaims(image, rows, stacks, blocks, objects),
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

/** The rows of all mappings: anonymous memory is cut along the marks, every other mapping is one row. */
function cutMappings(image: ProcessImage, index: LibraryIndex, marks: readonly Mark[]): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const [at, mapping] of image.mappings.entries()) {
    const row = rowOf(mapping, image.pid, index.ofMapping[at], index.libraries);
    while (next < marks.length && marks[next].end <= mapping.start) next++;
    // Guard pages and reservations are nobody's.
    if (row.kind !== MappingKind.anonymous || mapping.permissions[0] !== "r") {
      rows.push(row);
      continue;
    }
    const inside: Row[] = [];
    for (let mark = next; mark < marks.length && marks[mark].start < mapping.end; mark++) {
      const start = Math.max(marks[mark].start, mapping.start);
      inside.push({ ...marks[mark], mapping, start, end: Math.min(marks[mark].end, mapping.end) });
    }
    rows.push(...[...inside, ...subtractRanges([row], inside)].sort((a, b) => a.start - b.start));
  }
  return rows;
}

function rowOf(mapping: Mapping, pid: number, library: number, libraries: readonly Library[]): Row {
  const whole = { start: mapping.start, end: mapping.end, mapping };
  if (library >= 0) return { ...whole, kind: MappingKind.library, library, thread: -1, label: libraries[library].name };
  const kind = kindOf(mapping);
  if (kind !== MappingKind.stack) return { ...whole, kind, library: -1, thread: -1, label: labelOf(mapping, kind) };
  // Kernels before 4.5 named every thread's stack.
  const thread = Number(/^\[stack:(\d+)\]$/.exec(mapping.path)?.[1] ?? pid);
  return {
    ...whole,
    kind,
    library: -1,
    thread,
    label: thread === pid ? "stack of the main thread" : `stack of thread ${thread}`,
  };
}

/** Kind of a mapping that is no library, by its name (fs/proc/task_mmu.c `show_map_vma`, mm/shmem.c, ipc/shm.c). */
function kindOf(mapping: Mapping): MappingKind {
  const { path, permissions } = mapping;
  const isShared = permissions[3] === "s";
  if (path === "[heap]") return MappingKind.heap;
  if (/^\[stack(:\d+)?\]$/.test(path)) return MappingKind.stack;
  if (isKernelMapping(mapping) || path.startsWith("/[aio]")) return MappingKind.kernel;
  if (/^\/(memfd:|dev\/shm\/|SYSV)|^\[anon_shmem:/.test(path)) return MappingKind.shared;
  // A private mapping of /dev/zero or of the hugetlb pool is anonymous memory under another name.
  if (/^\/(dev\/zero|anon_hugepage)/.test(path)) return isShared ? MappingKind.shared : MappingKind.anonymous;
  if (isDeviceMapping(mapping)) return MappingKind.device;
  if (path.startsWith("/")) return MappingKind.file;
  return isShared ? MappingKind.shared : MappingKind.anonymous;
}

function labelOf(mapping: Mapping, kind: MappingKind): string {
  switch (kind) {
    case MappingKind.heap:
      return "heap";
    case MappingKind.shared:
      return /libffi/.test(mapping.path) ? "libffi closures" : `shared memory ${mapping.path}`.trimEnd();
    case MappingKind.anonymous:
      return anonymousLabel(mapping);
    case MappingKind.stack:
    case MappingKind.library:
    case MappingKind.file:
    case MappingKind.kernel:
    case MappingKind.device:
      return mapping.path;
  }
}

function anonymousLabel(mapping: Mapping): string {
  const named = /^\[anon: ?(.*)\]$/s.exec(mapping.path);
  if (named) return named[1];
  if (isHugetlb(mapping)) return "huge page pool";
  if (mapping.permissions.startsWith("---")) return "reserved";
  // libffi writes its closures here; so do JIT compilers.
  if (mapping.permissions[2] === "x") return "executable anonymous memory";
  return "anonymous";
}

function isHugetlb(mapping: Mapping): boolean {
  return /^\/(anon_hugepage|dev\/hugepages\/)/.test(mapping.path);
}

function tableOf(rows: readonly Row[], totals: PageTotals): OsMappings {
  return {
    length: rows.length,
    start: Float64Array.from(rows, (row) => row.start),
    end: Float64Array.from(rows, (row) => row.end),
    kind: Uint8Array.from(rows, (row) => row.kind),
    permissions: rows.map((row) => row.mapping.permissions),
    path: rows.map((row) => row.mapping.path),
    library: Int32Array.from(rows, (row) => row.library),
    thread: Int32Array.from(rows, (row) => row.thread),
    part: rows.map((row, at) => partOf(row, rows[at + 1], totals.anonymousBytes[at])),
    label: rows.map((row) => row.label),
    hugetlb: Uint8Array.from(rows, (row) => Number(isHugetlb(row.mapping))),
    residentBytes: totals.residentBytes,
    swappedBytes: totals.swappedBytes,
    zeroBytes: totals.zeroBytes,
    hugeBytes: totals.hugeBytes,
  };
}

function partOf(row: Row, next: Row | undefined, anonymousBytes: number): LibraryPart {
  if (row.kind !== MappingKind.library) return "";
  const { permissions, offset, path } = row.mapping;
  if (path === "") return "bss";
  if (permissions[2] === "x") return "code";
  if (permissions[1] === "w") return "data";
  if (permissions[0] !== "r") return "gap";
  if (offset === 0) return "header";
  // The loader splits relro off the front of the data segment; its pages were written, so they are no longer the file's.
  const beforeData = next?.library === row.library && next.mapping.permissions[1] === "w" && next.start === row.end;
  return anonymousBytes > 0 || (beforeData && next.mapping.offset === offset + (row.end - row.start))
    ? "relro"
    : "read-only data";
}

/** Claims for stacks, control blocks and the loader's own memory. */
function ownClaims(
  image: ProcessImage,
  rows: readonly Row[],
  stacks: readonly ThreadStack[],
  blocks: readonly ThreadBlock[],
  objects: readonly LoadedObject[],
): Claim[] {
  // Stacks as rows have them: without their guard pages, the main thread's included.
  const wholeStacks = rows
    .filter((row) => row.kind === MappingKind.stack)
    .map(({ start, end, label }): Claim => ({ start, end, kind: ClaimKind.stack, label }));
  const storages = stacks.map((stack): Claim => {
    return {
      start: stack.storageStart,
      end: stack.end,
      kind: ClaimKind.threadLocal,
      label: stack.label.replace("stack", "thread-local storage"),
    };
  });
  const mainStorage = blocks
    .filter((block) => block.stack === undefined && block.tid === image.pid)
    .map(
      (block): Claim => ({
        start: block.storageStart,
        end: block.end,
        kind: ClaimKind.threadLocal,
        label: "thread-local storage of the main thread",
      }),
    );
  const exact = disjoint([...subtractRanges(wholeStacks, storages), ...storages, ...mainStorage]);
  const structures = [...objects.map((object) => object.linkMap), ...mainStorage.map((claim) => claim.start)];
  const loader = subtractRanges([...earlyHeap(rows, mainStorage), ...loaderClaims(rows, structures)], mergeRanges(exact));
  return disjoint([...exact, ...loader]);
}

/** A static executable takes its thread-local storage from the heap before malloc does (glibc csu/libc-tls.c). */
function earlyHeap(rows: readonly Row[], mainStorage: readonly Claim[]): Claim[] {
  return rows.flatMap((row): Claim[] => {
    const storage = mainStorage.find(({ start }) => start >= row.start && start < row.end);
    if (row.kind !== MappingKind.heap || storage === undefined) return [];
    return [{ start: row.start, end: roundUp(storage.end, PAGE_BYTES), kind: ClaimKind.loader, label: "start of the program" }];
  });
}

/** Anonymous memory in which structures of the loader lie: whole mappings where small, else the pages from first to last. */
function loaderClaims(rows: readonly Row[], structures: readonly number[]): Claim[] {
  return rows.flatMap((row): Claim[] => {
    if (row.kind !== MappingKind.anonymous) return [];
    const inside = structures.filter((address) => address >= row.start && address < row.end);
    const named = row.mapping.path === "[anon: glibc: loader malloc]";
    if (inside.length === 0 && !named) return [];
    const claim = { kind: ClaimKind.loader, label: "dynamic loader" };
    if (named || row.end - row.start <= LOADER_MAPPING_BYTES_MAX) return [{ ...claim, start: row.start, end: row.end }];
    // Merged with a neighbour: only the part that the structures prove.
    const first = Math.min(...inside);
    const last = Math.max(...inside);
    return [{ ...claim, start: first - (first % PAGE_BYTES), end: roundUp(last + 1, PAGE_BYTES) }];
  });
}
