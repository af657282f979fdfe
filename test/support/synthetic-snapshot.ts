import { GIB, KIB, MIB, PAGE_BYTES } from "../../src/base/units.ts";
import { packDescriptor, SnapshotChunkState, SnapshotPageState, UNTRACKED_GENERATION } from "../../src/snapshot/states.ts";
import {
  ClaimKind,
  type MallocTables,
  MappingKind,
  ObjectState,
  type ObjectTables,
  OwnerKind,
  type PymallocTables,
  type Snapshot,
  type TypeTable,
} from "../../src/snapshot/tables.ts";

/**
 * An invented process of about 60 MiB whose tables agree with each other as those of a real one do: mappings sum to Rss, the
 * columns of a pool to its pages, chunks tile their arena, types sum to what lies in blocks and chunks.
 */
export interface SyntheticOptions {
  /** Names of the types, as `module.name` pairs; the first is the type of types. */
  readonly types?: readonly (readonly [module: string, name: string])[];
  readonly processName?: string;
  /** Path of a mapped file. */
  readonly filePath?: string;
}

const DEFAULT_TYPES: readonly (readonly [string, string])[] = [
  ["", "type"],
  ["", "dict"],
  ["", "str"],
  ["parley.proto", "Message"],
  ["parley.session", "Session"],
  ["collections", "deque"],
  ["", "tuple"],
];

export const POOL_BYTES = 16 * KIB;
export const POOL_HEADER_BYTES = 48;
export const ALIGNMENT = 16;
export const GC_HEADER_BYTES = 16;
const ARENA_BYTES = MIB;
const ARENAS = 24;
const POOLS_PER_ARENA = ARENA_BYTES / POOL_BYTES;
/** Bytes of each rounded block that its object does not need. */
const ROUNDING_BYTES = 8;
/** glibc's chunk header, and what of it is lost to a chunk in use. */
const CHUNK_HEADER_BYTES = 16;
const CHUNK_LOSS_BYTES = 8;

export const ADDRESSES = {
  libraryCode: 0x40_0000,
  libraryData: 0x80_0000,
  heap: 0x100_0000,
  arenas: 0x7f00_0000_0000,
  threadHeap: 0x7f10_0000_0000,
  mappedChunk: 0x7f20_0000_0000,
  file: 0x7f30_0000_0000,
  stack: 0x7f40_0000_0000,
  nobody: 0x7f50_0000_0000,
} as const;

interface Region {
  readonly start: number;
  readonly bytes: number;
  /** From the start; the rest was never touched. */
  readonly residentBytes: number;
  readonly kind: number;
  readonly permissions: string;
  readonly path: string;
  readonly library: number;
  readonly part: string;
  readonly thread: number;
  readonly claim?: { readonly kind: number; readonly label: string };
}

export function syntheticSnapshot(options: SyntheticOptions = {}): Snapshot {
  const names = options.types ?? DEFAULT_TYPES;
  const regions = layRegions(options.filePath ?? "/srv/parley/index.mm");
  const pool = fillPools(names.length);
  const malloc = fillHeap(pool.descriptor.length, names.length);
  const residentBytes = regions.reduce((sum, region) => sum + region.residentBytes, 0);
  const objects = joinObjects(pool, malloc);
  return {
    process: {
      pid: 41207,
      commandLine: ["/usr/bin/python3.11", "gateway.py"],
      name: options.processName ?? "im-gateway",
      python: "CPython 3.11.7",
      allocator: "glibc 2.36",
      startedSecondsAgo: 3 * 86_400 + 4 * 3600 + 60,
      residentBytes,
      peakResidentBytes: residentBytes + 4 * MIB,
      virtualBytes: 2 * GIB,
      proportionalBytes: residentBytes - 3 * MIB,
      uniqueBytes: residentBytes - 5 * MIB,
      swappedBytes: 0,
      hugetlbBytes: 0,
      pageTableBytes: 300 * KIB,
      anonymousHugeBytes: 0,
      minorFaults: 41_234,
      majorFaults: 12,
      threads: 38,
      settings: { cores: 4, environment: { MALLOC_ARENA_MAX: "2" } },
    },
    capture: {
      takenAt: "2026-03-04T14:02:37.000Z",
      pausedMilliseconds: 12.4,
      totalPausedMilliseconds: 12.4,
      bytesCopied: 50 * MIB,
      attempts: 1,
      consistent: true,
      complete: true,
      swappedBytesNotRead: 0,
      method: "ptrace",
      reader: "process_vm_readv",
    },
    mappings: mappingTable(regions),
    pages: {
      length: regions.length,
      start: Float64Array.from(regions, (region) => region.start),
      end: Float64Array.from(regions, (region) => region.start + region.residentBytes),
      state: Uint8Array.from(regions, (region) => SnapshotPageState.present | SnapshotPageState.counted | sharedBit(region)),
    },
    claims: claimTable(regions),
    malloc: [malloc.tables],
    pymalloc: pool.tables,
    types: typeTable(names, pool, malloc),
    objects,
    unowned: undefined,
    graph: undefined,
    interpreters: [
      {
        address: ADDRESSES.libraryData + PAGE_BYTES,
        id: 0,
        collecting: false,
        enabled: true,
        generations: [
          { threshold: 700, count: 12, objects: 512 },
          { threshold: 10, count: 3, objects: 4096 },
          { threshold: 10, count: 1, objects: 90_000 },
        ],
        permanentObjects: 0,
        internedStrings: 4711,
        freeLists: { float: 3, tuple: 20 },
      },
    ],
    threads: [{ tid: 41207, name: "python3", interpreter: 0, frames: [{ function: "main", file: "gateway.py", line: 12 }] }],
    libraries: ["/usr/bin/python3.11", "/usr/lib/libssl.so.3"],
    problems: [],
  };
}

