import fc from "fast-check";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { packDescriptor, SnapshotChunkState, SnapshotPageState } from "../../src/snapshot/states.ts";
import { ClaimKind, MappingKind, ObjectState, OwnerKind, type Snapshot, UnownedKind } from "../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "./synthetic-snapshot.ts";

/** Pages of one purpose, and which of them are in memory. */
interface Span {
  /** `ClaimKind`, or −1 for nobody. Only memory of no file is claimed. */
  readonly claim: number;
  readonly resident: readonly boolean[];
  readonly label: string;
  /** Chunks that a malloc's span is tiled with; what is left lies outside chunks. */
  readonly chunks: readonly ChunkModel[];
  /** One for each page of pymalloc's: the shares of what it holds, or undefined for an empty pool. */
  readonly pools: readonly (readonly number[] | undefined)[];
}

interface ChunkModel {
  readonly granules: number;
  readonly state: number;
  readonly owner: number;
  /** `UnownedKind`, where there is no owner. */
  readonly unowned: number;
  readonly usedPercent: number;
}

interface MappingModel {
  readonly kind: number;
  readonly path: string;
  readonly spans: readonly Span[];
}

/** Resident memory in which everything may touch everything else. */
export interface AccountModel {
  readonly mappings: readonly MappingModel[];
  /** What the kernel counts beyond the pages. */
  readonly kernelExtraBytes: number;
}

const LIBRARIES = ["libone.so", "lib/two%.so"];
const TYPE = 1;
const HEADER_BYTES = 16;
const GRANULE_BYTES = 16;
const NAMES = fc.constantFrom("a", "b/c", "d%2Fe", "<script>", "");
const POOL_PARTS = ["header", "rounding", "free lists", "Python runtime", "unowned"] as const;

/** By `UnownedKind`. */
const UNOWNED_LEAVES: readonly (readonly string[])[] = [
  ["unowned", "not told apart"],
  ["unowned", "reached from threads only"],
  ["unowned", "reached from other memory only"],
  ["unowned", "reached from unowned memory only"],
  ["unowned", `guessed: objects of ${LIBRARIES[1]}`],
  ["leaked"],
];

const span: fc.Arbitrary<Span> = fc.record({
  claim: fc.constantFrom(-1, ClaimKind.malloc, ClaimKind.malloc, ...Object.values(ClaimKind)),
  resident: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  label: NAMES,
  chunks: fc.array(
    fc.record({
      granules: fc.integer({ min: 2, max: 300 }),
      state: fc.constantFrom(...Object.values(SnapshotChunkState)),
      owner: fc.constantFrom(...Object.values(OwnerKind)),
      unowned: fc.constantFrom(...Object.values(UnownedKind)),
      usedPercent: fc.nat(100),
    }),
    { maxLength: 40 },
  ),
  pools: fc.array(fc.option(fc.array(fc.nat(100), { minLength: 7, maxLength: 7 }), { nil: undefined }), {
    minLength: 5,
    maxLength: 5,
  }),
});

