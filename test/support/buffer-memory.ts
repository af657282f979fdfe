import type { MemoryReader } from "../../src/target/memory-reader.ts";

/** Memory that a test writes itself: one range of bytes, nothing around it. */
export class BufferMemory implements MemoryReader {
  readonly view: DataView;

  constructor(
    readonly start: number,
    readonly content: Uint8Array,
  ) {
    this.view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  }

  has(address: number): boolean {
    return address >= this.start && address < this.start + this.content.length;
  }
  u8(address: number): number {
    return this.has(address) ? this.view.getUint8(address - this.start) : 0;
  }
  u16(address: number): number {
    return this.u8(address) | (this.u8(address + 1) << 8);
  }
  u32(address: number): number {
    return this.u16(address) + this.u16(address + 2) * 2 ** 16;
  }
  i32(address: number): number {
    return this.u32(address) | 0;
  }
  u64(address: number): number {
    return this.u32(address) + this.u32(address + 4) * 2 ** 32;
  }
  i64(address: number): number {
    return this.u32(address) + this.i32(address + 4) * 2 ** 32;
  }
  bytes(address: number, length: number): Uint8Array | undefined {
    const from = address - this.start;
    return from >= 0 && length >= 0 && from + length <= this.content.length
      ? this.content.slice(from, from + length)
      : undefined;
  }
  latin1(address: number, length: number): string | undefined {
    const bytes = this.bytes(address, length);
    return bytes && Buffer.from(bytes).toString("latin1");
  }
  cString(address: number, maxLength = 256): string | undefined {
    const from = address - this.start;
    const end = this.has(address) ? this.content.indexOf(0, from) : -1;
    return end < 0 || end - from >= maxLength ? undefined : new TextDecoder().decode(this.content.subarray(from, end));
  }

  putU32(address: number, value: number): void {
    this.view.setUint32(address - this.start, value, true);
  }
  putU64(address: number, value: number): void {
    this.putU32(address, value % 2 ** 32);
    this.putU32(address + 4, Math.floor(value / 2 ** 32));
  }
}
