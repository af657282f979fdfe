import type { PageSet } from "../../../base/page-set.ts";
import { ProblemReport } from "../../../base/problems.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { KernelThread } from "../../../target/process-image.ts";
import { ChunkState, type MallocHeap } from "../allocator.ts";
import { accountArenas } from "./accounts.ts";
import { followBins, markFastBins } from "./bins.ts";
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
import { findMappedChunks, type MappedChunk } from "./mapped-chunks.ts";
import { anonymousRanges, breakRange, subtractRanges } from "./memory-map.ts";
import { detectSafeLinking } from "./safe-linking.ts";
import { findSegments } from "./segments.ts";
import { findThreadBlocks } from "./thread-blocks.ts";
import { findCacheCandidates, markCache, type ThreadCache } from "./thread-caches.ts";
import { voteForVariable } from "./thread-locals.ts";
import { tile } from "./tile.ts";
import type { HeapRange } from "./walk.ts";

/** What the decoder needs of a stopped process. */
export interface GlibcInput {
  readonly image: MemoryImage;
  readonly mappings: readonly Mapping[];
  readonly resident: PageSet;
  readonly threads: readonly KernelThread[];
}

/**
 * Decodes the state of glibc's malloc, 2.12 to 2.43, from an image of a process: arenas, every chunk and its state, settings, and
 * which thread allocates from which arena. Layouts are detected by structure; neither symbols nor versions are asked.
 *
 * @returns undefined when the target holds no main arena of glibc: it uses another allocator, or another libc.
 */
export function decodeGlibc(input: GlibcInput): MallocHeap | undefined {
  const { image, mappings, resident } = input;
  const discovery = detectArenas(image, mappings);
  if (discovery === undefined) return undefined;
  const problems = new ProblemReport();
  const memory = anonymousRanges(mappings);
  const parameters = detectParameters(image, discovery.data, memory);
  if (parameters === undefined) problems.add("glibc-parameters", "malloc's settings were not found next to its main arena");

  const arenas = discovery.arenas.map((address, index) => readArenaHeader(image, discovery.layout, address, index));
  const threadHeaps = findThreadHeaps(image, discovery.layout, arenas, problems);
  const heaps = [...mainHeaps(input, arenas[0], parameters, memory, threadHeaps.ranges), ...threadHeaps.ranges].sort(byStart);
  const mapped = findMappedChunks(image, subtractRanges(memory, heaps), resident);
  checkMapped(mapped, parameters, problems);

  const columns = new ChunkColumns(image, expectedChunks(heaps, mapped, resident));
  tile(image, columns, heaps, mapped, arenas, problems);

  const lists = markLists(input, discovery, arenas, parameters, columns, problems);
  const accounts = accountArenas(arenas, heaps, columns, lists.threadsOfArena, problems);
  return {
    allocator: "glibc",
    variant: describeVersions(versionEvidence(discovery, parameters, threadHeaps.headerBytes, lists)),
    arenas: accounts,
    chunks: columns.table(),
    headerBytes: CHUNK.header,
    borrowedBytes: CHUNK.borrowed,
    mapped: parameters
      ? { count: parameters.mappedCount, bytes: parameters.mappedBytes }
      : { count: mapped.length, bytes: mapped.reduce((sum, { start, end }) => sum + end - start, 0) },
    settings: parameters?.settings,
    stateRanges: stateRanges(discovery, parameters),
    busy: discovery.brokenBins > 0 || lists.broken || arenas.some((arena) => arena.locked),
    problems: problems.list(),
  };
}

/** The brk heap of the main arena, and its segments where it had to take memory by mmap. */
function mainHeaps(
  { image, mappings }: GlibcInput,
  main: ArenaHeader,
  parameters: MallocParameters | undefined,
  memory: readonly AddressRange[],
  threadHeaps: readonly HeapRange[],
): HeapRange[] {
  const heaps: HeapRange[] = [];
  const brk = breakRange(mappings);
  const start = parameters?.firstBreak ?? brk?.start;
  if (brk !== undefined && start !== undefined && start >= brk.start && start < brk.end) {
    const firstChunk = Math.ceil(start / CHUNK.alignment) * CHUNK.alignment;
    heaps.push({ arena: main.index, start, firstChunk, end: brk.end });
  }
  const inBrk = heaps.reduce((sum, heap) => sum + heap.end - heap.start, 0);
  if (main.systemBytes > inBrk && !(main.contiguous && heaps.length > 0)) {
    const taken = [...threadHeaps, ...(brk ? [brk] : [])].sort(byStart);
    heaps.push(...findSegments(image, main, subtractRanges(memory, taken), main.systemBytes - inBrk));
  }
  return heaps;
}

