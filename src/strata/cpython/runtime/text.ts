import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

/** Reads str objects of one CPython: many of them, so the layout is asked once (PEP 393, Include/cpython/unicodeobject.h, 3.6–3.13). */
export class StrReader {
  private readonly length: number;
  private readonly state: number;
  private readonly data: number;
  private readonly asciiBytes: number;
  private readonly compactBytes: number;
  private readonly kind: StateBits;
  private readonly compact: StateBits;
  private readonly ascii: StateBits;

  constructor(
    private readonly reader: MemoryReader,
    layout: Layout,
  ) {
    this.length = layout.offset("PyASCIIObject", "length");
    this.state = layout.offset("PyASCIIObject", "state");
    this.data = layout.offset("PyUnicodeObject", "data");
    this.asciiBytes = layout.size("PyASCIIObject");
    this.compactBytes = layout.size("PyCompactUnicodeObject");
    const bits = (name: string): StateBits => {
      const { offset, firstBit, bits: width } = layout.bitField("PyASCIIObject", `state.${name}`);
      return { shift: (offset - this.state) * 8 + firstBit, mask: (1 << width) - 1 };
    };
    this.kind = bits("kind");
    this.compact = bits("compact");
    this.ascii = bits("ascii");
  }

  /** Characters of the str object at `address`; undefined when it is none that can be read or is longer than `most`. Hostile text. */
  read(address: number, most: number): string | undefined {
    const length = this.reader.u64(address + this.length);
    return length > most || !this.reader.has(address) ? undefined : this.characters(address, length);
  }

  /** The first `most` characters of the str object at `address`; `cut` when it has more. Undefined when they cannot be read. */
  readBeginning(address: number, most: number): { readonly text: string; readonly cut: boolean } | undefined {
    const length = this.reader.u64(address + this.length);
    const text = this.characters(address, Math.min(length, most));
    return text === undefined ? undefined : { text, cut: length > most };
  }

  private characters(address: number, length: number): string | undefined {
    const { reader } = this;
    const state = reader.u32(address + this.state);
    const width = bitsOf(state, this.kind);
    const data =
      bitsOf(state, this.compact) === 0
        ? reader.u64(address + this.data)
        : address + (bitsOf(state, this.ascii) === 0 ? this.compactBytes : this.asciiBytes);
    if (width === 1) return reader.latin1(data, length);
    const bytes = reader.bytes(data, length * width);
    return bytes === undefined ? undefined : decodeWide(bytes, width);
  }
}

/** Where in a str's `state` a bit field lies. */
interface StateBits {
  readonly shift: number;
  readonly mask: number;
}

function bitsOf(state: number, { shift, mask }: StateBits): number {
  return (state >>> shift) & mask;
}

/**
 * Characters of the str object at `address`, or undefined when it is none that can be read or is longer than `most`.
 * Hostile text: it goes to a person only through a sink's escaping function.
 */
export function readStr(reader: MemoryReader, layout: Layout, address: number, most = 4096): string | undefined {
  return reader.has(address) ? new StrReader(reader, layout).read(address, most) : undefined;
}

/** Characters of `width` bytes each, more than one; undefined for what is no character. */
function decodeWide(bytes: Uint8Array, width: number): string | undefined {
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
