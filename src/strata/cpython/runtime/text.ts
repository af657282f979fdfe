import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

/**
 * Characters of the str object at `address`, or undefined when it is none that can be read or is longer than `most`.
 * Hostile text: it goes to a person only through a sink's escaping function.
 */
export function readStr(reader: MemoryReader, layout: Layout, address: number, most = 4096): string | undefined {
  if (!reader.has(address)) return undefined;
  const length = reader.u64(address + layout.offset("PyASCIIObject", "length"));
  return length > most ? undefined : readStrBeginning(reader, layout, address, most)?.text;
}

/**
 * The first `most` characters of the str object at `address`; `cut` when it has more. Undefined when they cannot be read.
 * Forms: PEP 393, CPython Include/cpython/unicodeobject.h 3.6–3.13.
 */
export function readStrBeginning(
  reader: MemoryReader,
  layout: Layout,
  address: number,
  most: number,
): { readonly text: string; readonly cut: boolean } | undefined {
  const length = reader.u64(address + layout.offset("PyASCIIObject", "length"));
  const bits = (name: string) => {
    const { offset, firstBit, bits: width } = layout.bitField("PyASCIIObject", `state.${name}`);
    return (reader.u32(address + offset) >>> firstBit) & ((1 << width) - 1);
  };
  const width = bits("kind");
  const compact = bits("compact") === 1;
  const data = !compact
    ? reader.u64(address + layout.offset("PyUnicodeObject", "data"))
    : address + layout.size(bits("ascii") === 1 ? "PyASCIIObject" : "PyCompactUnicodeObject");
  const bytes = reader.bytes(data, Math.min(length, most) * width);
  const text = bytes === undefined ? undefined : decode(bytes, width);
  return text === undefined ? undefined : { text, cut: length > most };
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
