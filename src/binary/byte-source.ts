/** Where the bytes come from; a `MemoryReader` is one. */
export interface ByteSource {
  /** A copy of `length` bytes, or undefined when any of them cannot be read. */
  bytes(address: number, length: number): Uint8Array | undefined;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Little-endian, exact below 2^53; every address and size that can be true is. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}
