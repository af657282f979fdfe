import { crc32 } from "node:zlib";
import { PAGE_BYTES } from "../../base/units.ts";
import { BLOCK_BYTES, decompressBlock } from "./blocks.ts";
import type { ByteSource } from "./file-bytes.ts";
import { type ColumnEntry, columnOver, ELEMENT_BYTES, type Footer, HEADER_BYTES, type TypedColumn } from "./layout.ts";
import type { ElementType } from "./schema-nodes.ts";
import { Unreadable } from "./unreadable.ts";

/** Gives the columns of a file by name, each checked. */
export class ColumnReader {
  private readonly entries: ReadonlyMap<string, ColumnEntry>;
  private readonly archived: boolean;
  private readonly file: ByteSource;
  private readonly endOfColumns: number;

  /** @param endOfColumns where the footer begins */
  constructor(footer: Footer, file: ByteSource, endOfColumns: number) {
    this.entries = new Map(footer.columns.map((entry) => [entry.name, entry]));
    this.archived = footer.form === "archive";
    this.file = file;
    this.endOfColumns = endOfColumns;
  }

  /** Rows of a column. */
  rows(name: string): number {
    return this.entry(name).rows;
  }

  /** A column with as many rows as the footer says. Throws `Unreadable`. */
  read(name: string, type: ElementType): TypedColumn {
    const entry = this.entry(name);
    if (entry.type !== type)
      throw new Unreadable(`is damaged: its column ${name} is of the kind ${entry.type} and not ${type}`);
    const { rows, offset, bytes } = entry;
    if (offset < HEADER_BYTES || offset + bytes > this.endOfColumns)
      throw new Unreadable(`is damaged: its column ${name} lies outside of the file`);
    const stored = this.file.bytes(offset, bytes);
    if (crc32(new Uint8Array(stored)) !== entry.crc32)
      throw new Unreadable(`is damaged: its column ${name} does not have the checksum that it was written with`);
    const plain = this.archived ? decompress(entry, new Uint8Array(stored)) : stored;
    if (plain.byteLength !== rows * ELEMENT_BYTES[type] || (!this.archived && offset % PAGE_BYTES !== 0))
      throw new Unreadable(`is damaged: its column ${name} does not have the bytes of ${rows} rows`);
    return columnOver(type, plain, rows);
  }

  private entry(name: string): ColumnEntry {
    const entry = this.entries.get(name);
    if (!entry) throw new Unreadable(`is damaged: its column ${name} is missing`);
    return entry;
  }
}

function decompress({ name, type, rows, blocks = [], bytes }: ColumnEntry, stored: Uint8Array): ArrayBuffer {
  const plainBytes = rows * ELEMENT_BYTES[type];
  // The blocks say how much there is at most, before room for it is made.
  if (blocks.length !== Math.ceil(plainBytes / BLOCK_BYTES) || blocks.reduce((sum, block) => sum + block, 0) !== bytes)
    throw new Unreadable(`is damaged: its column ${name} does not have the blocks of ${rows} rows`);
  const plain = new Uint8Array(plainBytes);
  let at = 0;
  for (const [index, block] of blocks.entries()) {
    const start = index * BLOCK_BYTES;
    try {
      plain.set(decompressBlock(type, stored.subarray(at, at + block), Math.min(BLOCK_BYTES, plainBytes - start)), start);
    } catch {
      throw new Unreadable(`is damaged: block ${index} of its column ${name} cannot be decompressed`);
    }
    at += block;
  }
  return plain.buffer;
}
