import { writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { ReportProgress } from "../../base/progress.ts";
import { type Result, succeed } from "../../base/result.ts";
import { MIB, PAGE_BYTES, roundUp } from "../../base/units.ts";
import type { Snapshot } from "../tables.ts";
import { BLOCK_BYTES, compressBlock } from "./blocks.ts";
import { createFile } from "./destination.ts";
import { type FlatSnapshot, flatten, type OutgoingColumn } from "./flatten.ts";
import { type ColumnEntry, ELEMENT_BYTES, encodeHeader, encodeTrailer, type Footer, TRAILER_BYTES } from "./layout.ts";
import { SNAPSHOT_SCHEMA } from "./schema.ts";

export interface WriteOptions {
  /** Compressed: several times smaller, but read and not mapped when it is opened. */
  readonly archive?: boolean;
  /** Replace a snapshot of ours. */
  readonly force?: boolean;
  /** Keep the values that the snapshot has; they may be secrets. */
  readonly withValues?: boolean;
  /** Name and version of the program, for the file. */
  readonly writer?: string;
  readonly progress?: ReportProgress;
}

/** So much is written, and added to the checksum, at once. */
const PIECE_BYTES = 4 * MIB;

/**
 * Writes a snapshot to a new file that only this user can read. The columns are not copied on the way. Fails when the name is taken or
 * the disk is full, and leaves nothing then. @returns the bytes of the file
 */
export function writeSnapshotFile(snapshot: Snapshot, path: string, options: WriteOptions): Result<number> {
  const kept = options.withValues === true ? snapshot : withoutValues(snapshot);
  const flat = flatten(SNAPSHOT_SCHEMA, kept);
  let fileBytes = 0;
  const created = createFile(path, options.force === true, (fd) => {
    fileBytes = new SnapshotWriter(fd, options).write(flat, kept.graph?.values !== undefined);
  });
  return created.ok ? succeed(fileBytes) : created;
}

function withoutValues(snapshot: Snapshot): Snapshot {
  return snapshot.graph ? { ...snapshot, graph: { ...snapshot.graph, values: undefined } } : snapshot;
}

/** Fills one file from its beginning to its end. */
class SnapshotWriter {
  private position = 0;
  private readonly fd: number;
  private readonly options: WriteOptions;

  constructor(fd: number, options: WriteOptions) {
    this.fd = fd;
    this.options = options;
  }

  write({ facts, columns }: FlatSnapshot, withValues: boolean): number {
    const archive = this.options.archive === true;
    this.append(encodeHeader());
    const total = columns.reduce((sum, { rows, type }) => sum + rows * ELEMENT_BYTES[type], 0) / MIB;
    const entries: ColumnEntry[] = [];
    let doneBytes = 0;
    for (const column of columns) {
      this.options.progress?.({ phase: "MiB written", done: Math.floor(doneBytes / MIB), total: Math.ceil(total) });
      entries.push(archive ? this.writeBlocks(column) : this.writeColumn(column));
      doneBytes += column.rows * ELEMENT_BYTES[column.type];
    }
    const footer: Footer = {
      writer: this.options.writer ?? "pystrata",
      form: archive ? "archive" : "mapped",
      withValues,
      snapshot: facts,
      columns: entries,
    };
    return this.end(Buffer.from(JSON.stringify(footer), "utf8"));
  }

  private writeColumn({ name, type, rows, pieces }: OutgoingColumn): ColumnEntry {
    this.append(Buffer.alloc(roundUp(this.position, PAGE_BYTES) - this.position));
    const offset = this.position;
    let checksum = 0;
    for (const piece of pieces()) checksum = this.append(piece, checksum);
    return { name, type, rows, offset, bytes: this.position - offset, crc32: checksum };
  }

  private writeBlocks({ name, type, rows, pieces }: OutgoingColumn): ColumnEntry {
    const offset = this.position;
    const blocks: number[] = [];
    let checksum = 0;
    for (const block of inBlocks(pieces())) {
      const packed = compressBlock(type, block);
      checksum = this.append(packed, checksum);
      blocks.push(packed.length);
    }
    return { name, type, rows, offset, bytes: this.position - offset, crc32: checksum, blocks };
  }

  private end(footer: Uint8Array): number {
    const footerOffset = this.position;
    const footerCrc32 = this.append(footer);
    const fileBytes = this.position + TRAILER_BYTES;
    this.append(encodeTrailer({ footerOffset, footerBytes: footer.length, footerCrc32, fileBytes }));
    return fileBytes;
  }

  /** Appends bytes and goes on with a checksum while they are in the processor's cache. */
  private append(bytes: Uint8Array, checksum = 0): number {
    for (let start = 0; start < bytes.length; ) {
      const piece = bytes.subarray(start, start + PIECE_BYTES);
      const written = writeSync(this.fd, piece);
      checksum = crc32(piece.subarray(0, written), checksum);
      start += written;
    }
    this.position += bytes.length;
    return checksum;
  }
}

/** Cuts or joins pieces to blocks. */
function* inBlocks(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  for (const piece of pieces) {
    for (let start = 0; start < piece.length; ) {
      const part = piece.subarray(start, start + BLOCK_BYTES - filled);
      block.set(part, filled);
      filled += part.length;
      start += part.length;
      if (filled === BLOCK_BYTES) {
        yield block;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
