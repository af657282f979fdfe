/** Which columns and facts a snapshot file has: the tables of `tables.ts`, table by table. Writer, reader and docs/format.md follow it. */
import type { Problem } from "../../base/problems.ts";
import {
  type CodeTable,
  type ContentTable,
  type GraphTables,
  type NameTable,
  type ReferenceTables,
  RootKind,
  type RootTable,
  TypeForm,
  type TypeGraphTable,
  UncountedKind,
  type ValueTable,
} from "../graph-tables.ts";
import { SnapshotChunkState } from "../states.ts";
import {
  type CaptureFacts,
  ClaimKind,
  type ClaimTable,
  type FreePagesFacts,
  type InterpreterFacts,
  type MallocArenaFacts,
  type MallocSettingsFacts,
  type MallocTables,
  MappingKind,
  type MappingTable,
  type ObjectTables,
  OwnerKind,
  type PageRunTable,
  type ProcessFacts,
  type ProcessSettings,
  type PymallocTables,
  type SizeClassFacts,
  type Snapshot,
  type ThreadFacts,
  type TypeTable,
  type UnownedGroup,
  type UnownedSample,
} from "../tables.ts";
import {
  boolean,
  type ColumnNode,
  type Count,
  column,
  list,
  type Node,
  number,
  optional,
  ownTexts,
  pairs,
  record,
  struct,
  text,
  texts,
} from "./schema-nodes.ts";

function countAt(path: string): Count {
  return { text: path, of: (at) => at(path) };
}

/** Codes of a column: those of an enumeration. A new one needs a new format, since an older reader cannot show it. */
function codes(name: string, enumeration: Readonly<Record<string, number>>): ColumnNode<"u8"> {
  const end = Math.max(...Object.values(enumeration)) + 1;
  return column("u8", { below: { text: `${end} (${name})`, of: () => end } });
}

const PLACES = countAt("objects.length");
const TYPES = countAt("types.length");
const LIBRARIES = countAt("libraries");
const REFERENCES = countAt("graph.references.length");
const OFFSETS: Count = { text: "objects.length + 1", of: (at) => at("objects.length") + 1 };
const OTHER_PLACES: Count = {
  text: "objects.length − objects.poolPlaces − objects.chunkPlaces",
  of: (at) => at("objects.length") - at("objects.poolPlaces") - at("objects.chunkPlaces"),
};
/** An end of a row may be the end of the table. */
const REFERENCE_ENDS: Count = { text: "graph.references.length + 1", of: (at) => at("graph.references.length") + 1 };
const FIRST_PLACES: Count = { text: "objects.poolPlaces + 1", of: (at) => at("objects.poolPlaces") + 1 };

const f64 = column("f64");
const u32 = column("u32");
const i32 = column("i32");
const u16 = column("u16");
const u8 = column("u8");
const ascendingAddress = column("f64", { ascending: true });
const ascendingPlace = column("u32", { below: PLACES, ascending: true });
const place = column("u32", { below: PLACES });
const library = column("i32", { below: LIBRARIES });

const PROCESS_SETTINGS = struct<ProcessSettings>({ cores: number, environment: record<string>(text) });

const PROCESS = struct<ProcessFacts>({
  pid: number,
  commandLine: list<string>(text),
  name: text,
  python: optional<string>(text),
  allocator: optional<string>(text),
  startedSecondsAgo: number,
  residentBytes: number,
  peakResidentBytes: number,
  virtualBytes: number,
  proportionalBytes: number,
  uniqueBytes: number,
  swappedBytes: number,
  hugetlbBytes: number,
  pageTableBytes: number,
  anonymousHugeBytes: number,
  minorFaults: number,
  majorFaults: number,
  threads: number,
  settings: optional<ProcessSettings>(PROCESS_SETTINGS),
});

const CAPTURE = struct<CaptureFacts>({
  takenAt: text,
  pausedMilliseconds: number,
  totalPausedMilliseconds: number,
  bytesCopied: number,
  attempts: number,
  consistent: boolean,
  complete: boolean,
  swappedBytesNotRead: number,
  method: text,
  reader: text,
});

