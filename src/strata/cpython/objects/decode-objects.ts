import type { PageSet } from "../../../base/page-set.ts";
import { ProblemReport } from "../../../base/problems.ts";
import type { ReportPhase } from "../../../base/progress.ts";
import { MIB, roundUp } from "../../../base/units.ts";
import type { MemoryImage } from "../../../target/memory-image.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MallocHeap } from "../../malloc/allocator.ts";
import type { Pymalloc } from "../../pymalloc/pymalloc.ts";
import type { KernelSet } from "../kernels/kernel-set.ts";
import { loadKernels } from "../kernels/load-kernels.ts";
import * as P from "../kernels/parameters.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { WholeHeap } from "../runtime/whole-heap.ts";
import { type DecodedGraph, GraphStreams } from "./graph-streams.ts";
import { headBytes, writeParameters } from "./kernel-parameters.ts";
import { buildKernelTables, type KernelTables } from "./kernel-tables.ts";
import { claimModuleStates } from "./module-states.ts";
import { attributeNative, type LibraryData, type NativeSurroundings } from "./native-memory.ts";
import { type MappedBuffer, ObjectContext } from "./object-context.ts";
import { poolReleaser } from "./release-pools.ts";
import { RowTable } from "./row-table.ts";
import { findSubtypeDealloc } from "./subtype-dealloc.ts";
import { TypeNames } from "./type-names.ts";
import { TypeRegistry } from "./type-registry.ts";
import { accountUnowned, type DecodedUnowned } from "./unowned-memory.ts";
import { wholeHeap } from "./whole-heap.ts";

/** What streams may come to for the smallest image. */
const LEAST_STREAM_BYTES = 64 * MIB;
/** Pools between two calls of progress, or two releases of what is decoded. */
const POOLS_PER_STEP = 2048;

export interface ObjectInput {
  readonly image: MemoryImage;
  readonly resident: PageSet;
  readonly runtime: PythonRuntime;
  /** Undefined when the process does not use it (PYTHONMALLOC=malloc). */
  readonly pymalloc: Pymalloc | undefined;
  readonly mallocs: readonly MallocHeap[];
  /** Reads what the image leaves out: names of C types. */
  readonly readOnly: MemoryReader;
  /** Addresses of dead objects in CPython's free lists. */
  readonly freeListObjects: readonly number[];
  /** Writable data of libraries, with the library's index; Python's own module is marked. */
  readonly libraryData: readonly LibraryData[];
  /** Where else pointers at native memory may lie; without it memory that has no owner is not told apart. */
  readonly surroundings?: NativeSurroundings | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
  readonly phase?: ReportPhase | undefined;
  /** Asks for `DecodedObjects.graph`. */
  readonly references?: ReferenceInput | undefined;
}

export interface ReferenceInput {
  /** Called while the image is whole: all types and static objects are known, nothing has been given back yet. */
  readonly whole?: ((heap: WholeHeap, names: TypeNames) => void) | undefined;
  /** Key of the contents' hash, four words; a random one by default. */
  readonly hashKey?: Int32Array | undefined;
}

/** What the object decoder found: columns in the image's linear memory (see `snapshot/tables` for their meaning). */
export interface DecodedObjects {
  readonly length: number;
  readonly poolPlaces: number;
  readonly chunkPlaces: number;
  readonly descriptor: Uint32Array;
  readonly bytes: Uint32Array;
  readonly largeBytes: ReadonlyMap<number, number>;
  readonly link: Uint32Array;
  readonly otherAddress: Float64Array;
  readonly headerBytes: readonly number[];
  /** First place of each pool, in the order of the pool table. */
  readonly firstPlaces: Uint32Array;
  /** Eight words a pool: see `ACCOUNT_…` of the kernels. */
  readonly poolAccounts: Int32Array;
  readonly types: DecodedTypes;
  /** Members of each collector list: three generations and the permanent one, for each interpreter. */
  readonly generations: readonly (readonly number[])[];
  /** False when a list was broken or a free list disagreed with its pool: the stop fell inside an allocation or a collection. */
  readonly consistent: boolean;
  readonly problems: ReturnType<ProblemReport["list"]>;
  /** Mappings that objects own. */
  readonly mappedBuffers: readonly MappedBuffer[];
  /** Memory in use that has no owner, by what is known of it. */
  readonly unowned: readonly DecodedUnowned[];
  /** Undefined when not asked for. */
  readonly graph: DecodedGraph | undefined;
  /** Bytes that an object or buffer fills of a place that has `room` bytes. */
  readonly usedBytes: (place: number, room: number) => number;
}

