import { ProblemReport } from "../../../base/problems.ts";
import { accountBlocks } from "../account-blocks.ts";
import type { MallocHeap, MallocInput } from "../allocator.ts";
import { BlockColumns } from "../block-columns.ts";
import { anonymousRanges, dataRanges } from "../glibc/memory-map.ts";
import { arenaNumbers, countSizeClasses, outlineArenas, sumFreePages } from "./accounts.ts";
import { type BaseBlock, findBaseBlocks } from "./base-blocks.ts";
import { type Extents, joinNeighbours, overlapsExtent, readExtents } from "./extents.ts";
import { RADIX_TREE, VERSIONS } from "./layouts.ts";
import { findRadixTree } from "./radix-tree.ts";
import { settleCaches } from "./settle-caches.ts";
import { findThreadCaches } from "./thread-caches.ts";
import { countChunks, tile } from "./tile.ts";

const UNRECOGNISED =
  "A jemalloc was found whose structures do not verify: it is not of version 5.3, and its memory is told by mappings only.";
/** A stop inside jemalloc leaves a few extents half changed; more is another layout. */
const MOST_MISFITS = 0.02;

/**
 * Decodes jemalloc 5.3: every extent, every region of every slab, and which allocations lie in caches of threads. Found by its radix
 * tree in the static data of whatever it is linked into; it verifies where each extent says of itself what the tree says of it, and each slab
 * counts as many free regions as its bitmap has. O(pages of the heap + regions).
 *
 * @returns undefined where there is none, and where there is one that does not verify, which adds a problem
 */
export function decodeJemalloc(input: MallocInput, problems: ProblemReport): MallocHeap | undefined {
  const { image, mappings, resident } = input;
  const blocks = findBaseBlocks(image, anonymousRanges(mappings), resident);
  if (blocks.length === 0) return undefined;
  // Addresses that are only retained may not be readable: where overcommitting is forbidden they are not.
  const reserved = joinNeighbours(mappings.filter(({ path }) => !path.startsWith("/")));
  for (const data of dataRanges(mappings)) {
    const root = findRadixTree(image, data, blocks, resident);
    if (root === undefined) continue;
    const extents = readExtents(image, root, resident, reserved);
    if (extents.misfits <= 1 + MOST_MISFITS * extents.table.length) return decodeHeap(input, root, extents, blocks);
  }
  problems.add("jemalloc-unrecognised", UNRECOGNISED, blocks[0].start);
  return undefined;
}

function decodeHeap(
  { image, resident, threads }: MallocInput,
  root: number,
  { table: extents, misfits }: Extents,
  found: readonly BaseBlock[],
): MallocHeap {
  const problems = new ProblemReport();
  if (misfits > 0) problems.add("jemalloc-extents", "extents of jemalloc contradict themselves", root, misfits);
  const blocks = found.filter((block) => !overlapsExtent(extents, block));
  const numbers = arenaNumbers(extents, blocks);
  const columns = new BlockColumns(countChunks(extents) + blocks.length);
  const firstChunks = tile(image, columns, extents, blocks, numbers);

  const caches = findThreadCaches(image, blocks);
  if (caches.length === 0)
    problems.add("jemalloc-caches", "jemalloc's thread caches were not found: what lies in them counts as in use");
  const strangers = settleCaches(image, caches, extents, firstChunks, columns.state);
  if (strangers > 0)
    problems.add("jemalloc-cached", "caches of jemalloc hold what is no allocation of theirs", undefined, strangers);

  const chunks = columns.table();
  return {
    allocator: "jemalloc",
    variant: VERSIONS,
    arenas: accountBlocks(chunks, outlineArenas(numbers, extents, blocks, caches, threads)),
    chunks,
    headerBytes: 0,
    borrowedBytes: 0,
    mapped: { count: 0, bytes: 0 },
    sizeClasses: countSizeClasses(extents, firstChunks, chunks.state, resident),
    freePages: sumFreePages(extents, resident),
    settings: undefined,
    stateRanges: [{ start: root, end: root + RADIX_TREE.entries * RADIX_TREE.entryBytes, what: "jemalloc's radix tree" }],
    busy: misfits > 0 || strangers > 0,
    problems: problems.list(),
  };
}