function sharedBit(region: Region): number {
  const ofFile = region.kind === MappingKind.file || (region.kind === MappingKind.library && region.part === "code");
  return ofFile ? SnapshotPageState.fileOrShared : SnapshotPageState.exclusive;
}

function layRegions(filePath: string): Region[] {
  const anonymous = { kind: MappingKind.anonymous, permissions: "rw-p", path: "", library: -1, part: "", thread: -1 };
  const library = { ...anonymous, kind: MappingKind.library, path: "/usr/bin/python3.11", library: 0 };
  const mallocClaim = { kind: ClaimKind.malloc, label: "malloc" };
  const { libraryCode, libraryData, heap, arenas, threadHeap, mappedChunk, file, stack, nobody } = ADDRESSES;
  const region = (
    start: number,
    bytes: number,
    residentBytes: number,
    facts: Omit<Region, "start" | "bytes" | "residentBytes">,
  ) => ({
    start,
    bytes,
    residentBytes,
    ...facts,
  });
  return [
    region(libraryCode, 3 * MIB, 2 * MIB + 40 * KIB, { ...library, permissions: "r-xp", part: "code" }),
    region(libraryData, MIB, 700 * KIB, { ...library, part: "data" }),
    region(heap, 16 * MIB, 15 * MIB, { ...anonymous, kind: MappingKind.heap, path: "[heap]", claim: mallocClaim }),
    region(arenas, ARENAS * ARENA_BYTES, ARENAS * ARENA_BYTES - MIB / 2, {
      ...anonymous,
      claim: { kind: ClaimKind.pymalloc, label: "pymalloc" },
    }),
    region(threadHeap, 4 * MIB, 4 * MIB, { ...anonymous, claim: mallocClaim }),
    region(mappedChunk, 8 * MIB, 8 * MIB, { ...anonymous, claim: mallocClaim }),
    region(file, 4 * MIB, 3 * MIB, { ...anonymous, kind: MappingKind.file, permissions: "r--p", path: filePath }),
    region(stack, 8 * MIB, 132 * KIB, {
      ...anonymous,
      kind: MappingKind.stack,
      path: "[stack]",
      thread: 41207,
      claim: { kind: ClaimKind.stack, label: "stack of thread 41207" },
    }),
    region(nobody, 64 * KIB, 64 * KIB, anonymous),
  ];
}

function mappingTable(regions: readonly Region[]): Snapshot["mappings"] {
  return {
    length: regions.length,
    start: Float64Array.from(regions, (region) => region.start),
    end: Float64Array.from(regions, (region) => region.start + region.bytes),
    kind: Uint8Array.from(regions, (region) => region.kind),
    permissions: regions.map((region) => region.permissions),
    path: regions.map((region) => region.path),
    library: Int32Array.from(regions, (region) => region.library),
    thread: Int32Array.from(regions, (region) => region.thread),
    residentBytes: Float64Array.from(regions, (region) => region.residentBytes),
    swappedBytes: new Float64Array(regions.length),
    part: regions.map((region) => region.part),
  };
}

function claimTable(regions: readonly Region[]): Snapshot["claims"] {
  const claimed = regions.flatMap(({ start, bytes, claim }) => (claim ? [{ start, end: start + bytes, ...claim }] : []));
  return {
    length: claimed.length,
    start: Float64Array.from(claimed, (claim) => claim.start),
    end: Float64Array.from(claimed, (claim) => claim.end),
    kind: Uint8Array.from(claimed, (claim) => claim.kind),
    label: claimed.map((claim) => claim.label),
  };
}