export type { DecodedGraph } from "./graph-streams.ts";

export interface DecodedTypes {
  readonly length: number;
  readonly address: Float64Array;
  readonly name: readonly string[];
  readonly module: readonly string[];
  readonly count: Float64Array;
  readonly shallowBytes: Float64Array;
  readonly ownedBytes: Float64Array;
  /** Of what lies in pools; chunks are another stratum's. */
  readonly residentBytes: Float64Array;
  /** Bytes of each instance in its own place that sys.getsizeof leaves out. */
  readonly inPlaceExtraBytes: Uint32Array;
  /** 1 when instances are types. */
  readonly isMetatype: Uint8Array;
}

/**
 * Finds every object of a Python process in its image, its size and the memory that it owns.
 *
 * Passes, each over all places: classify (is there an object, of which type), decode (sizes, references, owned buffers),
 * discover (static objects), mark generations, attribute what is left to the runtime and to libraries, sum up. Pools that hold
 * nothing but objects are given back to the system once they are decoded: nobody can read them in the image afterwards.
 */
export async function decodeObjects(input: ObjectInput): Promise<DecodedObjects> {
  const { image, runtime, phase } = input;
  phase?.("object tables");
  const problems = new ProblemReport();
  const rows = new RowTable(image.memory);
  const tables = buildKernelTables(image, input.resident, input.pymalloc, input.mallocs);
  const context = new ObjectContext(runtime, image, input.readOnly, rows);
  const registry = new TypeRegistry(context);
  const largeBytes = new Map<number, number>();
  const kernels = await loadKernels(image.memory, {
    type: registry.rowOf,
    decode: registry.decode,
    large: (place, bytes) => largeBytes.set(place, bytes),
    stream: (stream, words) => streams?.take(stream, words),
  });
  context.kernels = kernels;
  const streams = input.references && new GraphStreams(image.memory, mostStreamBytes(image), input.references.hashKey);
  registry.setSubtypeDealloc(findSubtypeDealloc(image, runtime));
  kernels.configure(writeParameters(image, runtime, tables, rows, streams));

  phase?.("classify");
  inSteps(tables.pools, (from, to) => kernels.classifyPools(from, to), input.progress);
  kernels.classifyChunks(0, tables.chunkPlaces);
  markFreeLists(image, kernels, tables, input.freeListObjects);
  registry.discoverTypes();
  registry.rowForAddress(runtime.typeType);
  phase?.("decode");
  claimModuleStates(context);
  // While the image is whole, what reads here and there; then pools that nobody else reads, which make room for the columns.
  kernels.decodePools(0, tables.pools, P.TURN_FIRST);
  kernels.decodeChunks(0, tables.chunkPlaces);
  const reached = kernels.decodeOthers(0);
  phase?.("generations");
  const generations = markGenerations(image, runtime, kernels, tables, problems);
  const names = new TypeNames(context, registry);
  input.references?.whole?.(wholeHeap(context, registry, tables, tables.poolHeaderWords * 4), names);
  for (const type of registry.addresses) names.nameOf(type);
  const release = poolReleaser(image, tables);
  const decodeAlone = (from: number, to: number) => {
    phase?.("decode");
    kernels.decodePools(from, to, P.TURN_ALONE);
    phase?.("release");
    release(from, to);
  };
  inSteps(tables.pools, decodeAlone, input.progress);
  phase?.("decode");
  inSteps(tables.pools, (from, to) => kernels.decodePools(from, to, P.TURN_TABLES), input.progress);
  const known = kernels.decodeOthers(reached);
  phase?.("attribute");
  streams?.beginNative(kernels);
  attributeNative(image, kernels, input.libraryData);
  streams?.endNative(kernels);
  // Native memory refers to objects too.
  kernels.decodeOthers(known);
  phase?.("unowned");
  const { surroundings, libraryData } = input;
  const unowned = surroundings ? accountUnowned(image, kernels, tables, libraryData, surroundings) : [];
  phase?.("accounts");
  inSteps(tables.pools, (from, to) => kernels.accountPools(from, to), undefined);
  phase?.("types");
  report(kernels, streams?.droppedEntries ?? 0, problems);
  return collect(input, tables, kernels, context, registry, names, largeBytes, generations, unowned, streams, problems);
}

