import { PageSet } from "../base/page-set.ts";
import { descriptorState, descriptorType, SnapshotChunkState, SnapshotPageState } from "../snapshot/states.ts";
import {
  ClaimKind,
  type MallocTables,
  MappingKind,
  ObjectState,
  OwnerKind,
  type PymallocTables,
  type Snapshot,
  UnownedKind,
} from "../snapshot/tables.ts";
import { LedgerBuilder } from "./ledger-builder.ts";
import type { Coverage, Ledger } from "./ledger-tree.ts";
import { qualifiedTypeName } from "./types.ts";

/** Free and own memory is attributed to the allocator that keeps it; what is in use without a known owner is not. */
const NOT_ATTRIBUTED = ["pymallocOverhead/unowned", "unexplained"] as const;
const NATIVE_NOT_ATTRIBUTED = ["unowned", "leaked", "possibly leaked"] as const;

/**
 * The ledger: every resident byte on exactly one leaf, by stratum, then structure, then type or library.
 *
 * The kernel owns the total. Mappings that no allocator manages count whole; anonymous memory is what its claims say, and
 * the rest of it is unexplained. O(mappings + claims + chunks + pools + types).
 */
export function buildLedger(snapshot: Snapshot): Ledger {
  const builder = new LedgerBuilder();
  const resident = residentPages(snapshot);
  addMappings(builder, snapshot, resident);
  let firstPlace = snapshot.objects?.poolPlaces ?? 0;
  for (const malloc of snapshot.malloc) {
    addMalloc(builder, snapshot, malloc, firstPlace, resident);
    firstPlace += malloc.chunks.length;
  }
  if (snapshot.pymalloc) addPymalloc(builder, snapshot.pymalloc);
  addTypes(builder, snapshot);
  settle(builder, snapshot.process.residentBytes);
  const root = builder.build(snapshot.process.residentBytes);
  return { root, coverage: coverageOf(builder, snapshot) };
}

/** The pages that the kernel counts, from the snapshot's runs. */
export function residentPages({ pages }: Snapshot): PageSet {
  const resident = new PageSet();
  for (let run = 0; run < pages.length; run++) {
    if ((pages.state[run] & SnapshotPageState.counted) !== 0) resident.addRange(pages.start[run], pages.end[run]);
  }
  return resident;
}

function addMappings(builder: LedgerBuilder, snapshot: Snapshot, resident: PageSet): void {
  const { mappings, libraries } = snapshot;
  for (let row = 0; row < mappings.length; row++) {
    const bytes = mappings.residentBytes[row];
    if (bytes === 0) continue;
    const path = mappings.path[row];
    switch (mappings.kind[row]) {
      case MappingKind.library:
        builder.add("libraries", [libraries[mappings.library[row]] ?? path, mappings.part[row] || "other"], bytes);
        break;
      case MappingKind.file:
        builder.add("mappedFiles", [path], bytes);
        break;
      case MappingKind.shared:
        builder.add("stacksSharedOther", ["shared memory", path || "anonymous"], bytes);
        break;
      case MappingKind.kernel:
        builder.add("stacksSharedOther", ["kernel", path], bytes);
        break;
      case MappingKind.device:
        builder.add("stacksSharedOther", ["device", path], bytes);
        break;
      default:
        addClaimed(builder, snapshot, row, resident);
    }
  }
}

/** Splits memory of no file by who claims it; allocators' parts are added from their own tables. */
function addClaimed(builder: LedgerBuilder, snapshot: Snapshot, row: number, resident: PageSet): void {
  const { mappings, claims } = snapshot;
  const end = mappings.end[row];
  let at = mappings.start[row];
  const addRest = (to: number) => {
    if (to <= at) return;
    const bytes = resident.bytesWithin(at, to);
    if (bytes === 0) return;
    if (mappings.kind[row] === MappingKind.stack)
      builder.add("stacksSharedOther", ["stacks", stackName(mappings.thread[row])], bytes);
    else builder.add("unexplained", [mappings.path[row] || "anonymous memory", `0x${mappings.start[row].toString(16)}`], bytes);
  };
  for (let claim = firstClaimAfter(snapshot, at); claim < claims.length && claims.start[claim] < end; claim++) {
    const from = Math.max(at, claims.start[claim]);
    const to = Math.min(end, claims.end[claim]);
    if (to <= from) continue;
    addRest(from);
    const bytes = resident.bytesWithin(from, to);
    const label = claims.label[claim];
    if (bytes > 0) {
      switch (claims.kind[claim]) {
        case ClaimKind.stack:
          builder.add("stacksSharedOther", ["stacks", label], bytes);
          break;
        case ClaimKind.threadLocal:
          builder.add("stacksSharedOther", ["thread-local data", label], bytes);
          break;
        case ClaimKind.loader:
          builder.add("stacksSharedOther", ["dynamic loader"], bytes);
          break;
        case ClaimKind.runtime:
          builder.add("stacksSharedOther", ["Python runtime", label], bytes);
          break;
        case ClaimKind.library:
          builder.add("libraries", [label, "mapped memory"], bytes);
          break;
        case ClaimKind.object:
          builder.addPending("object mappings", bytes);
          break;
        case ClaimKind.malloc:
          builder.addPending("malloc", bytes);
          break;
        case ClaimKind.pymalloc:
          builder.addPending("pymalloc", bytes);
          break;
      }
    }
    at = to;
  }
  addRest(end);
}