/** Places of one stratum, in the order of its tables. */
interface Places {
  readonly descriptor: number[];
  readonly bytes: number[];
  readonly link: number[];
}

interface PoolFill extends Places {
  readonly tables: PymallocTables;
}

/** Carves pools by a fixed pattern: most used, some arenas with empty pools, the last one half untouched. */
function fillPools(types: number): PoolFill {
  const places: Places = { descriptor: [], bytes: [], link: [] };
  const pools: { address: number; arena: number; sizeClass: number; used: number; first: number; parts: PoolParts }[] = [];
  const usedBlocks = new Float64Array(ARENAS);
  const freeBlocks = new Float64Array(ARENAS);
  const carved = new Uint16Array(ARENAS);
  for (let arena = 0; arena < ARENAS; arena++) {
    carved[arena] = arena === ARENAS - 1 ? 10 : POOLS_PER_ARENA - (arena % 5) * 6;
    for (let index = 0; index < carved[arena]; index++) {
      const sizeClass = (arena * 7 + index) % 32;
      const blockBytes = (sizeClass + 1) * ALIGNMENT;
      const room = Math.floor((POOL_BYTES - POOL_HEADER_BYTES) / blockBytes);
      const used = Math.max(1, Math.floor((room * (((arena * 13 + index * 5) % 10) + 1)) / 10));
      const first = places.descriptor.length;
      const parts = fillPool(places, blockBytes, room, used, types);
      pools.push({
        address: ADDRESSES.arenas + arena * ARENA_BYTES + index * POOL_BYTES,
        arena,
        sizeClass,
        used,
        first,
        parts,
      });
      usedBlocks[arena] += used;
      freeBlocks[arena] += room - used;
    }
  }
  const column = (part: keyof PoolParts) => Uint16Array.from(pools, (pool) => pool.parts[part]);
  const tables: PymallocTables = {
    poolBytes: POOL_BYTES,
    alignment: ALIGNMENT,
    poolHeaderBytes: POOL_HEADER_BYTES,
    arenas: {
      length: ARENAS,
      address: Float64Array.from({ length: ARENAS }, (_, arena) => ADDRESSES.arenas + arena * ARENA_BYTES),
      bytes: new Float64Array(ARENAS).fill(ARENA_BYTES),
      residentBytes: new Float64Array(ARENAS).fill(ARENA_BYTES).fill(ARENA_BYTES / 2, ARENAS - 1),
      interpreter: new Uint16Array(ARENAS),
      pools: new Uint16Array(ARENAS).fill(POOLS_PER_ARENA),
      freePools: carved.map((count) => POOLS_PER_ARENA - count),
      usedBlocks,
      freeBlocks,
    },
    pools: {
      length: pools.length,
      address: Float64Array.from(pools, (pool) => pool.address),
      arena: Uint32Array.from(pools, (pool) => pool.arena),
      sizeClass: Uint8Array.from(pools, (pool) => pool.sizeClass),
      usedBlocks: Uint16Array.from(pools, (pool) => pool.used),
      firstObject: Uint32Array.from(pools, (pool) => pool.first),
      objectBytes: column("objectBytes"),
      roundingBytes: column("roundingBytes"),
      freeBytes: column("freeBytes"),
      freeListBytes: column("freeListBytes"),
      runtimeBytes: column("runtimeBytes"),
      unownedBytes: column("unownedBytes"),
      headerBytes: column("headerBytes"),
    },
  };
  return { ...places, tables };
}

interface PoolParts {
  objectBytes: number;
  roundingBytes: number;
  freeBytes: number;
  freeListBytes: number;
  runtimeBytes: number;
  unownedBytes: number;
  headerBytes: number;
}

