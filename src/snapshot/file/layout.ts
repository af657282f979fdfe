/**
 * What lies where in a snapshot file: a page of header, columns on pages of their own, a footer of JSON, a trailer. All numbers
 * are little-endian. docs/format.md describes it byte by byte.
 */
import { crc32 } from "node:zlib";
import { PAGE_BYTES } from "../../base/units.ts";
import type { ElementType } from "./schema-nodes.ts";

/** Format that this code writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;
/** The pystrata that first read this format: what an older one tells its user to get. */
export const FORMAT_SINCE = "0.2.0";

/** Like PNG's: not text, and a transfer that changes line ends is seen. */
const MAGIC = Buffer.from("\x89STRATA\n", "latin1");
const END_MAGIC = Buffer.from("\nATARTS\x89", "latin1");

export const HEADER_BYTES = PAGE_BYTES;
export const TRAILER_BYTES = 32;
const VERSION_AT = 8;
const SINCE_AT = 16;
const SINCE_BYTES = 24;
const HEADER_CRC_AT = 60;
const VERSION_TEXT = /^\d+\.\d+\.\d+$/;

/** One column of the file. */
export interface ColumnEntry {
  /** Path of the column in the snapshot, such as `graph.references.targets`. */
  readonly name: string;
  readonly type: ElementType;
  readonly rows: number;
  /** Of the first byte, from the beginning of the file; a multiple of 4,096 in the mapped form. */
  readonly offset: number;
  /** In the file. */
  readonly bytes: number;
  /** Of these bytes. */
  readonly crc32: number;
  /** Archive form only: bytes in the file of each block, `BLOCK_BYTES` of the column each. */
  readonly blocks?: readonly number[] | undefined;
}

/** The footer. `snapshot` has the shape of the tables, without columns. */
export interface Footer {
  readonly writer: string;
  readonly form: FileForm;
  /** True when values of the process are in it. */
  readonly withValues: boolean;
  readonly snapshot: unknown;
  readonly columns: readonly ColumnEntry[];
}

export type FileForm = "mapped" | "archive";

export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f64: 8, u32: 4, i32: 4, u16: 2, u8: 1 };

export type TypedColumn = Float64Array | Uint32Array | Int32Array | Uint16Array | Uint8Array;

const CONSTRUCTORS: Readonly<Record<ElementType, new (buffer: ArrayBuffer, offset: number, length: number) => TypedColumn>> = {
  f64: Float64Array,
  u32: Uint32Array,
  i32: Int32Array,
  u16: Uint16Array,
  u8: Uint8Array,
};

/** A column over bytes that are its own. */
export function columnOver(type: ElementType, buffer: ArrayBuffer, rows: number): TypedColumn {
  return new CONSTRUCTORS[type](buffer, 0, rows);
}

/** The first page of a file of this format. */
export function encodeHeader(): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, VERSION_AT);
  header.write(FORMAT_SINCE, SINCE_AT, SINCE_BYTES, "latin1");
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return header;
}

export type Header =
  | { readonly kind: "foreign" | "damaged" }
  /** `since`: the pystrata that is needed, undefined when that cannot be told. */
  | { readonly kind: "known"; readonly version: number; readonly since: string | undefined };

/** Reads the beginning of a file; `bytes` may be fewer than a header has. */
export function decodeHeader(bytes: Buffer): Header {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { kind: "foreign" };
  if (bytes.length < HEADER_CRC_AT + 4) return { kind: "damaged" };
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) return { kind: "damaged" };
  const since = bytes
    .subarray(SINCE_AT, SINCE_AT + SINCE_BYTES)
    .toString("latin1")
    .replace(/\0+$/, "");
  return {
    kind: "known",
    version: bytes.readUInt32LE(VERSION_AT),
    since: VERSION_TEXT.test(since) ? since : undefined,
  };
}

/** Where the footer is. */
export interface Trailer {
  readonly footerOffset: number;
  readonly footerBytes: number;
  readonly footerCrc32: number;
  /** Of the whole file: one that is shorter was cut, one that is longer is being written. */
  readonly fileBytes: number;
}

export function encodeTrailer(trailer: Trailer): Uint8Array {
  const bytes = Buffer.alloc(TRAILER_BYTES);
  bytes.writeBigUInt64LE(BigInt(trailer.footerOffset), 0);
  bytes.writeBigUInt64LE(BigInt(trailer.fileBytes), 8);
  bytes.writeUInt32LE(trailer.footerBytes, 16);
  bytes.writeUInt32LE(trailer.footerCrc32, 20);
  END_MAGIC.copy(bytes, 24);
  return bytes;
}

/** Reads the last bytes of a file; undefined when it does not end as one of ours. */
export function decodeTrailer(bytes: Buffer): Trailer | undefined {
  if (bytes.length !== TRAILER_BYTES || !bytes.subarray(24).equals(END_MAGIC)) return undefined;
  return {
    footerOffset: Number(bytes.readBigUInt64LE(0)),
    fileBytes: Number(bytes.readBigUInt64LE(8)),
    footerBytes: bytes.readUInt32LE(16),
    footerCrc32: bytes.readUInt32LE(20),
  };
}
