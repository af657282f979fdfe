import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

/** Reads str objects of one CPython: many of them, so the layout is asked once (PEP 393, Include/cpython/unicodeobject.h, 3.6–3.13). */
export class StrReader {
  private readonly length: number;
  private readonly state: number;
  private readonly data: number;
  private readonly asciiBytes: number;
  private readonly compactBytes: number;
  private readonly width: (state: number) => number;
  private readonly isCompact: (state: number) => boolean;
  private readonly isAscii: (state: number) => boolean;

  constructor(
    private readonly reader: MemoryReader,
    layout: Layout,
  ) {
    this.length = layout.offset("PyASCIIObject", "length");
    this.state = layout.offset("PyASCIIObject", "state");
    this.data = layout.offset("PyUnicodeObject", "data");
    this.asciiBytes = layout.size("PyASCIIObject");
    this.compactBytes = layout.size("PyCompactUnicodeObject");
    const bits = (name: string) => {
      const { offset, firstBit, bits: width } = layout.bitField("PyASCIIObject", `state.${name}`);
      const shift = (offset - this.state) * 8 + firstBit;
      return (state: number) => (state >>> shift) & ((1 << width) - 1);
    };
    const [compact, ascii] = [bits("compact"), bits("ascii")];
    this.width = bits("kind");
    this.isCompact = (state) => compact(state) === 1;
    this.isAscii = (state) => ascii(state) === 1;
  }

  /** Characters of the str object at `address`; undefined when it is none that can be read or is longer than `most`. Hostile text. */
  read(address: number, most: number): string | undefined {
    if (!this.reader.has(address) || this.reader.u64(address + this.length) > most) return undefined;
    return this.readBeginning(address, most)?.text;
  }

  /** The first `most` characters of the str object at `address`; `cut` when it has more. Undefined when they cannot be read. */
  readBeginning(address: number, most: number): { readonly text: string; readonly cut: boolean } | undefined {
    const { reader } = this;
    const length = reader.u64(address + this.length);
    const state = reader.u32(address + this.state);
    const width = this.width(state);
    const data = this.isCompact(state)
      ? address + (this.isAscii(state) ? this.asciiBytes : this.compactBytes)
      : reader.u64(address + this.data);
    const bytes = reader.bytes(data, Math.min(length, most) * width);
    const text = bytes === undefined ? undefined : decode(bytes, width);
    return text === undefined ? undefined : { text, cut: length > most };
  }
}

/**
 * Characters of the str object at `address`, or undefined when it is none that can be read or is longer than `most`.
 * Hostile text: it goes to a person only through a sink's escaping function.
 */
export function readStr(reader: MemoryReader, layout: Layout, address: number, most = 4096): string | undefined {
  return reader.has(address) ? new StrReader(reader, layout).read(address, most) : undefined;
}

/** Characters of `width` bytes each; undefined for what is no character. */
function decode(bytes: Uint8Array, width: number): string | undefined {
  // Not the "latin1" of TextDecoder, which is windows-1252.
  if (width === 1) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (width === 2) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf16le");
  if (width !== 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  for (let at = 0; at < bytes.length; at += width) {
    const point = view.getUint32(at, true);
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}
