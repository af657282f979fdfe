import type { ReportProgress } from "../base/progress.ts";
import { ProblemReport } from "../base/problems.ts";
import { type Result, succeed } from "../base/result.ts";
import { GIB } from "../base/units.ts";
import { descriptorType } from "../snapshot/states.ts";
import type { InterpreterFacts, ObjectTables, ProcessFacts, Snapshot, ThreadFacts, TypeTable } from "../snapshot/tables.ts";
import { locatePython, relocateInterpreters } from "../strata/cpython/locate/locate.ts";
import type { PythonRuntime } from "../strata/cpython/locate/python-runtime.ts";
import { type DecodedObjects, decodeObjects, type LibraryData } from "../strata/cpython/objects/decode-objects.ts";
import { type FreeList, readFreeLists } from "../strata/cpython/runtime/free-lists.ts";
import { readGcState } from "../strata/cpython/runtime/gc.ts";
import { type InternedStrings, readInterned } from "../strata/cpython/runtime/interned.ts";
import { runtimeRanges } from "../strata/cpython/runtime/state-ranges.ts";
import { type PythonThread, readThreads } from "../strata/cpython/runtime/threads.ts";
import type { MallocHeap } from "../strata/malloc/allocator.ts";
import { decodeGlibc, isGlibcBusy } from "../strata/malloc/glibc/glibc.ts";
import { classifyMappings } from "../strata/os/classify.ts";
import type { OsStratum } from "../strata/os/os-stratum.ts";
import { decodePymalloc } from "../strata/pymalloc/decode.ts";
import { identifyProcess, type ProcessIdentity } from "../target/identity.ts";
import { LiveMemory } from "../target/live-memory.ts";
import type { Mapping } from "../target/mapping.ts";
import { readMaps } from "../target/proc/maps.ts";
import type { ProcessImage } from "../target/process-image.ts";
import { takeProcessImage } from "../target/take-process-image.ts";
import { buildClaimTable } from "./claim-table.ts";
import { buildMallocTables } from "./malloc-tables.ts";
import { buildPymallocTables } from "./pymalloc-tables.ts";

export interface CaptureRequest {
  readonly maxPauseMilliseconds?: number | undefined;
  readonly maxMemoryBytes?: number | undefined;
  readonly allowSigstop?: boolean | undefined;
  readonly readSwapped?: boolean | undefined;
  readonly progress?: ReportProgress | undefined;
}

/**
 * Takes a snapshot of a running process: find Python while it runs, stop, copy, resume, decode.
 *
 * A process whose Python is not known still gets its mappings and its malloc, with a problem that says so; one that is no
 * Python at all fails with `not-cpython`. Other failures are those of `takeProcessImage`.
 */
export async function captureSnapshot(pid: number, request: CaptureRequest): Promise<Result<Snapshot>> {
  const identity = identifyProcess(pid);
  if (!identity.ok) return identity;
  const mappings = readMaps(pid);
  if (!mappings.ok) return mappings;
  const live = LiveMemory.open(pid, mappings.value);
  if (!live.ok) return live;
  try {
    const problems = new ProblemReport();
    const located = locatePython(live.value, mappings.value);
    if (!located.ok) {
      if (!looksLikePython(mappings.value)) return located;
      problems.add("python-unknown", `${located.failure.sentence} Objects are not told apart.`);
    }
    const taken = takeProcessImage(pid, {
      ...request,
      webAssembly: process.env.PYSTRATA_NO_WASM !== "1",
      tablesBytes,
      progress: (phase) => request.progress?.({ phase, done: 0 }),
      whileStopped: (image) => !isGlibcBusy(image.image, image.mappings) && (!located.ok || !isCollecting(located.value, image)),
    });
    if (!taken.ok) return taken;
    return succeed(await decode(taken.value, identity.value, located.ok ? located.value : undefined, live.value, problems, request));
  } finally {
    live.value.close();
  }
}

/** A library's or program's name that says Python although no interpreter was recognised in it. */
function looksLikePython(mappings: readonly Mapping[]): boolean {
  return mappings.some(({ path }) => /(^|\/)(lib)?python[23][^/]*$/.test(path));
}

/**
 * Linear memory to reserve behind the image. Untouched pages cost nothing, so it is generous: all that WebAssembly can have
 * when image and tables fit there, else 13 bytes for each 16-byte block that could be.
 */
function tablesBytes(imageBytes: number): number {
  const flat = 4 * GIB;
  return imageBytes * 1.25 + GIB / 2 <= flat ? flat - imageBytes : imageBytes * 0.8 + GIB;
}

/** True when the stop fell inside a collection: its lists are in pieces. */
function isCollecting(runtime: PythonRuntime, { image }: ProcessImage): boolean {
  return runtime.interpreters.some(({ gc }) => readGcState(image, runtime.layout, gc).collecting === true);
}

