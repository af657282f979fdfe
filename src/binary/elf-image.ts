/**
 * An ELF module as it lies in a process's memory (System V ABI, ELF-64; symbol hashing as of the GNU and System V tables).
 * No file is needed: what is mapped may be upgraded, deleted or in another mount namespace on disk.
 */

/** Where the bytes come from; a `MemoryReader` is one. */
export interface ByteSource {
  /** A copy of `length` bytes, or undefined when any of them cannot be read. */
  bytes(address: number, length: number): Uint8Array | undefined;
}

/** A loadable part of a module, at its place in memory. */
export interface ElfSegment {
  readonly start: number;
  /** End of what lies in memory: data that the file does not hold (.bss) included. */
  readonly end: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** The initial image of a module's thread-local variables (PT_TLS). */
export interface ElfThreadLocal {
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

/** A defined dynamic symbol. */
export interface ElfSymbol {
  readonly address: number;
  readonly bytes: number;
}

const ELF_MAGIC = 0x464c457f;
const CLASS_64_LITTLE_ENDIAN = 0x0102;
const MACHINE_X86_64 = 62;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const MAX_PROGRAM_HEADERS = 128;

const ProgramHeaderType = { load: 1, dynamic: 2, interpreter: 3, note: 4, threadLocal: 7 } as const;
const TYPE_NOT_RELOCATABLE = 2;
const DynamicTag = {
  end: 0,
  hash: 4,
  stringTable: 5,
  symbolTable: 6,
  stringTableBytes: 10,
  soname: 14,
  gnuHash: 0x6ffffef5,
} as const;
const DYNAMIC_ENTRY_BYTES = 16;
const MAX_DYNAMIC_ENTRIES = 512;

const SYMBOL_BYTES = 24;
const SYMBOL_TYPE_THREAD_LOCAL = 6;
/** A hash chain longer than this is garbage; real ones have a few entries. */
const MAX_CHAIN = 10_000;
const MAX_NAME_BYTES = 512;
const MAX_SYMBOLS = 1_000_000;
const MAX_STRING_TABLE_BYTES = 2 ** 26;

const NOTE_GNU_BUILD_ID = 3;

const decoder = new TextDecoder();

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

interface DynamicSection {
  readonly symbolTable: number;
  readonly stringTable: number;
  readonly stringTableBytes: number;
  readonly gnuHash: number | undefined;
  readonly hash: number | undefined;
  readonly sonameOffset: number | undefined;
}

export class ElfImage {
  private readonly dynamic: DynamicSection | undefined;

  private constructor(
    private readonly source: ByteSource,
    /** Address of the ELF header. */
    readonly base: number,
    /** What is added to an address of the file to get one in memory; 0 for an executable that is not relocatable. */
    readonly bias: number,
    private readonly headers: readonly ProgramHeader[],
    /** e_type: 2 for an executable at a fixed address, 3 for everything that can be moved. */
    private readonly type: number,
  ) {
    this.dynamic = readDynamic(source, base, bias, headers);
  }

  /** The module whose ELF header lies at `base`, or undefined when none of this machine's kind is there. */
  static read(source: ByteSource, base: number): ElfImage | undefined {
    const header = source.bytes(base, HEADER_BYTES);
    if (header === undefined) return undefined;
    const view = viewOf(header);
    const recognised =
      view.getUint32(0, true) === ELF_MAGIC &&
      view.getUint16(4, true) === CLASS_64_LITTLE_ENDIAN &&
      view.getUint16(18, true) === MACHINE_X86_64;
    const count = view.getUint16(56, true);
    if (!recognised || count === 0 || count > MAX_PROGRAM_HEADERS) return undefined;
    const table = source.bytes(base + readU64(view, 32), count * PROGRAM_HEADER_BYTES);
    if (table === undefined) return undefined;
    const headers = readProgramHeaders(viewOf(table), count);
    const first = headers.find((candidate) => candidate.type === ProgramHeaderType.load);
    if (first === undefined) return undefined;
    return new ElfImage(source, base, base - (first.virtualAddress - first.offset), headers, view.getUint16(16, true));
  }