function stackName(thread: number): string {
  return thread < 0 ? "finished thread" : `thread ${thread}`;
}

/** First claim that ends behind `address`. */
function firstClaimAfter({ claims }: Snapshot, address: number): number {
  let low = 0;
  let high = claims.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (claims.end[middle] <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where the bytes of a chunk count that is not in use. */
const CHUNK_LEAF: Readonly<Record<number, readonly ["mallocFree" | "mallocOther", string]>> = {
  [SnapshotChunkState.free]: ["mallocFree", "free"],
  [SnapshotChunkState.fast]: ["mallocFree", "fastbins"],
  [SnapshotChunkState.cached]: ["mallocOther", "cached"],
  [SnapshotChunkState.top]: ["mallocOther", "top"],
  [SnapshotChunkState.overhead]: ["mallocOther", "structures"],
};
/** Whole pages without an allocation, which other allocators than glibc keep wherever they are. */
const FREE_PAGES_LEAF = ["mallocFree", "free pages"] as const;

/** Where a process has several allocators, each has a branch of its own under every key. */
function allocatorBranch(snapshot: Snapshot, { allocator }: MallocTables): readonly string[] {
  return snapshot.malloc.length > 1 ? [allocator] : [];
}

function addMalloc(
  builder: LedgerBuilder,
  snapshot: Snapshot,
  malloc: MallocTables,
  firstPlace: number,
  resident: PageSet,
): void {
  const { chunks, headerBytes } = malloc;
  // Chunks by the million: sums first, tree afterwards.
  const notInUse = new Float64Array(Object.keys(SnapshotChunkState).length);
  const byLibrary = new Float64Array(snapshot.libraries.length);
  const unownedByKind = new Float64Array(Object.keys(UnownedKind).length);
  const guessed = new Float64Array(snapshot.libraries.length);
  let headers = 0;
  let runtime = 0;
  let unowned = 0;
  let objects = 0;
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    const start = chunks.address[chunk];
    const whole = resident.bytesWithin(start, start + chunks.bytes[chunk]);
    const state = chunks.state[chunk];
    if (state !== SnapshotChunkState.inUse && state !== SnapshotChunkState.mapped) {
      notInUse[state] += whole;
      continue;
    }
    const used = resident.bytesWithin(start + headerBytes, start + headerBytes + chunks.usedBytes[chunk]);
    headers += whole - used;
    switch (chunks.ownerKind[chunk]) {
      case OwnerKind.object:
      case OwnerKind.buffer:
        objects += used;
        break;
      case OwnerKind.runtime:
        runtime += used;
        break;
      case OwnerKind.library:
        byLibrary[chunks.owner[chunk]] += used;
        break;
      default: {
        const place = firstPlace + chunk;
        const kind = unownedKindOf(snapshot, place);
        unowned += used;
        if (kind === UnownedKind.guessed) guessed[snapshot.objects?.link[place] ?? 0] += used;
        else unownedByKind[kind] += used;
      }
    }
  }
  const branch = allocatorBranch(snapshot, malloc);
  for (const [state, leaf] of Object.entries(CHUNK_LEAF)) {
    const [key, name] = Number(state) === SnapshotChunkState.top && malloc.allocator !== "glibc" ? FREE_PAGES_LEAF : leaf;
    builder.add(key, [...branch, name], notInUse[Number(state)]);
  }
  builder.add("mallocOther", [...branch, "headers and rounding"], headers);
  builder.add("mallocNative", [...branch, "Python runtime"], runtime);
  byLibrary.forEach((bytes, library) => {
    builder.add("mallocNative", [...branch, snapshot.libraries[library]], bytes);
  });
  addUnowned(builder, snapshot, branch, unownedByKind, guessed);
  const sum = notInUse.reduce((total, bytes) => total + bytes, 0) + headers + runtime + unowned + objects;
  builder.takePending("malloc", sum + byLibrary.reduce((total, bytes) => total + bytes, 0));
}

/** By `UnownedKind`; what is leaked, or guessed, has leaves of its own. */
const UNOWNED_LEAF: Readonly<Record<number, string>> = {
  [UnownedKind.unknown]: "not told apart",
  [UnownedKind.thread]: "reached from threads only",
  [UnownedKind.elsewhere]: "reached from other memory only",
  [UnownedKind.chained]: "reached from unowned memory only",
};

/** `UnownedKind` of a place in use without an owner. */
function unownedKindOf({ objects }: Snapshot, place: number): number {
  const about = objects?.descriptor[place] ?? 0;
  const kind = descriptorState(about) === ObjectState.raw ? descriptorType(about) : UnownedKind.unknown;
  return kind <= UnownedKind.leaked ? kind : UnownedKind.unknown;
}

/** What has no owner, by what is known of it; leaked memory is a leaf of its own. */
function addUnowned(
  builder: LedgerBuilder,
  { capture, libraries }: Snapshot,
  branch: readonly string[],
  bytes: Float64Array,
  guessed: Float64Array,
): void {
  const leak = capture.complete && capture.swappedBytesNotRead === 0 ? "leaked" : "possibly leaked";
  builder.add("mallocNative", [...branch, leak], bytes[UnownedKind.leaked]);
  for (const [kind, label] of Object.entries(UNOWNED_LEAF))
    builder.add("mallocNative", [...branch, "unowned", label], bytes[Number(kind)]);
  guessed.forEach((sum, library) => {
    builder.add("mallocNative", [...branch, "unowned", `guessed: objects of ${libraries[library]}`], sum);
  });
}

function addPymalloc(builder: LedgerBuilder, pymalloc: PymallocTables): void {
  const { pools, arenas } = pymalloc;
  const sum = (column: Uint16Array) => column.reduce((total, bytes) => total + bytes, 0);
  const free = sum(pools.freeBytes);
  const overhead: readonly (readonly [string, number])[] = [
    ["headers", sum(pools.headerBytes)],
    ["rounding", sum(pools.roundingBytes)],
    ["free lists", sum(pools.freeListBytes)],
    ["Python runtime", sum(pools.runtimeBytes)],
    ["unowned", sum(pools.unownedBytes)],
  ];
  const inPools = free + sum(pools.objectBytes) + overhead.reduce((total, [, bytes]) => total + bytes, 0);
  const resident = arenas.residentBytes.reduce((total, bytes) => total + bytes, 0);
  builder.add("pymallocFree", ["free blocks"], free);
  // Pools without a block in use, and the ends of an arena that is not aligned to pools.
  builder.add("pymallocFree", ["empty pools"], resident - inPools);
  for (const [name, bytes] of overhead) builder.add("pymallocOverhead", [name], bytes);
  builder.takePending("pymalloc", resident);
}

function addTypes(builder: LedgerBuilder, { types }: Snapshot): void {
  for (let type = 0; type < types.length; type++) {
    builder.add("objects", [qualifiedTypeName(types, type)], types.residentBytes[type]);
  }
}

/** What an allocator's range holds beyond its chunks, and what the kernel counts beyond the pages that were seen. */
function settle(builder: LedgerBuilder, residentBytes: number): void {
  builder.add("unexplained", ["outside chunks"], builder.pending("malloc") + builder.pending("pymalloc"));
  const difference = residentBytes - builder.total();
  if (difference !== 0) builder.add("unexplained", ["counted by the kernel, not seen in the page table"], difference);
}

function coverageOf(builder: LedgerBuilder, snapshot: Snapshot): Coverage {
  const { residentBytes } = snapshot.process;
  const unexplainedBytes = builder.bytesUnder("unexplained");
  const native = snapshot.malloc.flatMap((malloc) =>
    NATIVE_NOT_ATTRIBUTED.map((name) => ["mallocNative", ...allocatorBranch(snapshot, malloc), name].join("/")),
  );
  const notAttributed = [...NOT_ATTRIBUTED, ...native].reduce((sum, key) => sum + builder.bytesUnder(key), 0);
  return { placedBytes: residentBytes - unexplainedBytes, attributedBytes: residentBytes - notAttributed, unexplainedBytes };
}
