import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

const LATIN1 = new TextDecoder("latin1");
const UTF16 = new TextDecoder("utf-16le");

/**
 * Characters of the str object at `address`, or undefined when it is none that can be read or is longer than `most`.
 * Forms: PEP 393, CPython Include/cpython/unicodeobject.h 3.6–3.13. Hostile text: it goes to a person only through a sink's
 * escaping function.
 */
export function readStr(reader: MemoryReader, layout: Layout, address: number, most = 4096): string | undefined {
  if (!reader.has(address)) return undefined;
  const length = reader.u64(address + layout.offset("PyASCIIObject", "length"));
  if (length > most) return undefined;
  const bits = (name: string) => {
    const { offset, firstBit, bits: width } = layout.bitField("PyASCIIObject", `state.${name}`);
    return (reader.u32(address + offset) >>> firstBit) & ((1 << width) - 1);
  };
  const width = bits("kind");
  const compact = bits("compact") === 1;
  const data = !compact
    ? reader.u64(address + layout.offset("PyUnicodeObject", "data"))
    : address + layout.size(bits("ascii") === 1 ? "PyASCIIObject" : "PyCompactUnicodeObject");
  const bytes = reader.bytes(data, length * width);
  if (bytes === undefined) return undefined;
  if (width === 1) return LATIN1.decode(bytes);
  if (width === 2) return UTF16.decode(bytes);
  if (width !== 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = "";
  for (let index = 0; index < length; index++) {
    const point = view.getUint32(index * 4, true);
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}
