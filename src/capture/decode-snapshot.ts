import type { ProblemReport } from "../base/problems.ts";
import type { ReportPhase, ReportProgress } from "../base/progress.ts";
import { MIB } from "../base/units.ts";
import type { GraphTables } from "../snapshot/graph-tables.ts";
import { descriptorType } from "../snapshot/states.ts";
import type { ObjectTables, Snapshot, TypeTable } from "../snapshot/tables.ts";
import type { PythonRuntime } from "../strata/cpython/locate/python-runtime.ts";
import { type DecodedObjects, decodeObjects } from "../strata/cpython/objects/decode-objects.ts";
import type { LibraryData } from "../strata/cpython/objects/native-memory.ts";
import { readFreeLists } from "../strata/cpython/runtime/free-lists.ts";
import { type HeapFacts, readHeapFacts } from "../strata/cpython/runtime/heap-facts.ts";
import { readInterned } from "../strata/cpython/runtime/interned.ts";
import { runtimeRanges } from "../strata/cpython/runtime/state-ranges.ts";
import { readThreads } from "../strata/cpython/runtime/threads.ts";
import type { MallocHeap } from "../strata/malloc/allocator.ts";
import { readGlibcVersion } from "../strata/malloc/glibc/version.ts";
import { classifyMappings } from "../strata/os/classify.ts";
import type { OsStratum } from "../strata/os/os-stratum.ts";
import type { ProcessIdentity } from "../target/identity.ts";
import { imageReleaser } from "../target/image-memory.ts";
import type { MemoryImage } from "../target/memory-image.ts";
import type { MemoryReader } from "../target/memory-reader.ts";
import type { ProcessImage } from "../target/process-image.ts";
import type { Allocators } from "./allocators.ts";
import { buildClaimTable } from "./claim-table.ts";
import { captureFacts, interpreterFacts, processFacts, threadFacts } from "./facts.ts";
import { buildGraphTables } from "./graph-tables.ts";
import { buildMallocTables } from "./malloc-tables.ts";
import { allocatorRanges, nativeSurroundings } from "./native-surroundings.ts";
import { buildPymallocTables } from "./pymalloc-tables.ts";
import { buildReferenceTables } from "./reference-tables.ts";

/** What a snapshot is made from. */
export interface DecodeInput {
  /** The copy; the tables that are made go into its linear memory. */
  readonly taken: ProcessImage;
  readonly identity: ProcessIdentity;
  /** As found before the stop; undefined where no CPython is known. */
  readonly located: PythonRuntime | undefined;
  /** As decoded to judge the copy. */
  readonly allocators: Allocators;
  /** Reads what the copy leaves out and nobody writes: read-only data of libraries. */
  readonly readOnly: MemoryReader;
  /** Problems of what came before; those of decoding are added to it. */
  readonly problems: ProblemReport;
  /** Fill `Snapshot.graph`. */
  readonly references?: boolean | undefined;
  /** Keep values too. */
  readonly values?: boolean | undefined;
  /** Key of the hash of contents; a random one by default. */
  readonly hashKey?: Int32Array | undefined;
  readonly progress?: ReportProgress | undefined;
  readonly phase?: ReportPhase | undefined;
}