interface ListFindings {
  readonly broken: boolean;
  readonly safeLinking: boolean | undefined;
  readonly caches: readonly ThreadCache[];
  /** Thread ids by arena index. */
  readonly threadsOfArena: ReadonlyMap<number, readonly number[]>;
}

/** Follows bins, fastbins and thread caches: settles the states that the chunks' own headers do not tell. */
function markLists(
  input: GlibcInput,
  discovery: ArenaDiscovery,
  arenas: readonly ArenaHeader[],
  parameters: MallocParameters | undefined,
  columns: ChunkColumns,
  problems: ProblemReport,
): ListFindings {
  const { image } = input;
  const { layout } = discovery;
  const freeChunks = countFree(columns, arenas.length);
  let broken = false;
  for (const arena of arenas) {
    const listed = followBins(image, layout, arena, columns, freeChunks[arena.index]);
    if (listed.broken || listed.chunks !== freeChunks[arena.index]) {
      broken = true;
      problems.add("glibc-bins", "the free lists of an arena and its free chunks differ", arena.address);
    }
  }
  const safeLinking = detectSafeLinking(image, layout, arenas, columns, parameters?.cacheCount);
  const links = safeLinking ?? true;
  for (const arena of arenas) {
    if (markFastBins(image, layout, arena, columns, links, problems)) broken = true;
  }
  const blocks = findThreadBlocks(image, input.threads, anonymousRanges(input.mappings), input.resident);
  const candidates = findCacheCandidates(image, columns, links, parameters?.cacheCount);
  const byAddress = new Map(candidates.map((cache) => [cache.address, cache]));
  const pointedAt = new Set(voteForVariable(image, blocks, (pointer) => byAddress.has(pointer)).values());
  const caches = candidates.filter((cache) => cache.cachedChunks > 0 || pointedAt.has(cache.address));
  for (const cache of caches) markCache(image, columns, cache, links, parameters?.cacheCount);

  const arenaIndex = new Map(arenas.map((arena) => [arena.address, arena.index]));
  const threadsOfArena = new Map<number, number[]>();
  for (const [tid, address] of voteForVariable(image, blocks, (pointer) => arenaIndex.has(pointer))) {
    const index = arenaIndex.get(address) as number;
    threadsOfArena.set(index, [...(threadsOfArena.get(index) ?? []), tid]);
  }
  return { broken, safeLinking, caches, threadsOfArena };
}

function countFree(columns: ChunkColumns, arenas: number): Float64Array {
  const counts = new Float64Array(arenas);
  const { state, arena } = columns;
  for (let chunk = 0; chunk < columns.length; chunk++) if (state[chunk] === ChunkState.free) counts[arena[chunk]]++;
  return counts;
}

function checkMapped(mapped: readonly MappedChunk[], parameters: MallocParameters | undefined, problems: ProblemReport): void {
  if (parameters === undefined || mapped.length === parameters.mappedCount) return;
  problems.add("glibc-mapped", `malloc counts ${parameters.mappedCount} mapped chunks, ${mapped.length} were found`);
}

/** Upper bound: a header lies on a resident page, and two are 32 bytes apart at least. */
function expectedChunks(heaps: readonly HeapRange[], mapped: readonly MappedChunk[], resident: PageSet): number {
  const bytes = heaps.reduce((sum, heap) => sum + resident.bytesWithin(heap.start, heap.end), 0);
  return Math.ceil(bytes / CHUNK.minimum) + 4 * heaps.length + 2 * mapped.length + 64;
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
  for (const cache of lists.caches) if (cache.cachedChunks > 0) evidence.push(cache.layout.versions);
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
