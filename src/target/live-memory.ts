import { closeSync, openSync, readSync } from "node:fs";
import { type Result, succeed } from "../base/result.ts";
import { PAGE_BYTES, roundDown, USER_SPACE_END } from "../base/units.ts";
import { openMappedFile } from "./mapped-file.ts";
import type { Mapping } from "./mapping.ts";
import type { MemoryReader } from "./memory-reader.ts";
import { IoVectors, loadNative, type NativeCalls } from "./native.ts";
import { isDeviceMapping, isKernelMapping } from "./proc/maps.ts";
import { explainProcError } from "./proc/proc-file.ts";

/** Memory is read and remembered in blocks, because what a decoder wants next usually lies near. */
const BLOCK_BYTES = 16 * PAGE_BYTES;
const BLOCK_PAGES = BLOCK_BYTES / PAGE_BYTES;
/** 32 MiB of remembered blocks; then all are forgotten. */
const MAX_BLOCKS = 512;
const ENTRY_BYTES = 8;
/** Bit 63 of a pagemap entry, in the entry's highest byte (Documentation/admin-guide/mm/pagemap.rst). */
const PRESENT = 0x80;
const TWO_32 = 2 ** 32;
const decoder = new TextDecoder();

/** One block, and which of its pages could be read. */
interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly readable: Uint8Array;
}

/**
 * The memory of a running process, read where it is asked for and remembered until `forget`.
 *
 * A page that is not in memory is never asked of the process: reading it could allocate it there (an untouched page of shared
 * memory) or bring it back from swap. A page of a private file mapping that is not in memory is read from the file instead.
 */
export class LiveMemory implements MemoryReader {
  private readonly blocks = new Map<number, Block>();
  /** Descriptors by device and inode; undefined for a file that cannot be had. */
  private readonly files = new Map<string, number | undefined>();
  private readonly scratch = new DataView(new ArrayBuffer(8));
  private readonly entries = new Uint8Array(BLOCK_PAGES * ENTRY_BYTES);
  /** Where in the view that `window` returned the bytes begin. */
  private offset = 0;
  private readonly vectors = { local: new IoVectors(1), remote: new IoVectors(1) };

  private constructor(
    private readonly pid: number,
    private mappings: readonly Mapping[],
    private readonly native: NativeCalls | undefined,
    private readonly memoryFile: number,
    private readonly pagemapFile: number,
  ) {}

  /**
   * @param mappings of the process, in address order
   * Fails with `no-such-process` or `not-permitted` as the kernel does for /proc/PID/mem.
   */
  static open(pid: number, mappings: readonly Mapping[]): Result<LiveMemory> {
    let memoryFile: number | undefined;
    try {
      memoryFile = openSync(`/proc/${pid}/mem`, "r");
      return succeed(new LiveMemory(pid, mappings, loadNative(), memoryFile, openSync(`/proc/${pid}/pagemap`, "r")));
    } catch (error) {
      if (memoryFile !== undefined) closeSync(memoryFile);
      return explainProcError(pid, "mem", error);
    }
  }

  /** Drops what was read, so that it is read anew; new mappings take the place of the old ones where given. */
  forget(mappings: readonly Mapping[] = this.mappings): void {
    this.blocks.clear();
    this.mappings = mappings;
  }

  /** Opens the files of programs and libraries: what they hold can then be read although the process has ended meanwhile. */
  holdFiles(): void {
    const libraries = new Set(this.mappings.filter(({ permissions }) => permissions === "r-xp").map(({ path }) => path));
    for (const mapping of this.mappings) if (mapping.inode !== 0 && libraries.has(mapping.path)) this.fileOf(mapping);
  }

  close(): void {
    closeSync(this.memoryFile);
    closeSync(this.pagemapFile);
    for (const fd of this.files.values()) if (fd !== undefined) closeSync(fd);
    this.files.clear();
    this.blocks.clear();
  }

  has(address: number): boolean {
    return this.blockAt(address) !== undefined;
  }

  u8(address: number): number {
    return this.window(address, 1).getUint8(this.offset);
  }

  u16(address: number): number {
    return this.window(address, 2).getUint16(this.offset, true);
  }

  u32(address: number): number {
    return this.window(address, 4).getUint32(this.offset, true);
  }

  i32(address: number): number {
    return this.window(address, 4).getInt32(this.offset, true);
  }

  u64(address: number): number {
    const view = this.window(address, 8);
    return view.getUint32(this.offset, true) + view.getUint32(this.offset + 4, true) * TWO_32;
  }

  i64(address: number): number {
    const view = this.window(address, 8);
    return view.getUint32(this.offset, true) + view.getInt32(this.offset + 4, true) * TWO_32;
  }

