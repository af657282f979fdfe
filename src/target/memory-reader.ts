/**
 * Reads a process's memory by address, from a live process or from an image of it.
 *
 * Numbers read as 0 where there is no memory, so that a decoder stays straight-line code; whoever needs to know asks
 * `has` first. Addresses and 64-bit values are doubles: user-space addresses are below 2^47 and exact.
 */
export interface MemoryReader {
  /** True when the byte at `address` can be read. */
  has(address: number): boolean;
  u8(address: number): number;
  u16(address: number): number;
  u32(address: number): number;
  i32(address: number): number;
  /** Unsigned 64-bit; exact below 2^53. */
  u64(address: number): number;
  /** Signed 64-bit; exact within ±2^53. */
  i64(address: number): number;
  /** A copy of `length` bytes, or undefined when any of them cannot be read. */
  bytes(address: number, length: number): Uint8Array | undefined;
  /** `length` bytes as text of a character each, or undefined when any of them cannot be read. */
  latin1(address: number, length: number): string | undefined;
  /** The bytes up to the first NUL decoded as UTF-8, or undefined when unreadable or longer than `maxLength`. */
  cString(address: number, maxLength?: number): string | undefined;
}