export const accountModel: fc.Arbitrary<AccountModel> = fc.record({
  mappings: fc.array(
    fc.record({
      kind: fc.constantFrom(...Object.values(MappingKind)),
      path: NAMES,
      spans: fc.array(span, { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 8 },
  ),
  kernelExtraBytes: fc.constantFrom(0, 0, PAGE_BYTES),
});

/** The tables of such a process, and the bytes of each leaf of its ledger by key, found byte by byte. */
export function snapshotOf(model: AccountModel): { snapshot: Snapshot; leaves: ReadonlyMap<string, number> } {
  return new AccountWriter().write(model);
}

function escapeKey(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}

const ANONYMOUS: readonly number[] = [MappingKind.anonymous, MappingKind.heap, MappingKind.stack];

class AccountWriter {
  private readonly leaves = new Map<string, number>();
  private readonly runs: { start: number; end: number }[] = [];
  private readonly mappings: { model: MappingModel; start: number; end: number; residentBytes: number }[] = [];
  private readonly claims: { start: number; end: number; kind: number; label: string }[] = [];
  private readonly chunks: (Omit<ChunkModel, "granules" | "usedPercent"> & {
    address: number;
    bytes: number;
    usedBytes: number;
  })[] = [];
  private readonly arenas: { start: number; end: number; residentBytes: number }[] = [];
  private readonly pools: { address: number; parts: number[] }[] = [];
  private objectBytes = 0;
  private address = 0x10_0000;

  write(model: AccountModel): { snapshot: Snapshot; leaves: ReadonlyMap<string, number> } {
    for (const mapping of model.mappings) this.addMapping(mapping);
    this.addLeaf("objects", ["type1"], this.objectBytes);
    this.addLeaf("unexplained", ["counted by the kernel, not seen in the page table"], model.kernelExtraBytes);
    return { snapshot: this.snapshot(model.kernelExtraBytes), leaves: this.leaves };
  }

  private addLeaf(key: string, path: readonly string[], bytes: number): void {
    if (bytes === 0) return;
    const leaf = [key, ...path.map(escapeKey)].join("/");
    this.leaves.set(leaf, (this.leaves.get(leaf) ?? 0) + bytes);
  }

  private addMapping(model: MappingModel): void {
    const start = this.address;
    let residentBytes = 0;
    for (const each of model.spans) {
      const from = this.address;
      for (const resident of each.resident) {
        if (resident) this.runs.push({ start: this.address, end: this.address + PAGE_BYTES });
        if (resident) residentBytes += PAGE_BYTES;
        this.address += PAGE_BYTES;
      }
      if (ANONYMOUS.includes(model.kind)) this.addSpan(model, start, from, each);
    }
    this.mappings.push({ model, start, end: this.address, residentBytes });
    if (!ANONYMOUS.includes(model.kind)) this.addWhole(model, residentBytes);
    this.address += PAGE_BYTES;
  }

  /** Memory of a file, shared or the kernel's: all of it is one thing. */
  private addWhole({ kind, path }: MappingModel, bytes: number): void {
    if (kind === MappingKind.library) this.addLeaf("libraries", [LIBRARIES[0], "data"], bytes);
    else if (kind === MappingKind.file) this.addLeaf("mappedFiles", [path], bytes);
    else if (kind === MappingKind.shared) this.addLeaf("stacksSharedOther", ["shared memory", path || "anonymous"], bytes);
    else this.addLeaf("stacksSharedOther", [kind === MappingKind.kernel ? "kernel" : "device", path], bytes);
  }

  private addSpan(model: MappingModel, mappingStart: number, start: number, each: Span): void {
    const bytes = this.residentWithin(start, this.address);
    if (each.claim >= 0) this.claims.push({ start, end: this.address, kind: each.claim, label: each.label });
    switch (each.claim) {
      case ClaimKind.stack:
        this.addLeaf("stacksSharedOther", ["stacks", each.label], bytes);
        return;
      case ClaimKind.threadLocal:
        this.addLeaf("stacksSharedOther", ["thread-local data", each.label], bytes);
        return;
      case ClaimKind.loader:
        this.addLeaf("stacksSharedOther", ["dynamic loader"], bytes);
        return;
      case ClaimKind.runtime:
        this.addLeaf("stacksSharedOther", ["Python runtime", each.label], bytes);
        return;
      case ClaimKind.library:
        this.addLeaf("libraries", [each.label, "mapped memory"], bytes);
        return;
      case ClaimKind.object:
        this.objectBytes += bytes;
        return;
      case ClaimKind.malloc:
        this.addChunks(start, each);
        return;
      case ClaimKind.pymalloc:
        this.addPools(start, each);
        return;
      default:
        if (model.kind === MappingKind.stack) this.addLeaf("stacksSharedOther", ["stacks", "thread 12"], bytes);
        else this.addLeaf("unexplained", [model.path || "anonymous memory", `0x${mappingStart.toString(16)}`], bytes);
    }
  }

  private addChunks(start: number, { chunks }: Span): void {
    const places = {
      [SnapshotChunkState.free]: ["mallocFree", "free"],
      [SnapshotChunkState.fast]: ["mallocFree", "fastbins"],
      [SnapshotChunkState.cached]: ["mallocOther", "cached"],
      [SnapshotChunkState.top]: ["mallocOther", "top"],
      [SnapshotChunkState.overhead]: ["mallocOther", "structures"],
    } as Readonly<Record<number, readonly [string, string]>>;
    let at = start;
    for (const { granules, state, owner, unowned, usedPercent } of chunks) {
      const end = at + granules * GRANULE_BYTES;
      if (end > this.address) break;
      const usedBytes = Math.floor((usedPercent * (end - at - HEADER_BYTES)) / 100);
      this.chunks.push({ address: at, bytes: end - at, state, owner, unowned, usedBytes });
      const place = places[state];
      if (place) this.addLeaf(place[0], [place[1]], this.residentWithin(at, end));
      else this.addUsed(at, end, owner, unowned, usedBytes);
      at = end;
    }
    this.addLeaf("unexplained", ["outside chunks"], this.residentWithin(at, this.address));
  }

  private addUsed(start: number, end: number, owner: number, unowned: number, usedBytes: number): void {
    const from = start + HEADER_BYTES;
    const bytes = this.residentWithin(from, from + usedBytes);
    this.addLeaf("mallocOther", ["headers and rounding"], this.residentWithin(start, end) - bytes);
    if (owner === OwnerKind.object || owner === OwnerKind.buffer) this.objectBytes += bytes;
    else if (owner === OwnerKind.runtime) this.addLeaf("mallocNative", ["Python runtime"], bytes);
    else if (owner === OwnerKind.library) this.addLeaf("mallocNative", [LIBRARIES[1]], bytes);
    else this.addLeaf("mallocNative", UNOWNED_LEAVES[unowned], bytes);
  }

  private addPools(start: number, { resident, pools }: Span): void {
    this.arenas.push({ start, end: this.address, residentBytes: this.residentWithin(start, this.address) });
    for (const [page, isResident] of resident.entries()) {
      const shares = pools[page % pools.length];
      if (shares === undefined) {
        this.addLeaf("pymallocFree", ["empty pools"], isResident ? PAGE_BYTES : 0);
        continue;
      }
      const parts = isResident ? split(PAGE_BYTES, shares) : shares.map(() => 0);
      this.pools.push({ address: start + page * PAGE_BYTES, parts });
      this.objectBytes += parts[0];
      this.addLeaf("pymallocFree", ["free blocks"], parts[1]);
      for (const [index, name] of POOL_PARTS.entries()) {
        this.addLeaf("pymallocOverhead", [name === "header" ? "headers" : name], parts[index + 2]);
      }
    }
  }

  /** One byte after the other. */
  private residentWithin(start: number, end: number): number {
    let bytes = 0;
    for (let at = start; at < end; at++) if (this.runs.some((run) => run.start <= at && at < run.end)) bytes++;
    return bytes;
  }

  private snapshot(kernelExtraBytes: number): Snapshot {
    const base = syntheticSnapshot();
    const { mappings, runs, claims, chunks, arenas, pools } = this;
    const pagesBytes = runs.length * PAGE_BYTES;
    const part = (index: number) => Uint16Array.from(pools, (pool) => pool.parts[index]);
    return {
      ...base,
      process: { ...base.process, residentBytes: pagesBytes + kernelExtraBytes },
      libraries: LIBRARIES,
      pages: {
        length: runs.length,
        start: Float64Array.from(runs, (run) => run.start),
        end: Float64Array.from(runs, (run) => run.end),
        state: new Uint8Array(runs.length).fill(SnapshotPageState.counted),
      },
      mappings: {
        length: mappings.length,
        start: Float64Array.from(mappings, (mapping) => mapping.start),
        end: Float64Array.from(mappings, (mapping) => mapping.end),
        kind: Uint8Array.from(mappings, (mapping) => mapping.model.kind),
        permissions: mappings.map(() => "rw-p"),
        path: mappings.map((mapping) => mapping.model.path),
        library: Int32Array.from(mappings, (mapping) => (mapping.model.kind === MappingKind.library ? 0 : -1)),
        thread: Int32Array.from(mappings, (mapping) => (mapping.model.kind === MappingKind.stack ? 12 : -1)),
        residentBytes: Float64Array.from(mappings, (mapping) => mapping.residentBytes),
        swappedBytes: new Float64Array(mappings.length),
        part: mappings.map((mapping) => (mapping.model.kind === MappingKind.library ? "data" : "")),
      },
      claims: {
        length: claims.length,
        start: Float64Array.from(claims, (claim) => claim.start),
        end: Float64Array.from(claims, (claim) => claim.end),
        kind: Uint8Array.from(claims, (claim) => claim.kind),
        label: claims.map((claim) => claim.label),
      },
      malloc: [
        {
          ...base.malloc[0],
          headerBytes: HEADER_BYTES,
          chunks: {
            length: chunks.length,
            address: Float64Array.from(chunks, (chunk) => chunk.address),
            bytes: Float64Array.from(chunks, (chunk) => chunk.bytes),
            state: Uint8Array.from(chunks, (chunk) => chunk.state),
            arena: new Uint16Array(chunks.length),
            ownerKind: Uint8Array.from(chunks, (chunk) => chunk.owner),
            owner: Int32Array.from(chunks, (chunk) => (chunk.owner === OwnerKind.library ? 1 : 0)),
            usedBytes: Float64Array.from(chunks, (chunk) => chunk.usedBytes),
          },
        },
      ],
      objects: {
        ...{ length: chunks.length, poolPlaces: 0, chunkPlaces: chunks.length },
        descriptor: Uint32Array.from(chunks, ({ unowned }) => packDescriptor(unowned, ObjectState.raw, 0, 0)),
        bytes: new Uint32Array(chunks.length),
        largeBytes: new Map(),
        link: new Uint32Array(chunks.length).fill(1),
        ...{ otherAddress: new Float64Array(0), headerBytes: [0], debugBytes: 0 },
      },
      pymalloc: {
        ...{ poolBytes: PAGE_BYTES, alignment: 16, poolHeaderBytes: 48 },
        arenas: {
          length: arenas.length,
          address: Float64Array.from(arenas, (arena) => arena.start),
          bytes: Float64Array.from(arenas, (arena) => arena.end - arena.start),
          residentBytes: Float64Array.from(arenas, (arena) => arena.residentBytes),
          ...{ interpreter: new Uint16Array(arenas.length), pools: new Uint16Array(arenas.length) },
          ...{ freePools: new Uint16Array(arenas.length), usedBlocks: new Float64Array(arenas.length) },
          freeBlocks: new Float64Array(arenas.length),
        },
        pools: {
          length: pools.length,
          address: Float64Array.from(pools, (pool) => pool.address),
          ...{ arena: new Uint32Array(pools.length), sizeClass: new Uint8Array(pools.length) },
          ...{ usedBlocks: new Uint16Array(pools.length), firstObject: new Uint32Array(pools.length) },
          ...{ objectBytes: part(0), freeBytes: part(1), headerBytes: part(2), roundingBytes: part(3) },
          ...{ freeListBytes: part(4), runtimeBytes: part(5), unownedBytes: part(6) },
        },
      },
      types: {
        length: TYPE + 1,
        address: Float64Array.of(0, 0x1000),
        name: ["other types", "type1"],
        module: ["", ""],
        ...{ count: Float64Array.of(0, 1), shallowBytes: Float64Array.of(0, 1), ownedBytes: Float64Array.of(0, 1) },
        residentBytes: Float64Array.of(0, this.objectBytes),
      },
    };
  }
}

/** Parts of `total` in the ratio of `shares`; the first takes what rounding leaves. */
function split(total: number, shares: readonly number[]): number[] {
  const sum = shares.reduce((left, right) => left + right, 0) || 1;
  const parts = shares.map((share) => Math.floor((total * share) / sum));
  parts[0] += total - parts.reduce((left, right) => left + right, 0);
  return parts;
}