  bytes(address: number, length: number): Uint8Array | undefined {
    const copy = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = address + done;
      const block = this.blockAt(at);
      if (!block) return undefined;
      const take = Math.min(length - done, PAGE_BYTES - (at % PAGE_BYTES));
      const from = at % BLOCK_BYTES;
      copy.set(block.bytes.subarray(from, from + take), done);
      done += take;
    }
    return copy;
  }

  latin1(address: number, length: number): string | undefined {
    const bytes = this.bytes(address, length);
    return bytes && Buffer.from(bytes.buffer).toString("latin1");
  }

  cString(address: number, maxLength = 256): string | undefined {
    const text: number[] = [];
    for (let at = address; at < address + maxLength; at++) {
      const block = this.blockAt(at);
      if (!block) return undefined;
      const byte = block.bytes[at % BLOCK_BYTES];
      if (byte === 0) return decoder.decode(Uint8Array.from(text));
      text.push(byte);
    }
    return undefined;
  }

  /** A view that holds `length` bytes of `address` at `offset`; zeros where there is no memory. */
  private window(address: number, length: number): DataView {
    const block = this.blockAt(address);
    if (block && (address % PAGE_BYTES) + length <= PAGE_BYTES) {
      this.offset = address % BLOCK_BYTES;
      return block.view;
    }
    for (let index = 0; index < length; index++) {
      const at = address + index;
      this.scratch.setUint8(index, this.blockAt(at)?.bytes[at % BLOCK_BYTES] ?? 0);
    }
    this.offset = 0;
    return this.scratch;
  }

  /** The block of an address whose page can be read. */
  private blockAt(address: number): Block | undefined {
    if (!(address >= 0 && address < USER_SPACE_END)) return undefined;
    const number = Math.floor(address / BLOCK_BYTES);
    let block = this.blocks.get(number);
    if (!block) {
      if (this.blocks.size >= MAX_BLOCKS) this.blocks.clear();
      block = this.readBlock(number * BLOCK_BYTES);
      this.blocks.set(number, block);
    }
    return block.readable[Math.floor((address % BLOCK_BYTES) / PAGE_BYTES)] ? block : undefined;
  }

  private readBlock(start: number): Block {
    const bytes = new Uint8Array(BLOCK_BYTES);
    const readable = new Uint8Array(BLOCK_PAGES);
    this.entries.fill(0);
    // Short at the end of the address space and for a process that is gone: no page is present then.
    tryRead(this.pagemapFile, this.entries, (start / PAGE_BYTES) * ENTRY_BYTES);
    for (let page = 0; page < BLOCK_PAGES; page++) {
      const address = start + page * PAGE_BYTES;
      const mapping = this.mappingAt(address);
      if (mapping?.permissions[0] !== "r" || isDeviceMapping(mapping) || mapping.path.startsWith("[vvar")) continue;
      const target = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      const present = (this.entries[page * ENTRY_BYTES + 7] & PRESENT) !== 0;
      readable[page] = Number(present ? this.readPage(address, target) : this.readFromFile(address, mapping, target));
    }
    return { bytes, view: new DataView(bytes.buffer), readable };
  }

  private readPage(address: number, target: Uint8Array): boolean {
    if (this.native) {
      this.vectors.local.set(0, this.native.addressOf(target), PAGE_BYTES);
      this.vectors.remote.set(0, address, PAGE_BYTES);
      if (this.native.processVmReadv(this.pid, this.vectors.local, 1, this.vectors.remote, 1) === PAGE_BYTES) return true;
    }
    return tryRead(this.memoryFile, target, address) === PAGE_BYTES;
  }

  /** A page of a private file mapping that nobody has touched here is the file's; beyond the file's end it is zero. */
  private readFromFile(address: number, mapping: Mapping, target: Uint8Array): boolean {
    if (mapping.permissions[3] !== "p" || mapping.inode === 0 || isKernelMapping(mapping)) return false;
    const fd = this.fileOf(mapping);
    return fd !== undefined && tryRead(fd, target, mapping.offset + address - mapping.start) > 0;
  }

  private fileOf(mapping: Mapping): number | undefined {
    const file = `${mapping.device} ${mapping.inode}`;
    if (!this.files.has(file)) this.files.set(file, openMappedFile(this.pid, mapping));
    return this.files.get(file);
  }

  private mappingAt(address: number): Mapping | undefined {
    let low = 0;
    let high = this.mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.mappings[middle].end <= address) low = middle + 1;
      else high = middle;
    }
    const mapping = this.mappings[low];
    return mapping && mapping.start <= roundDown(address, PAGE_BYTES) ? mapping : undefined;
  }
}

/** Bytes read at `position`, 0 when refused. */
function tryRead(fd: number, target: Uint8Array, position: number): number {
  try {
    return readSync(fd, target, 0, target.length, position);
  } catch {
    return 0;
  }
}
