/**
 * The tables of a snapshot. They come first in memory; the file of a later version is their image.
 * Struct of arrays with explicit `length`; indexes are -1 for none; addresses and bytes are doubles.
 */
import type { Problem } from "../base/problems.ts";
import type { GraphTables } from "./graph-tables.ts";

export interface Snapshot {
  readonly process: ProcessFacts;
  readonly capture: CaptureFacts;
  readonly mappings: MappingTable;
  readonly pages: PageRunTable;
  readonly claims: ClaimTable;
  readonly malloc: readonly MallocTables[];
  readonly pymalloc: PymallocTables | undefined;
  readonly types: TypeTable;
  readonly objects: ObjectTables | undefined;
  /** Native memory that has no owner, its largest groups; undefined in files of before and without a Python. */
  readonly unowned: readonly UnownedGroup[] | undefined;
  /** Who refers to whom; undefined when the capture was not asked for it or found no Python. */
  readonly graph: GraphTables | undefined;
  readonly interpreters: readonly InterpreterFacts[];
  readonly threads: readonly ThreadFacts[];
  readonly libraries: readonly string[];
  readonly problems: readonly Problem[];
}

export interface ProcessFacts {
  readonly pid: number;
  /** Interpreter and script only: arguments may hold secrets. */
  readonly commandLine: readonly string[];
  /** Short name for headings: script, module or comm. */
  readonly name: string;
  /** Such as "CPython 3.11.7"; undefined when no CPython was recognised. */
  readonly python: string | undefined;
  /** Such as "glibc"; undefined when the allocator was not recognised. */
  readonly allocator: string | undefined;
  readonly startedSecondsAgo: number;
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
  readonly virtualBytes: number;
  readonly proportionalBytes: number;
  readonly uniqueBytes: number;
  readonly swappedBytes: number;
  readonly hugetlbBytes: number;
  readonly pageTableBytes: number;
  readonly anonymousHugeBytes: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly threads: number;
  /** What its allocators were told and see; undefined in snapshots that were taken before this was kept. */
  readonly settings: ProcessSettings | undefined;
}

/** What decides how allocators behave, beside their own state. */
export interface ProcessSettings {
  /** Processors of the machine that are online. */
  readonly cores: number;
  /** Allocators' own variables of the environment that the process was started with, and no others. Hostile text. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface CaptureFacts {
  /** ISO 8601, UTC. */
  readonly takenAt: string;
  readonly pausedMilliseconds: number;
  readonly totalPausedMilliseconds: number;
  readonly bytesCopied: number;
  readonly attempts: number;
  readonly consistent: boolean;
  readonly complete: boolean;
  readonly swappedBytesNotRead: number;
  /** How it was stopped and read, for the closing line and `doctor`. */
  readonly method: string;
  readonly reader: string;
}

/** What a mapping is. */
export const MappingKind = {
  /** Private memory of no file. */
  anonymous: 0,
  /** The brk heap. */
  heap: 1,
  /** A thread's stack (the main thread's included). */
  stack: 2,
  /** Executable or library: code, read-only data, data and bss. */
  library: 3,
  /** A file that is no library. */
  file: 4,
  /** Shared memory: memfd, /dev/shm, System V, shared anonymous. */
  shared: 5,
  /** vdso, vvar, vsyscall. */
  kernel: 6,
  /** Memory of a device. */
  device: 7,
} as const;

export interface MappingTable {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** `MappingKind` */
  readonly kind: Uint8Array;
  readonly permissions: readonly string[];
  /** Path or pseudo name; hostile text. */
  readonly path: readonly string[];
  /** Index into `libraries`, -1 when not one; bss belongs to its library. */
  readonly library: Int32Array;
  /** Kernel thread id of a stack, -1 otherwise. */
  readonly thread: Int32Array;
  readonly residentBytes: Float64Array;
  readonly swappedBytes: Float64Array;
  /** For `library`: "code", "read-only data", "data", "bss", "header"; otherwise empty. */
  readonly part: readonly string[];
}

/** Runs of pages; `state` bits as of `target/process-image`. */
export interface PageRunTable {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly state: Uint8Array;
}

/** Who, other than a malloc or pymalloc, recognises memory of anonymous mappings. Disjoint, ascending. */
export const ClaimKind = {
  stack: 0,
  threadLocal: 1,
  /** The dynamic loader's own allocations. */
  loader: 2,
  /** A structure of the Python runtime outside malloc (frame stacks, arena tables). */
  runtime: 3,
  /** A malloc heap, segment or mapped chunk: details in the chunk table. */
  malloc: 4,
  /** A pymalloc arena: details in the pool table. */
  pymalloc: 5,
  /** A mapping whose start a library's data points at. */
  library: 6,
  /** A mapping that a Python object owns; it counts for the object's type. */
  object: 7,
} as const;

