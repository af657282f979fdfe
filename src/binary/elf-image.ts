/**
 * An ELF module as it lies in a process's memory (System V ABI, ELF-64; symbol hashing as of the GNU and System V tables).
 * No file is needed: what is mapped may be upgraded, deleted or in another mount namespace on disk.
 */

import { type ByteSource, readU64, viewOf } from "./byte-source.ts";
import { DynamicSymbols, type ElfSymbol } from "./dynamic-symbols.ts";

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

const ELF_MAGIC = 0x464c457f;
const CLASS_64_LITTLE_ENDIAN = 0x0102;
const MACHINE_X86_64 = 62;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const MAX_PROGRAM_HEADERS = 128;

const ProgramHeaderType = { load: 1, dynamic: 2, interpreter: 3, note: 4, threadLocal: 7 } as const;
const TYPE_NOT_RELOCATABLE = 2;
const NOTE_GNU_BUILD_ID = 3;

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  readonly alignment: number;
}

export class ElfImage {
  private readonly dynamic: DynamicSymbols | undefined;

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
    const header = this.headersOf(ProgramHeaderType.dynamic)[0];
    this.dynamic = header && DynamicSymbols.read(source, base, bias, bias + header.virtualAddress, header.memoryBytes);
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
    return this.dynamic?.soname();
  }

  /** Address of a symbol that the module defines and exports; undefined when it exports none of that name. */
  symbolAddress(name: string): number | undefined {
    return this.dynamic?.find(name)?.address;
  }

  /** All exported symbols whose names begin with one of `prefixes`, see `DynamicSymbols.withPrefix`. */
  symbolsWithPrefix(prefixes: readonly string[]): ReadonlyMap<string, ElfSymbol> {
    return this.dynamic?.withPrefix(prefixes) ?? new Map();
  }

  private headersOf(type: number): readonly ProgramHeader[] {
    return this.headers.filter((header) => header.type === type);
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
