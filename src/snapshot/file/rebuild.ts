/** A snapshot put together again along its schema, from small facts and columns. The counterpart of `flatten.ts`. */
import { areFigures, areLengths, areRanges, isAscending, isAtMost, isWithin } from "./column-checks.ts";
import type { ColumnReader } from "./column-reader.ts";
import type { TypedColumn } from "./layout.ts";
import type { ColumnNode, Node, TextsNode } from "./schema-nodes.ts";
import { decodeTexts } from "./text-columns.ts";
import { Unreadable } from "./unreadable.ts";

type Row = Record<string, unknown>;

interface Pending {
  readonly name: string;
  readonly node: Node;
  /** Where the column belongs. */
  readonly owner: Row;
  readonly key: string;
}

/** Builds the value that `flatten` took apart. Throws `Unreadable` when facts or columns do not fit the schema or each other. */
export function rebuild(schema: Node, facts: unknown, columns: ColumnReader): unknown {
  return new Rebuilder(columns).build(schema, facts);
}

class Rebuilder {
  private readonly numbers = new Map<string, number>();
  private readonly pending: Pending[] = [];
  private readonly columns: ColumnReader;

  constructor(columns: ColumnReader) {
    this.columns = columns;
  }

  build(schema: Node, facts: unknown): unknown {
    const root: Row = {};
    this.fill(root, "snapshot", schema, facts, "");
    // Numbers are all known now: lengths of columns follow from them.
    for (const one of this.pending) this.fillColumn(one);
    return root.snapshot;
  }

  /** Sets `owner[key]` from the JSON of a node. */
  private fill(owner: Row, key: string, node: Node, value: unknown, name: string): void {
    switch (node.kind) {
      case "column":
      case "texts":
      case "pairs":
        // Set now, so that keys have the order of the schema.
        owner[key] = undefined;
        this.pending.push({ name, node, owner, key });
        return;
      case "number":
        // JSON has no infinity, but reads 1e999 as one.
        if (typeof value !== "number" || !Number.isFinite(value)) throw misfit(name);
        this.numbers.set(name, value);
        owner[key] = value;
        return;
      case "boolean":
      case "text":
        if (typeof value !== (node.kind === "text" ? "string" : "boolean")) throw misfit(name);
        owner[key] = value;
        return;
      case "optional":
        if (value === undefined) owner[key] = undefined;
        else this.fill(owner, key, node.node, value, name);
        return;
      case "list":
        if (!Array.isArray(value)) throw misfit(name);
        this.numbers.set(name, value.length);
        owner[key] = this.fillAll(
          [],
          value.map((item, index) => [String(index), node.item, item]),
          name,
        );
        return;
      case "record":
        owner[key] = this.fillAll(
          {},
          Object.entries(objectOf(value, name)).map(([at, item]) => [at, node.item, item]),
          name,
        );
        return;
      case "struct": {
        const object = objectOf(value, name);
        owner[key] = this.fillAll(
          {},
          Object.entries(node.fields).map(([at, field]) => [at, field, object[at]]),
          name,
        );
      }
    }
  }

  private fillAll(
    into: object,
    entries: readonly (readonly [key: string, node: Node, value: unknown])[],
    name: string,
  ): object {
    for (const [key, node, value] of entries) this.fill(into as Row, key, node, value, name === "" ? key : `${name}.${key}`);
    return into;
  }

  private fillColumn({ name, node, owner, key }: Pending): void {
    switch (node.kind) {
      case "column":
        owner[key] = this.column(name, node, owner);
        return;
      case "texts":
        this.texts(name, node, owner, key);
        return;
      case "pairs":
        owner[key] = this.pairs(name);
        return;
      default:
        throw new Error(`${name} is no column`);
    }
  }

  private column(name: string, node: ColumnNode, owner: Row): TypedColumn {
    const column = this.columns.read(name, node.type);
    expectRows(name, column.length, node.rows ? node.rows.of(this.at) : this.lengthBeside(name));
    if (node.below && !isWithin(column, node.below.of(this.at)))
      throw new Unreadable(`is damaged: its column ${name} refers to what is not there (${node.below.text})`);
    if (node.ascending && !isAscending(column)) throw new Unreadable(`is damaged: its column ${name} is not in order`);
    if (column instanceof Float64Array && !areFigures(column))
      throw new Unreadable(`is damaged: its column ${name} has a figure that no memory has`);
    const beside = (key: string) => owner[key] as TypedColumn;
    if (node.endOf !== undefined && !areRanges(beside(node.endOf), column))
      throw new Unreadable(`is damaged: its column ${name} ends what cannot be`);
    if (node.lengthOf !== undefined && !areLengths(beside(node.lengthOf), column))
      throw new Unreadable(`is damaged: its column ${name} has lengths that cannot be`);
    if (node.atMost !== undefined && !isAtMost(column, beside(node.atMost)))
      throw new Unreadable(`is damaged: its column ${name} exceeds ${node.atMost}`);
    return column;
  }

  /** Texts become strings when someone asks for them: most answers need few of them. */
  private texts(name: string, node: TextsNode, owner: Row, key: string): void {
    const offsets = this.columns.read(`${name}.offsets`, "u32") as Uint32Array;
    const bytes = this.columns.read(`${name}.text`, "u8") as Uint8Array;
    if (offsets.length === 0 || offsets[0] !== 0 || offsets[offsets.length - 1] !== bytes.length || !isAscending(offsets))
      throw new Unreadable(`is damaged: the texts of its column ${name} do not follow each other`);
    if (node.rows === "length") expectRows(name, offsets.length - 1, this.lengthBeside(name));
    let texts: readonly string[] | undefined;
    Object.defineProperty(owner, key, {
      enumerable: true,
      get: () => {
        texts ??= decodeTexts(offsets, bytes);
        return texts;
      },
    });
  }

  private pairs(name: string): ReadonlyMap<number, number> {
    const keys = this.columns.read(`${name}.keys`, "u32");
    const values = this.columns.read(`${name}.values`, "f64");
    expectRows(`${name}.values`, values.length, keys.length);
    return new Map(Array.from(keys, (key, row) => [key, values[row]]));
  }

  private lengthBeside(name: string): number {
    return this.at(`${name.slice(0, name.lastIndexOf("."))}.length`);
  }

  /** A number of the snapshot, or rows of its texts. */
  private readonly at = (path: string): number => this.numbers.get(path) ?? this.columns.rows(`${path}.offsets`) - 1;
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw misfit(name);
  return value as Readonly<Record<string, unknown>>;
}

function misfit(name: string): Unreadable {
  return new Unreadable(`is damaged: ${name === "" ? "its footer" : `its fact ${name}`} is not as pystrata writes it`);
}

function expectRows(name: string, rows: number, expected: number): void {
  if (rows !== expected) throw new Unreadable(`is damaged: its column ${name} has ${rows} rows and should have ${expected}`);
}