export interface ClaimTable {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** `ClaimKind` */
  readonly kind: Uint8Array;
  /** What precisely, for people. */
  readonly label: readonly string[];
}

/** Who a chunk, or a block that is no object, serves. */
export const OwnerKind = {
  none: 0,
  /** The chunk holds an object: `owner` is its object index. */
  object: 1,
  /** A buffer that an object owns: `owner` is the owner's object index. */
  buffer: 2,
  /** The Python runtime. */
  runtime: 3,
  /** A library whose data points at it: `owner` is the library's index. */
  library: 4,
  /** A pymalloc arena. */
  pymalloc: 5,
  /** The allocator's own. */
  allocator: 6,
} as const;

export interface MallocTables {
  readonly allocator: string;
  readonly variant: string;
  readonly arenas: readonly MallocArenaFacts[];
  readonly mapped: { readonly count: number; readonly bytes: number };
  /** Ascending by size; undefined for glibc, which has none. */
  readonly sizeClasses: readonly SizeClassFacts[] | undefined;
  /** Whole free pages (chunks in state `top`) by how they are kept; undefined or empty for glibc. */
  readonly freePages: readonly FreePagesFacts[] | undefined;
  readonly settings: MallocSettingsFacts | undefined;
  readonly headerBytes: number;
  readonly chunks: {
    readonly length: number;
    readonly address: Float64Array;
    readonly bytes: Float64Array;
    /** As `ChunkState` of strata/malloc. */
    readonly state: Uint8Array;
    readonly arena: Uint16Array;
    /** `OwnerKind` */
    readonly ownerKind: Uint8Array;
    readonly owner: Int32Array;
    /** Bytes that the owner uses of it, header and rounding excluded. */
    readonly usedBytes: Float64Array;
  };
}

export interface MallocArenaFacts {
  readonly address: number;
  readonly main: boolean;
  readonly systemBytes: number;
  readonly residentBytes: number;
  readonly inUseBytes: number;
  readonly freeBytes: number;
  readonly fastBytes: number;
  readonly cachedBytes: number;
  readonly topBytes: number;
  readonly chunks: number;
  readonly freeChunks: number;
  readonly threads: readonly number[];
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
}

/** Allocations of one size, counted: in the program's hands, in caches of threads, places without one in pages of this size. */
export interface SizeClassFacts {
  readonly bytes: number;
  readonly live: number;
  readonly cached: number;
  readonly free: number;
  readonly residentBytes: number;
}

export interface FreePagesFacts {
  /** In the allocator's own words, such as "dirty". */
  readonly state: string;
  readonly bytes: number;
  readonly residentBytes: number;
}

export interface MallocSettingsFacts {
  readonly mmapThreshold: number;
  readonly mmapMax: number;
  readonly trimThreshold: number;
  readonly topPad: number;
  readonly dynamicThreshold: boolean;
  readonly arenaMax: number;
}

export interface PymallocTables {
  readonly poolBytes: number;
  readonly alignment: number;
  readonly poolHeaderBytes: number;
  readonly arenas: {
    readonly length: number;
    readonly address: Float64Array;
    readonly bytes: Float64Array;
    readonly residentBytes: Float64Array;
    readonly interpreter: Uint16Array;
    readonly pools: Uint16Array;
    readonly freePools: Uint16Array;
    readonly usedBlocks: Float64Array;
    readonly freeBlocks: Float64Array;
  };
  /** Pools with a block in use. Resident bytes by what they hold; the columns of a pool sum to its resident bytes. */
  readonly pools: {
    readonly length: number;
    readonly address: Float64Array;
    readonly arena: Uint32Array;
    readonly sizeClass: Uint8Array;
    readonly usedBlocks: Uint16Array;
    /** First block's object index; block b of the pool is object index firstObject + b. */
    readonly firstObject: Uint32Array;
    /** Objects and the buffers that they own. */
    readonly objectBytes: Uint16Array;
    readonly roundingBytes: Uint16Array;
    readonly freeBytes: Uint16Array;
    /** Dead objects kept in CPython's free lists. */
    readonly freeListBytes: Uint16Array;
    /** In use by the Python runtime or a library. */
    readonly runtimeBytes: Uint16Array;
    /** In use, owner not known. */
    readonly unownedBytes: Uint16Array;
    /** Pool header and tail. */
    readonly headerBytes: Uint16Array;
  };
}