/** Decodes a copy, stratum by stratum from the bottom up, into the tables of a snapshot. */
export async function decodeSnapshot({
  taken,
  identity,
  located,
  allocators: { runtime, mallocs, pymalloc, consistent: settled, problems: ofAllocators },
  readOnly,
  problems,
  references,
  values = false,
  hashKey,
  progress,
  phase,
}: DecodeInput): Promise<Snapshot> {
  const { image, resident } = taken;
  phase?.("runtime");
  problems.addAll(taken.problems);
  if (located && !runtime)
    problems.add("python-moved", "The interpreter was not found again in the copy; objects are not told apart.");
  if (runtime?.versionNote) problems.add("python-version", runtime.versionNote);
  phase?.("mappings");
  const os = classifyMappings(taken);
  problems.addAll(ofAllocators);
  if (mallocs.length === 0)
    problems.add("malloc-unknown", "No malloc was recognised: what the allocator holds is told by mappings only.");
  const freeLists = runtime ? readFreeLists(runtime, image) : [];
  const threads = runtime ? readThreads(runtime, image, taken.threads) : [];
  const interned = runtime ? readInterned(runtime, image) : [];
  const runtimeMemory = runtime ? [...runtimeRanges(runtime, image), ...(pymalloc?.stateRanges ?? [])] : [];
  let facts: HeapFacts | undefined;
  // The last that reads objects: their part of the image is given back behind it.
  const objects =
    runtime &&
    (await decodeObjects({
      image,
      resident,
      runtime,
      pymalloc,
      mallocs,
      readOnly,
      freeListObjects: freeLists.flatMap(({ addresses }) => addresses),
      libraryData: libraryData(os, runtime),
      surroundings: nativeSurroundings(taken, os, allocatorRanges(mallocs, pymalloc)),
      progress: (done, total) => progress?.({ phase: "pools", done, total }),
      phase,
      references: references
        ? {
            hashKey,
            whole: (heap) => {
              phase?.("names");
              facts = readHeapFacts(heap, { threads, interned, values });
            },
          }
        : undefined,
    }));
  if (objects) problems.addAll(objects.problems);
  phase?.("tables");
  const typeResident = objects?.types.residentBytes.slice() ?? new Float64Array(1);
  let firstPlace = objects?.poolPlaces ?? 0;
  const malloc = mallocs.map((heap) => {
    const tables = buildMallocTables(heap, resident, objects, firstPlace, typeResident);
    firstPlace += heap.chunks.length;
    return tables;
  });
  const types = objects ? { ...objects.types, residentBytes: typeResident } : NO_TYPES;
  const objectMappings = (objects?.mappedBuffers ?? []).map(({ start, end, place }) => ({
    start,
    end,
    type: objects ? descriptorType(objects.descriptor[place]) : 0,
  }));
  const consistent = settled && (objects?.consistent ?? true);
  const claims = buildClaimTable(image, os, mallocs, pymalloc, runtimeMemory, objectMappings, resident, types);
  const interpreters = runtime && objects ? interpreterFacts(runtime, taken, objects, freeLists, interned) : [];
  let graph: GraphTables | undefined;
  if (runtime && objects?.graph && facts) {
    // Nothing reads the image any more: what is made now takes its place.
    releaseWholeImage(image);
    phase?.("references");
    graph = buildGraphTables({
      decoded: objects,
      graph: objects.graph,
      objects: objectTables(objects, runtime),
      references: buildReferenceTables(objects, objects.graph.references, facts.interned),
      facts,
      threadRows: threads.map(({ tid }) => taken.threads.findIndex((thread) => thread.tid === tid)),
      libraryData: libraryData(os, runtime),
    });
    objects.graph.releaseWindow();
  }
  return {
    process: processFacts(taken, identity, runtime, allocatorName(mallocs, readOnly, taken)),
    capture: captureFacts(taken, consistent, objects?.graph?.partial === true),
    mappings: os.mappings,
    pages: taken.pages,
    claims,
    malloc,
    pymalloc: pymalloc && objects ? buildPymallocTables(pymalloc, resident, objects) : undefined,
    types,
    objects: objects && objectTables(objects, runtime),
    unowned: objects?.unowned,
    graph,
    interpreters,
    threads: threadFacts(taken, threads),
    libraries: os.libraries.map((library) => library.name),
    problems: problems.list(),
  };
}

/** The allocator with most in use; that of glibc by the version that the library says of itself, others by what fits. */
function allocatorName(
  [malloc]: readonly MallocHeap[],
  readOnly: MemoryReader,
  { mappings }: ProcessImage,
): string | undefined {
  if (malloc === undefined) return undefined;
  const version = malloc.allocator === "glibc" ? readGlibcVersion(readOnly, mappings) : malloc.variant;
  return [malloc.allocator, version].filter(Boolean).join(" ");
}

const NO_TYPES: TypeTable = {
  length: 0,
  address: new Float64Array(0),
  name: [],
  module: [],
  count: new Float64Array(0),
  shallowBytes: new Float64Array(0),
  ownedBytes: new Float64Array(0),
  residentBytes: new Float64Array(0),
};

/** Writable data of every library; Python's own is marked, and comes with the state that pymalloc keeps elsewhere. */
function libraryData({ mappings, libraries }: OsStratum, runtime: PythonRuntime): LibraryData[] {
  const data: LibraryData[] = [];
  for (let row = 0; row < mappings.length; row++) {
    const library = mappings.library[row];
    if (library < 0 || (mappings.part[row] !== "data" && mappings.part[row] !== "bss")) continue;
    const python = libraries[library].start <= runtime.module.base && runtime.module.base < libraries[library].end;
    data.push({ start: mappings.start[row], end: mappings.end[row], library, python });
  }
  return data;
}

function objectTables(objects: DecodedObjects, runtime: PythonRuntime): ObjectTables {
  const { length, poolPlaces, chunkPlaces, descriptor, bytes, largeBytes, link, otherAddress, headerBytes } = objects;
  return {
    length,
    poolPlaces,
    chunkPlaces,
    descriptor,
    bytes,
    largeBytes,
    link,
    otherAddress,
    headerBytes,
    debugBytes: runtime.debugBytes,
  };
}

function releaseWholeImage(image: MemoryImage): void {
  const release = imageReleaser(image);
  for (const start of image.slotAddresses) release(start, start + MIB);
}
