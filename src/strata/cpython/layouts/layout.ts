import { readdirSync, readFileSync } from "node:fs";

/** `[offset, bytes]`, or `[byte offset, 0, first bit, bits]` for a bit field. */
type FieldEntry = readonly number[];

interface LayoutTable {
  readonly version: string;
  readonly structures: Readonly<
    Record<
      string,
      {
        readonly size: number;
        readonly fields: Readonly<Record<string, FieldEntry>>;
      }
    >
  >;
}

/** Where a bit field lies: bits `firstBit` … `firstBit + bits − 1` of the little-endian word at `offset`. */
export interface BitField {
  readonly offset: number;
  readonly firstBit: number;
  readonly bits: number;
}

/** Major, minor and micro number of a CPython release. */
export interface PythonVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
}

/**
 * Offsets and sizes, in bytes, of the structures of one CPython release on x86-64, as its debug information states them.
 *
 * Members of nested structures have dotted names (`gc.generation0`); the object header is described by PyObject and
 * PyVarObject only. Asking for a name that the release does not have is a mistake of ours and throws: ask `has` first
 * where releases differ.
 */
export class Layout {
  constructor(private readonly table: LayoutTable) {}

  /** Release that the table was made from, such as `3.11.7`. */
  get version(): string {
    return this.table.version;
  }

  /** True when the release has the structure, and the field when one is named. */
  has(structure: string, field?: string): boolean {
    const known = this.table.structures[structure];
    return known !== undefined && (field === undefined || known.fields[field] !== undefined);
  }

  /** sizeof the structure. */
  size(structure: string): number {
    return this.structure(structure).size;
  }

  /** Offset of a field's first byte from the structure's first byte. */
  offset(structure: string, field: string): number {
    return this.field(structure, field)[0];
  }

  /** sizeof the field: the whole array for an array, 0 for a bit field or a flexible array. */
  fieldSize(structure: string, field: string): number {
    return this.field(structure, field)[1];
  }

  bitField(structure: string, field: string): BitField {
    const [offset, size, firstBit, bits] = this.field(structure, field);
    if (size !== 0 || bits === undefined)
      throw new RangeError(`${structure}.${field} is no bit field in CPython ${this.version}`);
    return { offset, firstBit, bits };
  }

  /** Names of the structure's fields, in the order of the declaration. */
  fields(structure: string): readonly string[] {
    return Object.keys(this.structure(structure).fields);
  }

  private structure(name: string): LayoutTable["structures"][string] {
    const found = this.table.structures[name];
    if (found === undefined) throw new RangeError(`CPython ${this.version} has no structure ${name}`);
    return found;
  }

  private field(structure: string, name: string): FieldEntry {
    const found = this.structure(structure).fields[name];
    if (found === undefined) throw new RangeError(`CPython ${this.version} has no field ${structure}.${name}`);
    return found;
  }
}

const tables = new URL("./tables/", import.meta.url);

/** Releases that have a table, oldest first. */
export function layoutVersions(): readonly PythonVersion[] {
  return readdirSync(tables)
    .map((file) => /^(\d+)\.(\d+)\.(\d+)\.json$/.exec(file))
    .filter((match) => match !== null)
    .map(([, major, minor, micro]) => ({
      major: Number(major),
      minor: Number(minor),
      micro: Number(micro),
    }))
    .sort((a, b) => a.major - b.major || a.minor - b.minor || a.micro - b.micro);
}

const loaded = new Map<string, Layout>();

/** The table of a release that `layoutVersions` names. */
export function loadLayout({ major, minor, micro }: PythonVersion): Layout {
  const version = `${major}.${minor}.${micro}`;
  let layout = loaded.get(version);
  if (layout === undefined) {
    layout = new Layout(JSON.parse(readFileSync(new URL(`${version}.json`, tables), "utf8")) as LayoutTable);
    loaded.set(version, layout);
  }
  return layout;
}

/**
 * Tables to try for a release, best first: those of the same minor release, the nearest micro number first. The structures
 * of a minor release hardly ever change between its patch releases, but whoever takes another one's table must verify it.
 */
export function layoutsFor(version: PythonVersion): readonly Layout[] {
  return layoutVersions()
    .filter((known) => known.major === version.major && known.minor === version.minor)
    .sort((a, b) => Math.abs(a.micro - version.micro) - Math.abs(b.micro - version.micro))
    .map(loadLayout);
}