/** Blocks 1 and 2 of every seventeen serve no object; block 3 is a buffer of the block before it; the rest are objects. */
function fillPool(places: Places, blockBytes: number, room: number, used: number, types: number): PoolParts {
  const parts: PoolParts = {
    objectBytes: 0,
    roundingBytes: 0,
    freeBytes: (room - used) * blockBytes,
    freeListBytes: 0,
    runtimeBytes: 0,
    unownedBytes: 0,
    headerBytes: POOL_BYTES - room * blockBytes,
  };
  for (let block = 0; block < room; block++) {
    const place = places.descriptor.length;
    const net = block % 3 === 0 ? blockBytes - ROUNDING_BYTES : blockBytes;
    const kind = block >= used ? ObjectState.free : kindOfBlock(block);
    const header = kind === ObjectState.object && blockBytes >= 3 * GC_HEADER_BYTES ? 1 : 0;
    const generation = header === 1 ? block % 3 : UNTRACKED_GENERATION;
    places.descriptor.push(packDescriptor(kind === ObjectState.object ? block % types : 0, kind, header, generation));
    places.bytes.push(kind === ObjectState.free ? 0 : net);
    places.link.push(kind === ObjectState.buffer ? place - 1 : 1 + (block % 4));
    if (kind === ObjectState.free) continue;
    parts.roundingBytes += blockBytes - net;
    parts[partOfKind(kind)] += net;
  }
  return parts;
}

function kindOfBlock(block: number): number {
  const pattern = block % 17;
  if (pattern === 1) return ObjectState.freeList;
  if (pattern === 2) return block % 2 === 0 ? ObjectState.raw : ObjectState.runtime;
  return pattern === 4 ? ObjectState.buffer : ObjectState.object;
}

function partOfKind(kind: number): "objectBytes" | "freeListBytes" | "runtimeBytes" | "unownedBytes" {
  if (kind === ObjectState.object || kind === ObjectState.buffer) return "objectBytes";
  if (kind === ObjectState.freeList) return "freeListBytes";
  return kind === ObjectState.runtime ? "runtimeBytes" : "unownedBytes";
}

interface ChunkFill extends Places {
  readonly tables: MallocTables;
}

interface Chunk {
  readonly address: number;
  readonly bytes: number;
  readonly state: number;
  readonly arena: number;
  readonly ownerKind: number;
  readonly owner: number;
  readonly usedBytes: number;
}

/** Tiles the main heap, a thread's heap and two mmapped chunks. */
function fillHeap(firstPlace: number, types: number): ChunkFill {
  const chunks: Chunk[] = [
    ...tile(ADDRESSES.heap, 16 * MIB, 0, 2 * MIB, firstPlace),
    ...tile(ADDRESSES.threadHeap, 4 * MIB, 1, 128 * KIB, firstPlace),
    ...[0, 1].map((index) => ({
      address: ADDRESSES.mappedChunk + index * 4 * MIB,
      bytes: 4 * MIB,
      state: SnapshotChunkState.mapped,
      arena: 0xffff,
      ownerKind: OwnerKind.buffer,
      owner: 0,
      usedBytes: 4 * MIB - CHUNK_HEADER_BYTES,
    })),
  ];
  const sumOf = (arena: number, ...states: number[]) =>
    chunks.reduce((sum, chunk) => (chunk.arena === arena && states.includes(chunk.state) ? sum + chunk.bytes : sum), 0);
  const { inUse, overhead, free, fast, cached, top } = SnapshotChunkState;
  const arena = (index: number, start: number, bytes: number, residentBytes: number) => ({
    address: start + 32,
    main: index === 0,
    systemBytes: bytes,
    residentBytes,
    inUseBytes: sumOf(index, inUse, overhead),
    freeBytes: sumOf(index, free),
    fastBytes: sumOf(index, fast),
    cachedBytes: sumOf(index, cached),
    topBytes: sumOf(index, top),
    chunks: chunks.filter((chunk) => chunk.arena === index).length,
    freeChunks: chunks.filter((chunk) => chunk.arena === index && chunk.state === free).length,
    threads: [],
    ranges: [{ start, end: start + bytes }],
  });
  return {
    descriptor: chunks.map(({ ownerKind }, index) =>
      packDescriptor(
        index % types,
        ownerKind === OwnerKind.object ? ObjectState.object : stateOfOwner(ownerKind),
        0,
        UNTRACKED_GENERATION,
      ),
    ),
    bytes: chunks.map((chunk) => chunk.usedBytes),
    link: chunks.map((chunk) => (chunk.ownerKind === OwnerKind.buffer ? chunk.owner : 1)),
    tables: {
      allocator: "glibc",
      variant: "2.30–2.41",
      arenas: [arena(0, ADDRESSES.heap, 16 * MIB, 15 * MIB), arena(1, ADDRESSES.threadHeap, 4 * MIB, 4 * MIB)],
      mapped: { count: 2, bytes: 8 * MIB },
      sizeClasses: undefined,
      freePages: undefined,
      settings: {
        mmapThreshold: 32 * MIB,
        mmapMax: 65_536,
        trimThreshold: 64 * MIB,
        topPad: 128 * KIB,
        dynamicThreshold: true,
        arenaMax: 0,
      },
      headerBytes: CHUNK_HEADER_BYTES,
      chunks: {
        length: chunks.length,
        address: Float64Array.from(chunks, (chunk) => chunk.address),
        bytes: Float64Array.from(chunks, (chunk) => chunk.bytes),
        state: Uint8Array.from(chunks, (chunk) => chunk.state),
        arena: Uint16Array.from(chunks, (chunk) => chunk.arena),
        ownerKind: Uint8Array.from(chunks, (chunk) => chunk.ownerKind),
        owner: Int32Array.from(chunks, (chunk) => chunk.owner),
        usedBytes: Float64Array.from(chunks, (chunk) => chunk.usedBytes),
      },
    },
  };
}