/** Types that have an instance or are one, in order of discovery. */
export interface TypeTable {
  readonly length: number;
  readonly address: Float64Array;
  /** Qualified name, without the module. */
  readonly name: readonly string[];
  /** Module, empty when unknown or builtins. */
  readonly module: readonly string[];
  readonly count: Float64Array;
  readonly shallowBytes: Float64Array;
  readonly ownedBytes: Float64Array;
  /** Bytes of the ledger's Objects leaf. */
  readonly residentBytes: Float64Array;
}

/** State of a place where an object may be. */
export const ObjectState = {
  free: 0,
  /** In use, no object, owner not known. */
  raw: 1,
  object: 2,
  /** In use, no object: a buffer of an object (`link` is the owner's object index). */
  buffer: 3,
  /** A dead object in a free list of CPython. */
  freeList: 4,
  /** Of the Python runtime. */
  runtime: 5,
  /** Of a library (`link` is the library's index). */
  library: 6,
} as const;

/**
 * Every place that can hold an object. An object index is a block's ordinal: first all blocks of all pools in address order,
 * then every chunk of the malloc tables in order, then objects in static or other memory in order of discovery.
 */
export interface ObjectTables {
  readonly length: number;
  /** Places in pools; places of chunks follow, then `chunkPlaces` later the others. */
  readonly poolPlaces: number;
  readonly chunkPlaces: number;
  /**
   * Bits 0–23 type index (of a buffer: 1 when its bytes come on top of its owner's shallow size, else 0; of a raw place: `UnownedKind`), 24–26 `ObjectState`, 27–28 header code, 29–30 generation (3 = untracked, permanent
   * counts as 2), 31 two debug headers instead of one.
   */
  readonly descriptor: Uint32Array;
  /** Shallow bytes of an object (sys.getsizeof), used bytes of a buffer; 0xffffffff: see `largeBytes`. */
  readonly bytes: Uint32Array;
  readonly largeBytes: ReadonlyMap<number, number>;
  /** Reference count of an object (0xffffffff immortal), owner's object index of a buffer, library index. */
  readonly link: Uint32Array;
  /** Addresses of the objects that lie neither in pools nor in chunks. */
  readonly otherAddress: Float64Array;
  /** Bytes from a place's first byte to the object's for each header code. */
  readonly headerBytes: readonly number[];
  /** Bytes that a debug allocator puts before every block, 0 or 16. */
  readonly debugBytes: number;
}

/** What is known of memory in use that has no owner. */
export const UnownedKind = {
  /** Not looked at, since there is no Python. */
  unknown: 0,
  /** A thread's stack or thread-local data points at it: `link` is the thread's row. */
  thread: 1,
  /** Other memory of the process points at it: mappings of no library and no allocator. */
  elsewhere: 2,
  /** Only memory points at it that is itself held by nobody. */
  chained: 3,
  /** The same, and it begins as objects of a library's C++ classes do: `link` is the library's index. */
  guessed: 4,
  /** Nothing points at it. */
  leaked: 5,
} as const;

/** Chunks of one size that are unowned in the same way. */
export interface UnownedGroup {
  /** `UnownedKind` */
  readonly kind: number;
  /** Thread's row or library's index as in `link`, -1 for none. */
  readonly owner: number;
  /** Bytes that each can hold. */
  readonly bytes: number;
  readonly chunks: number;
  readonly samples: readonly UnownedSample[];
}

export interface UnownedSample {
  readonly address: number;
  /**
   * What its first words are, a letter for each: `o` a pointer to an object, `m` to other memory, `s` to a stack, `c` to code, `r` to
   * constants, `d` to data of a library, `0` zero, `.` anything else. No contents.
   */
  readonly pattern: string;
}

export interface InterpreterFacts {
  readonly address: number;
  readonly id: number;
  readonly collecting: boolean;
  readonly enabled: boolean;
  readonly generations: readonly { readonly threshold: number; readonly count: number; readonly objects: number }[];
  readonly permanentObjects: number;
  readonly internedStrings: number | undefined;
  /** Dead objects kept for reuse, by free list. */
  readonly freeLists: Readonly<Record<string, number>>;
}

export interface ThreadFacts {
  readonly tid: number;
  /** comm; hostile text. */
  readonly name: string;
  readonly interpreter: number;
  /** Innermost first. */
  readonly frames: readonly { readonly function: string; readonly file: string; readonly line: number | undefined }[];
}
