import { type ByteSource, readU64, viewOf } from "./byte-source.ts";

/** A defined dynamic symbol. */
export interface ElfSymbol {
  readonly address: number;
  readonly bytes: number;
}

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

const decoder = new TextDecoder();

interface DynamicSection {
  readonly symbolTable: number;
  readonly stringTable: number;
  readonly stringTableBytes: number;
  readonly gnuHash: number | undefined;
  readonly hash: number | undefined;
  readonly sonameOffset: number | undefined;
}

/** What a module tells the dynamic linker: its name and the symbols that it exports (System V ABI; GNU and System V hash tables). */
export class DynamicSymbols {
  private constructor(
    private readonly source: ByteSource,
    private readonly bias: number,
    private readonly section: DynamicSection,
  ) {}

  /**
   * @param base address of the module's ELF header
   * @param bias what is added to an address of the file to get one in memory
   * @param address where the dynamic section lies, and `bytes` its size
   */
  static read(source: ByteSource, base: number, bias: number, address: number, bytes: number): DynamicSymbols | undefined {
    const section = readSection(source, base, bias, address, bytes);
    return section && new DynamicSymbols(source, bias, section);
  }

  soname(): string | undefined {
    const offset = this.section.sonameOffset;
    return offset === undefined ? undefined : this.nameAt(offset);
  }

  /** An exported symbol, by the module's hash table: O(1) small reads. Thread-local symbols have no address and are not found. */
  find(name: string): ElfSymbol | undefined {
    const { gnuHash: gnuTable, hash: table } = this.section;
    if (gnuTable !== undefined) return this.findByGnuHash(gnuTable, name);
    return table === undefined ? undefined : this.findByHash(table, name);
  }

  /**
   * All exported symbols whose names begin with one of `prefixes`, in two bulk reads; for whoever needs many, or needs them when
   * the memory is gone. At most a million symbols are looked at.
   */
  withPrefix(prefixes: readonly string[]): ReadonlyMap<string, ElfSymbol> {
    const found = new Map<string, ElfSymbol>();
    const { section, source } = this;
    const table = source.bytes(section.symbolTable, Math.min(MAX_SYMBOLS, this.count()) * SYMBOL_BYTES);
    const names = source.bytes(section.stringTable, Math.min(section.stringTableBytes, MAX_STRING_TABLE_BYTES));
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
  private count(): number {
    const { gnuHash: table, hash } = this.section;
    if (hash !== undefined) return this.u32(hash + 4) ?? 0;
    if (table === undefined) return 0;
    const buckets = Math.min(MAX_SYMBOLS, this.u32(table) ?? 0);
    const firstSymbol = this.u32(table + 4) ?? 0;
    const bucketTable = table + 16 + (this.u32(table + 8) ?? 0) * 8;
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

  /** GNU hash table: {buckets, first symbol, bloom words, shift}, bloom words of 8 bytes, buckets, chains that end in a set bit 0. */
  private findByGnuHash(table: number, name: string): ElfSymbol | undefined {
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
        const found = this.symbolAt(index, name);
        if (found !== undefined) return found;
      }
      if ((entry & 1) === 1) return undefined;
    }
    return undefined;
  }

  /** System V hash table: {buckets, chains}, buckets, chains; 0 ends a chain. */
  private findByHash(table: number, name: string): ElfSymbol | undefined {
    const buckets = this.u32(table) ?? 0;
    if (buckets === 0) return undefined;
    const chains = table + 8 + buckets * 4;
    let index = this.u32(table + 8 + (systemVHash(name) % buckets) * 4);
    for (let steps = 0; index !== undefined && index !== 0 && steps < MAX_CHAIN; steps++) {
      const found = this.symbolAt(index, name);
      if (found !== undefined) return found;
      index = this.u32(chains + index * 4);
    }
    return undefined;
  }

  /** The symbol of that index, when it has that name and a place in memory. */
  private symbolAt(index: number, name: string): ElfSymbol | undefined {
    const entry = this.source.bytes(this.section.symbolTable + index * SYMBOL_BYTES, SYMBOL_BYTES);
    if (entry === undefined) return undefined;
    const view = viewOf(entry);
    if (!hasPlace(view, 0) || this.nameAt(view.getUint32(0, true), name.length + 1) !== name) return undefined;
    return { address: this.bias + readU64(view, 8), bytes: readU64(view, 16) };
  }

  /** A name of the string table, when its end lies within `limit` bytes. */
  private nameAt(offset: number, limit = MAX_NAME_BYTES): string | undefined {
    const { stringTable, stringTableBytes } = this.section;
    if (offset >= stringTableBytes) return undefined;
    const bytes = this.source.bytes(stringTable + offset, Math.min(limit, stringTableBytes - offset));
    const end = bytes?.indexOf(0) ?? -1;
    return end < 0 ? undefined : decoder.decode(bytes?.subarray(0, end));
  }

  private u32(address: number): number | undefined {
    const bytes = this.source.bytes(address, 4);
    return bytes && viewOf(bytes).getUint32(0, true);
  }
}

function readSection(
  source: ByteSource,
  base: number,
  bias: number,
  address: number,
  bytes: number,
): DynamicSection | undefined {
  const entries = Math.min(MAX_DYNAMIC_ENTRIES, Math.floor(bytes / DYNAMIC_ENTRY_BYTES));
  const section = source.bytes(address, entries * DYNAMIC_ENTRY_BYTES);
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
