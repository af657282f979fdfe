import type { PageSet } from "../../../base/page-set.ts";
import { ProblemReport } from "../../../base/problems.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { MallocHeap, MallocInput } from "../allocator.ts";
import { accountArenas } from "./accounts.ts";
import { ChunkColumns } from "./chunk-columns.ts";
import { type ArenaDiscovery, detectArenas } from "./detect-arena.ts";
import { detectParameters, type MallocParameters } from "./detect-parameters.ts";
import { type ArenaHeader, findThreadHeaps, readArenaHeader } from "./heaps.ts";
import {
  CHUNK,
  describeVersions,
  HEAP_INFO_BYTES_BEFORE_35,
  PLAIN_LINKING_VERSIONS,
  SAFE_LINKING_VERSIONS,
  type VersionRange,
} from "./layouts.ts";
import { type ListFindings, settleListStates } from "./list-states.ts";
import { findMainHeaps } from "./main-heap.ts";
import { dropImpostor, findMappedChunks, type MappedChunk } from "./mapped-chunks.ts";
import { anonymousRanges, subtractRanges } from "./memory-map.ts";
import { StepBudget } from "./segments.ts";
import { findThreadBlocks, type ThreadBlock } from "./thread-blocks.ts";
import { voteForVariable } from "./thread-locals.ts";
import { tile } from "./tile.ts";
import { CHUNKS_PER_SLOT, type HeapRange } from "./walk.ts";

/**
 * Decodes the state of glibc's malloc, 2.12 to 2.43, from an image of a process: arenas, every chunk and its state, settings, and
 * which thread allocates from which arena. Layouts are detected by structure; neither symbols nor versions are asked.
 *
 * @param foreign memory of other allocators in the process, ascending and disjoint: no chunk of glibc lies there
 * @returns undefined when the target holds no main arena of glibc: it uses another allocator, or another libc.
 */
export function decodeGlibc(
  { image, mappings, resident, threads }: MallocInput,
  foreign: readonly AddressRange[] = [],
): MallocHeap | undefined {
  const discovery = detectArenas(image, mappings);
  if (discovery === undefined) return undefined;
  const problems = new ProblemReport();
  const budget = new StepBudget();
  const memory = subtractRanges(anonymousRanges(mappings), foreign);
  const parameters = detectParameters(image, discovery.data, memory);
  if (parameters === undefined) problems.add("glibc-parameters", "malloc's settings were not found next to its main arena");

  // What malloc took from the kernel: heaps by the arenas' own lists, the rest by pattern in what is left.
  const { layout } = discovery;
  const arenas = discovery.arenas.map((address, index) => readArenaHeader(image, layout, address, index));
  const threadHeaps = findThreadHeaps(image, layout, arenas, problems);
  const mainHeaps = findMainHeaps(image, mappings, arenas[0], parameters?.firstBreak, memory, threadHeaps.ranges, budget);
  const heaps = [...mainHeaps, ...threadHeaps.ranges].sort(byStart);
  const lookAlike = findMappedChunks(image, subtractRanges(memory, heaps), resident);
  const mapped = parameters ? dropImpostor(lookAlike, parameters.mappedCount, parameters.mappedBytes) : lookAlike;
  checkMapped(mapped, parameters, problems);

  const columns = new ChunkColumns(image, expectedChunks(heaps, mapped, resident));
  const damaged = tile(image, columns, { heaps, mapped }, arenas, resident, budget, problems);

  const others = subtractRanges(memory, [...heaps, ...mapped].sort(byStart));
  const blocks = findThreadBlocks(image, threads, others, resident);
  const lists = settleListStates(image, layout, arenas, columns, blocks, parameters?.cacheCount, problems);
  return {
    allocator: "glibc",
    variant: describeVersions(versionEvidence(discovery, parameters, threadHeaps.headerBytes, lists)),
    arenas: accountArenas(arenas, heaps, columns, threadsByArena(image, arenas, blocks), problems),
    chunks: columns.table(),
    headerBytes: CHUNK.header,
    borrowedBytes: CHUNK.borrowed,
    mapped: parameters
      ? { count: parameters.mappedCount, bytes: parameters.mappedBytes }
      : { count: mapped.length, bytes: mapped.reduce((sum, { start, end }) => sum + end - start, 0) },
    sizeClasses: undefined,
    freePages: [],
    settings: parameters?.settings,
    stateRanges: stateRanges(discovery, parameters),
    busy: discovery.brokenBins > 0 || damaged || lists.broken || arenas.some((arena) => arena.locked),
    problems: problems.list(),
  };
}

/** Thread ids by arena index, from each thread's thread_arena (malloc/arena.c). */
function threadsByArena(image: MemoryImage, arenas: readonly ArenaHeader[], blocks: readonly ThreadBlock[]): number[][] {
  const indexes = new Map(arenas.map((arena) => [arena.address, arena.index]));
  const threads = arenas.map((): number[] => []);
  for (const [tid, arena] of voteForVariable(image, blocks, (pointer) => indexes.has(pointer))) {
    threads[indexes.get(arena) as number].push(tid);
  }
  return threads;
}

function checkMapped(mapped: readonly MappedChunk[], parameters: MallocParameters | undefined, problems: ProblemReport): void {
  if (parameters === undefined || mapped.length === parameters.mappedCount) return;
  problems.add("glibc-mapped", `malloc counts ${parameters.mappedCount} mapped chunks, ${mapped.length} were found`);
}

/** Upper bound: a header lies on a resident page, and two are 32 bytes apart at least. */
function expectedChunks(heaps: readonly HeapRange[], mapped: readonly MappedChunk[], resident: PageSet): number {
  const bytes = heaps.reduce((sum, heap) => sum + resident.bytesWithin(heap.start, heap.end), 0);
  return Math.ceil(bytes / CHUNK.minimum) + 4 * heaps.length + 2 * mapped.length + CHUNKS_PER_SLOT;
}

function versionEvidence(
  discovery: ArenaDiscovery,
  parameters: MallocParameters | undefined,
  heapInfoBytes: number | undefined,
  lists: ListFindings,
): VersionRange[] {
  const evidence = [discovery.layout.versions];
  if (parameters !== undefined) evidence.push(parameters.layout.versions);
  if (heapInfoBytes !== undefined) {
    evidence.push(heapInfoBytes === HEAP_INFO_BYTES_BEFORE_35 ? { first: 0, last: 34 } : { first: 35, last: Infinity });
  }
  if (lists.safeLinking !== undefined) evidence.push(lists.safeLinking ? SAFE_LINKING_VERSIONS : PLAIN_LINKING_VERSIONS);
  for (const cache of lists.caches) if (cache.cached.length > 0) evidence.push(cache.layout.versions);
  return evidence;
}

function stateRanges(discovery: ArenaDiscovery, parameters: MallocParameters | undefined): MallocHeap["stateRanges"] {
  const main = discovery.arenas[0];
  const ranges = [{ start: main, end: main + discovery.layout.bytes, what: "main_arena" }];
  if (parameters !== undefined)
    ranges.push({ start: parameters.address, end: parameters.address + parameters.layout.bytes, what: "mp_" });
  return ranges.sort(byStart);
}

function byStart(left: { readonly start: number }, right: { readonly start: number }): number {
  return left.start - right.start;
}
