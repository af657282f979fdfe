import { type ColumnEntry, ELEMENT_BYTES, type Footer } from "./layout.ts";
import { Unreadable } from "./unreadable.ts";

/** Parses a footer whose checksum is right. Anyone can write a right checksum, so nothing else is taken for granted. */
export function checkFooter(bytes: Uint8Array): Footer {
  const footer = parse(bytes);
  const { writer, form, withValues, columns } = footer;
  if (form !== "mapped" && form !== "archive") throw new Unreadable(`has an unknown form, ${show(form)}`, NEWER_HINT);
  if (typeof writer !== "string" || typeof withValues !== "boolean" || !Array.isArray(columns)) throw new Unreadable(NOT_OURS);
  return { writer, form, withValues, snapshot: footer.snapshot, columns: columns.map(checkEntry) };
}

const NOT_OURS = "is damaged: its footer is not as pystrata writes it";
const NEWER_HINT = "A newer pystrata may know it.";

function parse(bytes: Uint8Array): Partial<Record<keyof Footer, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // As any other footer that is none.
  }
  throw new Unreadable(NOT_OURS);
}

function checkEntry(value: unknown): ColumnEntry {
  if (typeof value !== "object" || value === null) throw new Unreadable(NOT_OURS);
  const { name, type, rows, offset, bytes, crc32, blocks } = value as Partial<Record<keyof ColumnEntry, unknown>>;
  if (typeof name !== "string") throw new Unreadable(NOT_OURS);
  if (!isElementType(type)) throw new Unreadable(`has a column ${name} of the unknown kind ${show(type)}`, NEWER_HINT);
  const figures = [rows, offset, bytes, crc32, ...(Array.isArray(blocks) ? blocks : [])];
  if (!figures.every(isCount) || (blocks !== undefined && !Array.isArray(blocks)))
    throw new Unreadable(`is damaged: where its column ${name} lies is not said`);
  return { name, type, rows, offset, bytes, crc32, blocks } as ColumnEntry;
}

function isElementType(type: unknown): type is ColumnEntry["type"] {
  return typeof type === "string" && Object.hasOwn(ELEMENT_BYTES, type);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 40) ?? "none";
}