function stateOfOwner(ownerKind: number): number {
  if (ownerKind === OwnerKind.buffer) return ObjectState.buffer;
  return ownerKind === OwnerKind.library ? ObjectState.library : ObjectState.raw;
}

/** Chunks of changing sizes and states up to a top of `topBytes`. */
function tile(start: number, bytes: number, arena: number, topBytes: number, firstPlace: number): Chunk[] {
  const sizes = [1040, 4096, 112, 20_000, 640, 2064];
  const states = [0, 0, 1, 0, 2, 0, 3, 0, 1, 6];
  const owners = [OwnerKind.buffer, OwnerKind.none, OwnerKind.library, OwnerKind.object];
  const chunks: Chunk[] = [];
  const end = start + bytes;
  let index = arena;
  for (let address = start; address < end; index++) {
    const last = end - topBytes - address;
    const atTop = last <= 0;
    const size = atTop ? end - address : Math.min(last, sizes[index % sizes.length]);
    const state = atTop ? SnapshotChunkState.top : states[index % states.length];
    const inUse = state === SnapshotChunkState.inUse;
    const ownerKind = inUse ? owners[index % owners.length] : OwnerKind.none;
    const owner =
      ownerKind === OwnerKind.buffer
        ? 0
        : ownerKind === OwnerKind.object
          ? firstPlace + index
          : ownerKind === OwnerKind.library
            ? 1
            : -1;
    chunks.push({ address, bytes: size, state, arena, ownerKind, owner, usedBytes: inUse ? size - CHUNK_LOSS_BYTES : 0 });
    address += size;
  }
  return chunks;
}

/** One static object behind pools and chunks: a type in the program's data. */
function joinObjects(pool: PoolFill, malloc: ChunkFill): ObjectTables {
  const descriptor = [...pool.descriptor, ...malloc.descriptor, packDescriptor(0, ObjectState.object, 0, UNTRACKED_GENERATION)];
  return {
    length: descriptor.length,
    poolPlaces: pool.descriptor.length,
    chunkPlaces: malloc.descriptor.length,
    descriptor: Uint32Array.from(descriptor),
    bytes: Uint32Array.from([...pool.bytes, ...malloc.bytes, 408]),
    largeBytes: new Map(),
    link: Uint32Array.from([...pool.link, ...malloc.link, 0xffff_ffff]),
    otherAddress: Float64Array.of(ADDRESSES.libraryData + 2 * PAGE_BYTES),
    headerBytes: [0, GC_HEADER_BYTES, 0, 0],
    debugBytes: 0,
  };
}

function typeTable(names: readonly (readonly [string, string])[], pool: PoolFill, malloc: ChunkFill): TypeTable {
  const table = {
    length: names.length,
    address: Float64Array.from(names, (_, index) => ADDRESSES.libraryData + 2 * PAGE_BYTES + index * 512),
    name: names.map(([, name]) => name),
    module: names.map(([module]) => module),
    count: new Float64Array(names.length),
    shallowBytes: new Float64Array(names.length),
    ownedBytes: new Float64Array(names.length),
    residentBytes: new Float64Array(names.length),
  };
  const places = [pool, malloc].flatMap(({ descriptor, bytes, link }) =>
    descriptor.map((word, index) => ({
      type: word & 0xff_ffff,
      state: (word >>> 24) & 7,
      bytes: bytes[index],
      link: link[index],
    })),
  );
  for (const place of places) {
    if (place.state === ObjectState.object) {
      table.count[place.type]++;
      table.shallowBytes[place.type] += place.bytes;
    }
    if (place.state !== ObjectState.object && place.state !== ObjectState.buffer) continue;
    const type = place.state === ObjectState.buffer ? places[place.link].type : place.type;
    table.ownedBytes[type] += place.bytes;
    table.residentBytes[type] += place.bytes;
  }
  return table;
}
