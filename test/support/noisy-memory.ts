import type { MemoryReader } from "../../src/target/memory-reader.ts";

/** Words that confuse decoders: zeros, all ones, small numbers, misaligned and kernel addresses. */
const CONFUSING = [0, 1, 2, 7, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 32, 2 ** 47 - 1, 2 ** 47, 2 ** 53, 2 ** 63, 0xdddd_dddd];

/** Another memory with some words wrong: every `period`th number read is replaced, by a fixed pseudo-random choice. */
export class NoisyMemory implements MemoryReader {
  /** Numbers read so far. */
  reads = 0;
  private state: number;

  constructor(
    private readonly memory: MemoryReader,
    private readonly period: number,
    seed: number,
  ) {
    this.state = seed * 2654435761 + 1;
  }

  has(address: number): boolean {
    return this.memory.has(address);
  }
  u8(address: number): number {
    return this.disturb(this.memory.u8(address), address) % 2 ** 8;
  }
  u16(address: number): number {
    return this.disturb(this.memory.u16(address), address) % 2 ** 16;
  }
  u32(address: number): number {
    return this.disturb(this.memory.u32(address), address) % 2 ** 32;
  }
  i32(address: number): number {
    return this.disturb(this.memory.i32(address), address) | 0;
  }
  u64(address: number): number {
    return this.disturb(this.memory.u64(address), address);
  }
  i64(address: number): number {
    const value = this.disturb(this.memory.i64(address), address);
    return value >= 2 ** 63 ? value - 2 ** 64 : value;
  }
  bytes(address: number, length: number): Uint8Array | undefined {
    return this.memory.bytes(address, length);
  }
  latin1(address: number, length: number): string | undefined {
    return this.memory.latin1(address, length);
  }
  cString(address: number, maxLength?: number): string | undefined {
    return this.memory.cString(address, maxLength);
  }

  private disturb(value: number, address: number): number {
    this.reads++;
    this.state = (Math.imul(this.state, 1103515245) + 12345) >>> 0;
    if (this.state % this.period !== 0) return value;
    const choice = (this.state >>> 8) % (CONFUSING.length + 2);
    // A pointer to itself makes circles, a near one makes overlaps.
    if (choice === CONFUSING.length) return address;
    return choice > CONFUSING.length ? value + 8 : CONFUSING[choice];
  }
}