  /** Loadable segments, in the order of the file. */
  segments(): readonly ElfSegment[] {
    return this.headersOf(ProgramHeaderType.load).map((header) => ({
      start: this.bias + header.virtualAddress,
      end: this.bias + header.virtualAddress + header.memoryBytes,
      writable: (header.flags & 2) !== 0,
      executable: (header.flags & 1) !== 0,
    }));
  }

  /** True for a program, false for a library; a program that is linked statically and can be moved passes for a library. */
  isExecutable(): boolean {
    return this.type === TYPE_NOT_RELOCATABLE || this.headersOf(ProgramHeaderType.interpreter).length > 0;
  }

  threadLocal(): ElfThreadLocal | undefined {
    const header = this.headersOf(ProgramHeaderType.threadLocal)[0];
    if (header === undefined) return undefined;
    const { virtualAddress, fileBytes, memoryBytes, alignment } = header;
    return { address: this.bias + virtualAddress, fileBytes, memoryBytes, alignment };
  }

  /** The linker's unique name of this build in hexadecimal, where it wrote one. */
  buildId(): string | undefined {
    for (const header of this.headersOf(ProgramHeaderType.note)) {
      const notes = this.source.bytes(this.bias + header.virtualAddress, Math.min(header.memoryBytes, 4096));
      const id = notes && findBuildId(notes);
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /** DT_SONAME, such as `libpython3.11.so.1.0`; hostile text. */
  soname(): string | undefined {
    const offset = this.dynamic?.sonameOffset;
    return offset === undefined ? undefined : this.nameAt(offset);
  }

  /** Address of a symbol that the module defines and exports; undefined when it exports none of that name. */
  symbolAddress(name: string): number | undefined {
    return this.symbol(name)?.address;
  }

  /** An exported symbol, by the module's hash table: O(1) small reads. Thread-local symbols have no address and are not found. */
  symbol(name: string): ElfSymbol | undefined {
    const dynamic = this.dynamic;
    if (dynamic === undefined) return undefined;
    if (dynamic.gnuHash !== undefined) return this.findByGnuHash(dynamic, dynamic.gnuHash, name);
    if (dynamic.hash !== undefined) return this.findByHash(dynamic, dynamic.hash, name);
    return undefined;
  }

  /**
   * All exported symbols whose names begin with one of `prefixes`, in two bulk reads; for whoever needs many, or needs them when
   * the memory is gone. At most a million symbols are looked at.
   */
  symbolsWithPrefix(prefixes: readonly string[]): ReadonlyMap<string, ElfSymbol> {
    const found = new Map<string, ElfSymbol>();
    const dynamic = this.dynamic;
    const count = dynamic === undefined ? 0 : Math.min(MAX_SYMBOLS, this.symbolCount(dynamic));
    if (dynamic === undefined || count === 0) return found;
    const table = this.source.bytes(dynamic.symbolTable, count * SYMBOL_BYTES);
    const names = this.source.bytes(dynamic.stringTable, Math.min(dynamic.stringTableBytes, MAX_STRING_TABLE_BYTES));
    if (table === undefined || names === undefined) return found;
    const view = viewOf(table);
    for (let at = 0; at < table.length; at += SYMBOL_BYTES) {
      const name = nameIn(names, view.getUint32(at, true));
      if (!hasPlace(view, at) || !prefixes.some((prefix) => name.startsWith(prefix))) continue;
      found.set(name, { address: this.bias + readU64(view, at + 8), bytes: readU64(view, at + 16) });
    }
    return found;
  }

  /** Number of dynamic symbols: the System V table says it; of the GNU table, the end of the last chain. */
  private symbolCount(dynamic: DynamicSection): number {
    if (dynamic.hash !== undefined) return this.u32(dynamic.hash + 4) ?? 0;
    if (dynamic.gnuHash === undefined) return 0;
    const buckets = Math.min(MAX_SYMBOLS, this.u32(dynamic.gnuHash) ?? 0);
    const firstSymbol = this.u32(dynamic.gnuHash + 4) ?? 0;
    const bucketTable = dynamic.gnuHash + 16 + (this.u32(dynamic.gnuHash + 8) ?? 0) * 8;
    const starts = this.source.bytes(bucketTable, buckets * 4);
    if (starts === undefined) return 0;
    const view = viewOf(starts);
    let last = 0;
    for (let bucket = 0; bucket < buckets; bucket++) last = Math.max(last, view.getUint32(bucket * 4, true));
    if (last < firstSymbol) return 0;
    const chains = bucketTable + buckets * 4;
    for (let steps = 0; steps < MAX_CHAIN; steps++, last++) {
      const entry = this.u32(chains + (last - firstSymbol) * 4);
      if (entry === undefined || (entry & 1) === 1) return last + 1;
    }
    return 0;
  }

  private headersOf(type: number): readonly ProgramHeader[] {
    return this.headers.filter((header) => header.type === type);
  }

  /** GNU hash table: {buckets, first symbol, bloom words, shift}, bloom words of 8 bytes, buckets, chains that end in a set bit 0. */
  private findByGnuHash(dynamic: DynamicSection, table: number, name: string): ElfSymbol | undefined {
    const buckets = this.u32(table) ?? 0;
    const firstSymbol = this.u32(table + 4) ?? 0;
    const bloomWords = this.u32(table + 8) ?? 0;
    if (buckets === 0) return undefined;
    const hash = gnuHash(name);
    const bucketTable = table + 16 + bloomWords * 8;
    const chains = bucketTable + buckets * 4;
    const start = this.u32(bucketTable + (hash % buckets) * 4) ?? 0;
    if (start < firstSymbol) return undefined;
    for (let index = start; index < start + MAX_CHAIN; index++) {
      const entry = this.u32(chains + (index - firstSymbol) * 4);
      if (entry === undefined) return undefined;
      if ((entry | 1) >>> 0 === (hash | 1) >>> 0) {
        const found = this.symbolAt(dynamic, index, name);
        if (found !== undefined) return found;
      }
      if ((entry & 1) === 1) return undefined;
    }
    return undefined;
  }

  /** System V hash table: {buckets, chains}, buckets, chains; 0 ends a chain. */
  private findByHash(dynamic: DynamicSection, table: number, name: string): ElfSymbol | undefined {
    const buckets = this.u32(table) ?? 0;
    if (buckets === 0) return undefined;
    const chains = table + 8 + buckets * 4;
    let index = this.u32(table + 8 + (systemVHash(name) % buckets) * 4);
    for (let steps = 0; index !== undefined && index !== 0 && steps < MAX_CHAIN; steps++) {
      const found = this.symbolAt(dynamic, index, name);
      if (found !== undefined) return found;
      index = this.u32(chains + index * 4);
    }
    return undefined;
  }

  /** The symbol of that index, when it has that name and a place in memory. */
  private symbolAt(dynamic: DynamicSection, index: number, name: string): ElfSymbol | undefined {
    const entry = this.source.bytes(dynamic.symbolTable + index * SYMBOL_BYTES, SYMBOL_BYTES);
    if (entry === undefined) return undefined;
    const view = viewOf(entry);
    if (!hasPlace(view, 0) || this.nameAt(view.getUint32(0, true), name.length + 1) !== name) return undefined;
    return { address: this.bias + readU64(view, 8), bytes: readU64(view, 16) };
  }

  /** A name of the string table, when its end lies within `limit` bytes. */
  private nameAt(offset: number, limit = MAX_NAME_BYTES): string | undefined {
    const dynamic = this.dynamic;
    if (dynamic === undefined || offset >= dynamic.stringTableBytes) return undefined;
    const bytes = this.source.bytes(dynamic.stringTable + offset, Math.min(limit, dynamic.stringTableBytes - offset));
    const end = bytes?.indexOf(0) ?? -1;
    return end < 0 ? undefined : decoder.decode(bytes?.subarray(0, end));
  }

  private u32(address: number): number | undefined {
    const bytes = this.source.bytes(address, 4);
    return bytes && viewOf(bytes).getUint32(0, true);
  }
}

function readProgramHeaders(view: DataView, count: number): ProgramHeader[] {
  const headers: ProgramHeader[] = [];
  for (let at = 0; at < count * PROGRAM_HEADER_BYTES; at += PROGRAM_HEADER_BYTES) {
    headers.push({
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: readU64(view, at + 8),
      virtualAddress: readU64(view, at + 16),
      fileBytes: readU64(view, at + 32),
      memoryBytes: readU64(view, at + 40),
      alignment: readU64(view, at + 48),
    });
  }
  return headers;
}

function readDynamic(
  source: ByteSource,
  base: number,
  bias: number,
  headers: readonly ProgramHeader[],
): DynamicSection | undefined {
  const header = headers.find((candidate) => candidate.type === ProgramHeaderType.dynamic);
  if (header === undefined) return undefined;
  const entries = Math.min(MAX_DYNAMIC_ENTRIES, Math.floor(header.memoryBytes / DYNAMIC_ENTRY_BYTES));
  const section = source.bytes(bias + header.virtualAddress, entries * DYNAMIC_ENTRY_BYTES);
  if (section === undefined) return undefined;
  const view = viewOf(section);
  const values = new Map<number, number>();
  for (let entry = 0; entry < entries; entry++) {
    const tag = readU64(view, entry * DYNAMIC_ENTRY_BYTES);
    if (tag === DynamicTag.end) break;
    values.set(tag, readU64(view, entry * DYNAMIC_ENTRY_BYTES + 8));
  }
  // glibc's loader has made these pointers absolute; musl's has not.
  const pointer = (tag: number): number | undefined => {
    const value = values.get(tag);
    return value === undefined || value >= base ? value : value + bias;
  };
  const symbolTable = pointer(DynamicTag.symbolTable);
  const stringTable = pointer(DynamicTag.stringTable);
  if (symbolTable === undefined || stringTable === undefined) return undefined;
  return {
    symbolTable,
    stringTable,
    stringTableBytes: values.get(DynamicTag.stringTableBytes) ?? 0,
    gnuHash: pointer(DynamicTag.gnuHash),
    hash: pointer(DynamicTag.hash),
    sonameOffset: values.get(DynamicTag.soname),
  };
}

/** Notes are {name bytes, description bytes, type}, name, description, each padded to 4 bytes. */
function findBuildId(notes: Uint8Array): string | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = view.getUint32(at, true);
    const descriptionBytes = view.getUint32(at + 4, true);
    const description = at + 12 + Math.ceil(nameBytes / 4) * 4;
    if (view.getUint32(at + 8, true) === NOTE_GNU_BUILD_ID && description + descriptionBytes <= notes.length) {
      return Buffer.from(notes.subarray(description, description + descriptionBytes)).toString("hex");
    }
    at = description + Math.ceil(descriptionBytes / 4) * 4;
  }
  return undefined;
}

/** True for a symbol that is defined here and has an address of its own. */
function hasPlace(view: DataView, at: number): boolean {
  return view.getUint16(at + 6, true) !== 0 && (view.getUint8(at + 4) & 0xf) !== SYMBOL_TYPE_THREAD_LOCAL;
}

function nameIn(names: Uint8Array, offset: number): string {
  const end = names.indexOf(0, offset);
  return end < 0 ? "" : Buffer.from(names.buffer, names.byteOffset + offset, end - offset).toString("latin1");
}

function gnuHash(name: string): number {
  let hash = 5381;
  for (let index = 0; index < name.length; index++) hash = (Math.imul(hash, 33) + name.charCodeAt(index)) >>> 0;
  return hash;
}

function systemVHash(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) {
    hash = ((hash << 4) + name.charCodeAt(index)) >>> 0;
    const high = (hash & 0xf0000000) >>> 0;
    hash = ((hash ^ (high >>> 24)) & ~high) >>> 0;
  }
  return hash;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Exact below 2^53; every address and size that can be true is. */
function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}