const MAPPINGS = struct<MappingTable>({
  length: number,
  start: ascendingAddress,
  end: f64,
  kind: codes("MappingKind", MappingKind),
  permissions: texts,
  path: texts,
  library,
  thread: i32,
  residentBytes: f64,
  swappedBytes: f64,
  part: texts,
});

const PAGES = struct<PageRunTable>({
  length: number,
  start: ascendingAddress,
  end: column("f64", { endOf: "start" }),
  state: u8,
});
const CLAIMS = struct<ClaimTable>({
  length: number,
  start: ascendingAddress,
  end: column("f64", { endOf: "start" }),
  kind: codes("ClaimKind", ClaimKind),
  label: texts,
});

const MALLOC_ARENA = struct<MallocArenaFacts>({
  address: number,
  main: boolean,
  systemBytes: number,
  residentBytes: number,
  inUseBytes: number,
  freeBytes: number,
  fastBytes: number,
  cachedBytes: number,
  topBytes: number,
  chunks: number,
  freeChunks: number,
  threads: list<number>(number),
  ranges: list<MallocArenaFacts["ranges"][number]>(struct<MallocArenaFacts["ranges"][number]>({ start: number, end: number })),
});

const MALLOC_SETTINGS = struct<MallocSettingsFacts>({
  mmapThreshold: number,
  mmapMax: number,
  trimThreshold: number,
  topPad: number,
  dynamicThreshold: boolean,
  arenaMax: number,
});

const SIZE_CLASS = struct<SizeClassFacts>({ bytes: number, live: number, cached: number, free: number, residentBytes: number });
const FREE_PAGES = struct<FreePagesFacts>({ state: text, bytes: number, residentBytes: number });

const MALLOC = struct<MallocTables>({
  allocator: text,
  variant: text,
  arenas: list<MallocArenaFacts>(MALLOC_ARENA),
  mapped: struct<MallocTables["mapped"]>({ count: number, bytes: number }),
  sizeClasses: optional<readonly SizeClassFacts[]>(list<SizeClassFacts>(SIZE_CLASS)),
  freePages: optional<readonly FreePagesFacts[]>(list<FreePagesFacts>(FREE_PAGES)),
  settings: optional<MallocSettingsFacts>(MALLOC_SETTINGS),
  headerBytes: number,
  chunks: struct<MallocTables["chunks"]>({
    length: number,
    address: f64,
    bytes: column("f64", { lengthOf: "address" }),
    state: codes("SnapshotChunkState", SnapshotChunkState),
    arena: u16,
    ownerKind: codes("OwnerKind", OwnerKind),
    owner: i32,
    usedBytes: column("f64", { atMost: "bytes" }),
  }),
});

const PYMALLOC = struct<PymallocTables>({
  poolBytes: number,
  alignment: number,
  poolHeaderBytes: number,
  arenas: struct<PymallocTables["arenas"]>({
    length: number,
    address: f64,
    bytes: f64,
    residentBytes: f64,
    interpreter: u16,
    pools: u16,
    freePools: u16,
    usedBlocks: f64,
    freeBlocks: f64,
  }),
  pools: struct<PymallocTables["pools"]>({
    length: number,
    address: f64,
    arena: column("u32", { below: countAt("pymalloc.arenas.length") }),
    sizeClass: u8,
    usedBlocks: u16,
    firstObject: column("u32", { below: FIRST_PLACES, ascending: true }),
    objectBytes: u16,
    roundingBytes: u16,
    freeBytes: u16,
    freeListBytes: u16,
    runtimeBytes: u16,
    unownedBytes: u16,
    headerBytes: u16,
  }),
});

const TYPE_TABLE = struct<TypeTable>({
  length: number,
  address: f64,
  name: texts,
  module: texts,
  count: f64,
  shallowBytes: f64,
  ownedBytes: f64,
  residentBytes: f64,
});

const OBJECTS = struct<ObjectTables>({
  length: number,
  poolPlaces: number,
  chunkPlaces: number,
  descriptor: u32,
  bytes: u32,
  largeBytes: pairs,
  link: u32,
  otherAddress: column("f64", { rows: OTHER_PLACES }),
  headerBytes: list<number>(number),
  debugBytes: number,
});

