import { crc32 } from "node:zlib";
import {
  type ColumnEntry,
  columnOver,
  decodeTrailer,
  encodeTrailer,
  type Footer,
  TRAILER_BYTES,
} from "../../src/snapshot/file/layout.ts";

/** Numbers that a forger would try. */
const EXTREMES = [
  0,
  -1,
  1,
  0xff,
  0xffff,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 47,
  2 ** 53,
  1e300,
  -1e300,
  Number.NaN,
  Infinity,
  -Infinity,
];
const MOST_ENTRIES = 3;
const MOST_CHANGES = 2;

/** A file whose every checksum is right and whose contents are not: the same for the same seed. */
export interface ForgedFile {
  readonly bytes: Buffer;
  /** What was changed, to tell a failure. */
  readonly changes: readonly string[];
}

/** Changes a few entries of columns, or a fact, of a file in the mapped form. */
export function forgedFile(sound: Buffer, seed: number): ForgedFile {
  const bytes = Buffer.from(sound);
  const trailer = decodeTrailer(bytes.subarray(-TRAILER_BYTES));
  if (!trailer) throw new Error("forging needs a whole file");
  const footer = JSON.parse(bytes.toString("utf8", trailer.footerOffset, bytes.length - TRAILER_BYTES)) as Footer;
  const next = generator(seed);
  const filled = footer.columns.filter(({ rows }) => rows > 0);
  const columns = new Map(footer.columns.map((entry) => [entry.name, entry]));
  const changes: string[] = [];
  for (let count = 1 + (next() % MOST_CHANGES); count > 0; count--) {
    if (next() % 4 === 0) changes.push(changeFact(footer.snapshot, "", next));
    else {
      const entry = filled[next() % filled.length];
      changes.push(changeColumn(bytes, entry, next));
      const stored = bytes.subarray(entry.offset, entry.offset + entry.bytes);
      columns.set(entry.name, { ...entry, crc32: crc32(stored) });
    }
  }
  // JSON has no infinite numbers; one that is too large is read as infinite.
  const text = JSON.stringify({ ...footer, columns: [...columns.values()] }).replaceAll('"Infinity"', "1e999");
  return { bytes: withFooter(bytes.subarray(0, trailer.footerOffset), Buffer.from(text)), changes };
}

function withFooter(before: Buffer, footer: Buffer): Buffer {
  const footerOffset = before.length;
  const fileBytes = footerOffset + footer.length + TRAILER_BYTES;
  const end = encodeTrailer({ footerOffset, footerBytes: footer.length, footerCrc32: crc32(footer), fileBytes });
  return Buffer.concat([before, footer, end]);
}

function changeColumn(bytes: Buffer, { name, type, rows, offset, bytes: length }: ColumnEntry, next: () => number): string {
  const buffer = new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
  const column = columnOver(type, buffer, rows);
  const wanted = next() % 5 === 0 ? rows : 1 + (next() % MOST_ENTRIES);
  const value = choice(next, column[next() % rows]);
  for (let count = 0; count < Math.min(wanted, rows); count++) column[wanted === rows ? count : next() % rows] = value;
  Buffer.from(buffer).copy(bytes, offset);
  return `${name} ${wanted} × ${value}`;
}

/** Goes down into the facts at random and changes the first number. */
function changeFact(node: unknown, path: string, next: () => number): string {
  const fields = Object.entries(node as Record<string, unknown>);
  const [key, value] = fields[next() % fields.length] ?? [];
  if (key === undefined) return `${path}: nothing`;
  if (typeof value === "object" && value !== null) return changeFact(value, `${path}.${key}`, next);
  if (typeof value !== "number") return `${path}.${key}: left`;
  const changed = choice(next, value);
  (node as Record<string, unknown>)[key] = Number.isFinite(changed) ? changed : "Infinity";
  return `${path}.${key} ${changed}`;
}

function choice(next: () => number, near: number): number {
  const kind = next() % 3;
  if (kind === 0) return near + (next() % 3) - 1;
  return kind === 1 ? EXTREMES[next() % EXTREMES.length] : next();
}

/** Mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