/** A word of the image is one reference at most, unless it is garbage that several believe to be theirs. */
function mostStreamBytes(image: MemoryImage): number {
  return image.slotCount * MIB * 1.25 + LEAST_STREAM_BYTES;
}

/** Runs a pass over [0, count) in steps, so that progress can be shown. */
function inSteps(count: number, pass: (from: number, to: number) => void, progress: ObjectInput["progress"]): void {
  for (let from = 0; from < count; from += POOLS_PER_STEP) {
    pass(from, Math.min(count, from + POOLS_PER_STEP));
    progress?.(from, count);
  }
}

/** Dead objects that CPython keeps for reuse are in use for pymalloc; they have no references and are no objects. */
function markFreeLists(image: MemoryImage, kernels: KernelSet, tables: KernelTables, addresses: readonly number[]): void {
  const { memory } = image;
  for (const address of addresses) {
    const place = kernels.rawPlace(image.wordOf(address));
    if (place < 0) continue;
    const about = memory.load(tables.descriptor + place);
    if (((about >>> P.STATE_SHIFT) & 7) !== P.STATE_RAW) continue;
    memory.store(tables.descriptor + place, (about & ~(7 << P.STATE_SHIFT)) | (P.STATE_FREE_LIST << P.STATE_SHIFT));
  }
}

/** Permanent objects (gc.freeze) count as the oldest generation. */
const LIST_GENERATIONS = [0, 1, 2, 2] as const;

function markGenerations(
  image: MemoryImage,
  runtime: PythonRuntime,
  kernels: KernelSet,
  tables: KernelTables,
  problems: ProblemReport,
): number[][] {
  const limit = Math.min(0x7fffffff, tables.poolPlaces + tables.chunkPlaces + 2 ** 21);
  const shared = new Map<number, number[]>();
  return runtime.interpreters.map(({ gc }) => {
    const done = shared.get(gc.generationsAddress);
    if (done !== undefined) return done;
    const heads = [0, 1, 2].map((generation) => gc.generationsAddress + generation * gc.headStride);
    if (gc.permanentAddress !== undefined) heads.push(gc.permanentAddress);
    const members = heads.map((head, index) => {
      const found = kernels.markGeneration(image.wordOf(head) | 0, LIST_GENERATIONS[index], limit);
      if (found >= 0) return found;
      problems.add("gc-list", "a list of the garbage collector is broken: the stop fell inside a collection", head);
      return -1 - found;
    });
    shared.set(gc.generationsAddress, members);
    return members;
  });
}

function report(kernels: KernelSet, droppedReferences: number, problems: ProblemReport): void {
  const add = (count: number, kind: string, sentence: string) => {
    if (count > 0) problems.add(kind, sentence, undefined, count);
  };
  add(
    kernels.poolMismatchCount(),
    "pymalloc-free-list",
    "pools whose free list does not agree with their count of used blocks",
  );
  add(kernels.otherObjectsDropped(), "objects-dropped", "objects outside pools and chunks beyond what the table holds");
  add(
    droppedReferences,
    "references-dropped",
    "references beyond what there is room for: answers about holders are incomplete",
  );
  add(
    kernels.claimConflictCount(),
    "buffer-conflicts",
    "buffers that more than one object points at as its own; the first keeps them",
  );
}