const REFERENCE_TABLES = struct<ReferenceTables>({
  length: number,
  offsets: column("u32", { rows: OFFSETS, below: REFERENCE_ENDS, ascending: true }),
  targets: place,
  steps: u8,
  wideSlots: struct<ReferenceTables["wideSlots"]>({
    length: number,
    reference: column("u32", { below: REFERENCES, ascending: true }),
    slot: u32,
  }),
  uncounted: struct<ReferenceTables["uncounted"]>({
    length: number,
    source: ascendingPlace,
    target: place,
    slot: u32,
    kind: codes("UncountedKind", UncountedKind),
  }),
});

const ROOTS = struct<RootTable>({
  length: number,
  kind: codes("RootKind", RootKind),
  target: place,
  owner: i32,
  frame: i32,
  name: texts,
  counted: u8,
});

const GRAPH_TYPES = struct<TypeGraphTable>({
  object: column("i32", { rows: TYPES, below: PLACES }),
  base: column("i32", { rows: TYPES, below: TYPES }),
  form: { ...codes("TypeForm", TypeForm), rows: TYPES },
  flags: column("u8", { rows: TYPES }),
  inPlaceExtraBytes: column("u32", { rows: TYPES }),
  fields: struct<TypeGraphTable["fields"]>({
    length: number,
    type: column("u32", { below: TYPES, ascending: true }),
    position: u32,
    name: texts,
  }),
});

const NAMES = struct<NameTable>({
  length: number,
  object: ascendingPlace,
  text: column("u32", { below: countAt("graph.names.texts") }),
  texts: ownTexts,
});

const CONTENTS = struct<ContentTable>({ length: number, object: ascendingPlace, size: u32, hashLow: u32, hashHigh: u32 });
const CODES = struct<CodeTable>({ length: number, object: ascendingPlace, firstLine: u32 });
const VALUES = struct<ValueTable>({ length: number, object: ascendingPlace, repr: texts, cut: u8 });

const GRAPH = struct<GraphTables>({
  references: REFERENCE_TABLES,
  roots: ROOTS,
  types: GRAPH_TYPES,
  names: NAMES,
  contents: CONTENTS,
  codes: CODES,
  values: optional<ValueTable>(VALUES),
});

const INTERPRETER = struct<InterpreterFacts>({
  address: number,
  id: number,
  collecting: boolean,
  enabled: boolean,
  generations: list<InterpreterFacts["generations"][number]>(
    struct<InterpreterFacts["generations"][number]>({ threshold: number, count: number, objects: number }),
  ),
  permanentObjects: number,
  internedStrings: optional<number>(number),
  freeLists: record<number>(number),
});

const THREAD = struct<ThreadFacts>({
  tid: number,
  name: text,
  interpreter: number,
  frames: list<ThreadFacts["frames"][number]>(
    struct<ThreadFacts["frames"][number]>({ function: text, file: text, line: optional<number>(number) }),
  ),
});

const PROBLEM = struct<Problem>({ kind: text, sentence: text, count: number, address: optional<number>(number) });

const UNOWNED_GROUP = struct<UnownedGroup>({
  kind: number,
  owner: number,
  bytes: number,
  chunks: number,
  samples: list<UnownedSample>(struct<UnownedSample>({ address: number, pattern: text })),
});

/** The whole snapshot. */
export const SNAPSHOT_SCHEMA: Node = struct<Snapshot>({
  process: PROCESS,
  capture: CAPTURE,
  mappings: MAPPINGS,
  pages: PAGES,
  claims: CLAIMS,
  malloc: list<MallocTables>(MALLOC),
  pymalloc: optional<PymallocTables>(PYMALLOC),
  types: TYPE_TABLE,
  objects: optional<ObjectTables>(OBJECTS),
  unowned: optional<readonly UnownedGroup[]>(list<UnownedGroup>(UNOWNED_GROUP)),
  graph: optional<GraphTables>(GRAPH),
  interpreters: list<InterpreterFacts>(INTERPRETER),
  threads: list<ThreadFacts>(THREAD),
  libraries: list<string>(text),
  problems: list<Problem>(PROBLEM),
});
