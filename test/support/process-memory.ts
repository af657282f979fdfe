import { closeSync, openSync, readSync } from "node:fs";
import type { TestContext } from "node:test";
import type { MemoryReader } from "../../src/target/memory-reader.ts";

const CACHE_BYTES = 65536;

/**
 * The plainest reader of a process's memory there can be: /proc/PID/mem with a small cache of what it read. For tests of decoders on a
 * target that stands still; what it has read once it does not read again.
 */
export class ProcessMemory implements MemoryReader {
  private readonly blocks = new Map<number, DataView | undefined>();
  private readonly file: number;

  constructor(t: TestContext | undefined, pid: number) {
    this.file = openSync(`/proc/${pid}/mem`, "r");
    t?.after(() => closeSync(this.file));
  }

  has(address: number): boolean {
    return this.read(address, 1) !== undefined;
  }
  u8(address: number): number {
    return this.number(address, 1, (view) => view.getUint8(0));
  }
  u16(address: number): number {
    return this.number(address, 2, (view) => view.getUint16(0, true));
  }
  u32(address: number): number {
    return this.number(address, 4, (view) => view.getUint32(0, true));
  }
  i32(address: number): number {
    return this.number(address, 4, (view) => view.getInt32(0, true));
  }
  u64(address: number): number {
    return this.number(address, 8, (view) => view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32);
  }
  i64(address: number): number {
    return this.number(address, 8, (view) => view.getUint32(0, true) + view.getInt32(4, true) * 2 ** 32);
  }
  bytes(address: number, length: number): Uint8Array | undefined {
    const view = this.read(address, length);
    return view && new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  }
  latin1(address: number, length: number): string | undefined {
    const bytes = this.bytes(address, length);
    return bytes && Buffer.from(bytes).toString("latin1");
  }
  cString(address: number, maxLength = 256): string | undefined {
    for (let length = 16; ; length *= 2) {
      const bytes = this.bytes(address, Math.min(length, maxLength));
      const end = bytes?.indexOf(0) ?? -1;
      if (end >= 0) return new TextDecoder().decode(bytes?.subarray(0, end));
      if (bytes === undefined || length >= maxLength) return undefined;
    }
  }

  private number(address: number, length: number, get: (view: DataView) => number): number {
    const view = this.read(address, length);
    return view === undefined ? 0 : get(view);
  }

  private read(address: number, length: number): DataView | undefined {
    if (!(address >= 0 && address < 2 ** 47)) return undefined;
    const start = address - (address % CACHE_BYTES);
    if (address + length > start + CACHE_BYTES) return this.uncached(address, length);
    if (!this.blocks.has(start)) this.blocks.set(start, this.uncached(start, CACHE_BYTES));
    const block = this.blocks.get(start);
    if (block === undefined) return this.uncached(address, length); // part of it is no memory
    return new DataView(block.buffer, address - start, length);
  }

  private uncached(address: number, length: number): DataView | undefined {
    const bytes = new Uint8Array(length);
    try {
      if (readSync(this.file, bytes, 0, length, address) !== length) return undefined;
    } catch {
      return undefined;
    }
    return new DataView(bytes.buffer);
  }
}