async function decode(
  taken: ProcessImage,
  identity: ProcessIdentity,
  located: PythonRuntime | undefined,
  live: LiveMemory,
  problems: ProblemReport,
  request: CaptureRequest,
): Promise<Snapshot> {
  const { image, resident } = taken;
  problems.addAll(taken.problems);
  const runtime = located && relocateInterpreters(located, image, taken.mappings);
  if (located && !runtime) problems.add("python-moved", "the interpreter was not found again in the copy; objects are not told apart");
  if (runtime?.versionNote) problems.add("python-version", runtime.versionNote);
  const os = classifyMappings(taken);
  const glibc = decodeGlibc({ image, mappings: taken.mappings, resident, threads: taken.threads });
  const mallocs: MallocHeap[] = glibc ? [glibc] : [];
  if (!glibc) problems.add("malloc-unknown", "no glibc malloc was recognised: memory of another allocator is told by mappings only");
  for (const heap of mallocs) problems.addAll(heap.problems);
  const pymalloc = runtime && decodePymalloc(runtime.pymalloc, image);
  if (pymalloc) problems.addAll(pymalloc.problems);
  const freeLists = runtime ? readFreeLists(runtime, image) : [];
  const threads = runtime ? readThreads(runtime, image, taken.threads) : [];
  const objects =
    runtime &&
    (await decodeObjects({
      image,
      resident,
      runtime,
      pymalloc,
      mallocs,
      readOnly: live,
      freeListObjects: freeLists.flatMap(({ addresses }) => addresses),
      libraryData: libraryData(os, runtime),
      progress: (done, total) => request.progress?.({ phase: "pools", done, total }),
    }));
  if (objects) problems.addAll(objects.problems);
  const typeResident = objects?.types.residentBytes.slice() ?? new Float64Array(1);
  let firstPlace = objects?.poolPlaces ?? 0;
  const malloc = mallocs.map((heap) => {
    const tables = buildMallocTables(heap, resident, objects, firstPlace, typeResident);
    firstPlace += heap.chunks.length;
    return tables;
  });
  const types = objects ? { ...objects.types, residentBytes: typeResident } : NO_TYPES;
  const runtimeMemory = runtime ? [...runtimeRanges(runtime, image), ...(pymalloc?.stateRanges ?? [])] : [];
  const objectMappings = (objects?.mappedBuffers ?? []).map(({ start, end, place }) => ({
    start,
    end,
    type: objects ? descriptorType(objects.descriptor[place]) : 0,
  }));
  const consistent = (objects?.consistent ?? true) && !mallocs.some((heap) => heap.busy);
  return {
    process: processFacts(taken, identity, runtime, glibc),
    capture: {
      takenAt: new Date().toISOString(),
      pausedMilliseconds: taken.pause.pausedMilliseconds,
      totalPausedMilliseconds: taken.pause.totalPausedMilliseconds,
      bytesCopied: taken.pause.bytesCopied,
      attempts: taken.pause.attempts,
      consistent,
      complete: taken.pause.swappedBytesNotRead === 0 && taken.pause.unreadPages === 0,
      swappedBytesNotRead: taken.pause.swappedBytesNotRead,
      method: taken.pause.method,
      reader: taken.pause.reader,
    },
    mappings: os.mappings,
    pages: taken.pages,
    claims: buildClaimTable(image, os, mallocs, pymalloc, runtimeMemory, objectMappings, resident, types),
    malloc,
    pymalloc: pymalloc && objects ? buildPymallocTables(pymalloc, resident, objects) : undefined,
    types,
    objects: objects && objectTables(objects, runtime),
    interpreters: runtime && objects ? interpreterFacts(runtime, taken, objects, freeLists, readInterned(runtime, image)) : [],
    threads: threadFacts(taken, threads),
    libraries: os.libraries.map((library) => library.name),
    problems: problems.list(),
  };
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

function processFacts(
  taken: ProcessImage,
  identity: ProcessIdentity,
  runtime: PythonRuntime | undefined,
  glibc: MallocHeap | undefined,
): ProcessFacts {
  const { totals } = taken;
  return {
    pid: taken.pid,
    commandLine: identity.commandLine,
    name: identity.name,
    python: runtime && `CPython ${runtime.version.text}`,
    allocator: glibc?.allocator,
    startedSecondsAgo: identity.startedSecondsAgo,
    residentBytes: totals.residentBytes,
    peakResidentBytes: totals.peakResidentBytes,
    virtualBytes: totals.virtualBytes,
    proportionalBytes: totals.proportionalBytes,
    uniqueBytes: totals.uniqueBytes,
    swappedBytes: totals.swappedBytes,
    hugetlbBytes: totals.hugetlbBytes,
    pageTableBytes: totals.pageTableBytes,
    anonymousHugeBytes: totals.anonymousHugeBytes,
    minorFaults: totals.minorFaults,
    majorFaults: totals.majorFaults,
    threads: taken.threads.length,
  };
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

function interpreterFacts(
  runtime: PythonRuntime,
  { image }: ProcessImage,
  objects: DecodedObjects,
  freeLists: readonly FreeList[],
  interned: readonly InternedStrings[],
): InterpreterFacts[] {
  return runtime.interpreters.map(({ address, id, gc }, index) => {
    const state = readGcState(image, runtime.layout, gc);
    const lists = objects.generations[index];
    return {
      address,
      id,
      collecting: state.collecting ?? false,
      enabled: state.enabled ?? true,
      generations: state.generations.map(({ threshold, count }, generation) => ({
        threshold,
        count,
        objects: lists[generation] ?? 0,
      })),
      permanentObjects: lists[3] ?? 0,
      internedStrings: interned.find(({ interpreter }) => interpreter === index)?.strings,
      freeLists: Object.fromEntries(
        freeLists.filter(({ interpreter }) => interpreter === index).map(({ name, addresses }) => [name, addresses.length]),
      ),
    };
  });
}

function threadFacts(taken: ProcessImage, threads: readonly PythonThread[]): ThreadFacts[] {
  const known = new Map(threads.filter((thread) => thread.tid !== undefined).map((thread) => [thread.tid, thread]));
  return taken.threads.map(({ tid, name }) => {
    const thread = known.get(tid);
    return {
      tid,
      name,
      interpreter: thread?.interpreter ?? -1,
      frames: (thread?.frames ?? []).map((frame) => ({
        function: frame.qualifiedName ?? frame.function,
        file: frame.file,
        line: frame.line,
      })),
    };
  });
}