function collect(
  input: ObjectInput,
  tables: KernelTables,
  kernels: KernelSet,
  context: ObjectContext,
  registry: TypeRegistry,
  names: TypeNames,
  largeBytes: ReadonlyMap<number, number>,
  generations: readonly (readonly number[])[],
  unowned: readonly DecodedUnowned[],
  streams: GraphStreams | undefined,
  problems: ProblemReport,
): DecodedObjects {
  const { image, runtime } = input;
  const { memory } = image;
  const others = kernels.otherObjects();
  const length = tables.poolPlaces + tables.chunkPlaces + others;
  const otherWords = memory.uint32(tables.otherWords, others);
  return {
    length,
    poolPlaces: tables.poolPlaces,
    chunkPlaces: tables.chunkPlaces,
    descriptor: memory.uint32(tables.descriptor, length),
    bytes: memory.uint32(tables.bytes, length),
    largeBytes,
    link: memory.uint32(tables.link, length),
    otherAddress: Float64Array.from(otherWords, (word) => image.addressOf(word)),
    headerBytes: headBytes(runtime).map((bytes) => Math.max(0, bytes)),
    firstPlaces: tables.firstPlaces,
    poolAccounts: memory.int32(tables.poolAccounts, tables.pools * P.ACCOUNT_WORDS),
    types: collectTypes(context, registry, names),
    generations,
    consistent: kernels.poolMismatchCount() === 0 && !problems.list().some(({ kind }) => kind === "gc-list"),
    problems: problems.list(),
    mappedBuffers: context.mappedBuffers,
    unowned,
    graph: streams?.finish(kernels),
    usedBytes: (place, room) => {
      const about = memory.load(tables.descriptor + place);
      const isObject = ((about >>> P.STATE_SHIFT) & 7) === P.STATE_OBJECT;
      const fixed = isObject ? context.rows.get(about & P.TYPE_MASK, P.ROW_PLACE_BYTES) : 0;
      const bytes = fixed !== 0 ? fixed : (largeBytes.get(place) ?? memory.load(tables.bytes + place) >>> 0);
      return Math.min(bytes, room);
    },
  };
}

function collectTypes({ rows }: ObjectContext, registry: TypeRegistry, names: TypeNames): DecodedTypes {
  const { length } = registry;
  const sums = (field: number) => Float64Array.from({ length }, (_, row) => rows.sum(row, field));
  const named = registry.addresses.map((address, row) =>
    row === 0 ? { name: "other types", module: "" } : names.nameOf(address),
  );
  const count = sums(P.ROW_COUNT);
  const shallowBytes = sums(P.ROW_SHALLOW);
  return {
    length,
    address: Float64Array.from(registry.addresses),
    name: named.map(({ name }) => name),
    module: named.map(({ module }) => module),
    count,
    shallowBytes,
    ownedBytes: sums(P.ROW_EXTRA).map((extra, row) => extra + shallowBytes[row] + count[row] * inPlaceExtraBytes(rows, row)),
    residentBytes: sums(P.ROW_RESIDENT),
    inPlaceExtraBytes: Uint32Array.from({ length }, (_, row) => inPlaceExtraBytes(rows, row)),
    isMetatype: Uint8Array.from({ length }, (_, row) => ((rows.get(row, P.ROW_FLAGS) & P.FLAG_METATYPE) === 0 ? 0 : 1)),
  };
}

/** Values that lie behind the instances of a type. */
function inPlaceExtraBytes(rows: RowTable, row: number): number {
  if ((rows.get(row, P.ROW_FLAGS) & P.FLAG_INLINE_VALUES) === 0) return 0;
  const own = rows.get(row, P.ROW_HEAD_SHALLOW) + roundUp(rows.get(row, P.ROW_BASIC_BYTES), 8);
  return Math.max(0, rows.get(row, P.ROW_PLACE_BYTES) - own);
}
