/** A snapshot taken apart along its schema: small facts as JSON, and columns with their names. */

import { ELEMENT_BYTES, type TypedColumn } from "./layout.ts";
import type { ElementType, Node } from "./schema-nodes.ts";
import { textOffsets, textPieces } from "./text-columns.ts";

/** A column that is to be written. */
export interface OutgoingColumn {
  readonly name: string;
  readonly type: ElementType;
  readonly rows: number;
  /** Its bytes in pieces; each is valid until the next is asked for. */
  readonly pieces: () => Iterable<Uint8Array>;
}

export interface FlatSnapshot {
  readonly facts: unknown;
  readonly columns: readonly OutgoingColumn[];
}

interface Pending {
  readonly name: string;
  readonly node: Node;
  readonly value: unknown;
}

/** Takes a value apart. Columns are not copied; their lengths are those that the schema says, not those of the arrays. */
export function flatten(schema: Node, value: unknown): FlatSnapshot {
  const numbers = new Map<string, number>();
  const pending: Pending[] = [];
  const facts = factsOf(schema, value, "", numbers, pending);
  const at = (path: string): number => numbers.get(path) ?? 0;
  return { facts, columns: pending.flatMap((one) => outgoing(one, at)) };
}

/** The JSON of a node; a column leaves nothing there and is put on the list. */
function factsOf(node: Node, value: unknown, name: string, numbers: Map<string, number>, pending: Pending[]): unknown {
  const below = (child: Node, item: unknown, key: string | number): unknown =>
    factsOf(child, item, name === "" ? String(key) : `${name}.${key}`, numbers, pending);
  switch (node.kind) {
    case "column":
    case "texts":
    case "pairs":
      pending.push({ name, node, value });
      return undefined;
    case "number":
      if (!Number.isFinite(value)) throw new Error(`${name} is ${String(value)}, which no file can keep`);
      numbers.set(name, value as number);
      return value;
    case "boolean":
    case "text":
      return value;
    case "optional":
      return value === undefined ? undefined : factsOf(node.node, value, name, numbers, pending);
    case "list":
      numbers.set(name, (value as readonly unknown[]).length);
      return (value as readonly unknown[]).map((item, index) => below(node.item, item, index));
    case "record":
      return mapEntries(value as Readonly<Record<string, unknown>>, (key, item) => below(node.item, item, key));
    case "struct":
      return mapEntries(node.fields, (key, field) => below(field, (value as Readonly<Record<string, unknown>>)[key], key));
  }
}

function mapEntries<T>(object: Readonly<Record<string, T>>, map: (key: string, value: T) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(key, value)]));
}

function outgoing({ name, node, value }: Pending, at: (path: string) => number): OutgoingColumn[] {
  const besideLength = `${name.slice(0, name.lastIndexOf("."))}.length`;
  switch (node.kind) {
    case "column":
      return [plain(name, node.type, value as TypedColumn, node.rows ? node.rows.of(at) : at(besideLength))];
    case "texts": {
      const texts = value as readonly string[];
      const rows = node.rows === "own" ? texts.length : at(besideLength);
      const offsets = textOffsets(texts, rows);
      const bytes = { name: `${name}.text`, type: "u8", rows: offsets[rows], pieces: () => textPieces(texts, rows) } as const;
      return [plain(`${name}.offsets`, "u32", offsets, rows + 1), bytes];
    }
    case "pairs": {
      const map = value as ReadonlyMap<number, number>;
      return [
        plain(`${name}.keys`, "u32", Uint32Array.from(map.keys()), map.size),
        plain(`${name}.values`, "f64", Float64Array.from(map.values()), map.size),
      ];
    }
    default:
      throw new Error(`${name} is no column`);
  }
}

function plain(name: string, type: ElementType, values: TypedColumn, rows: number): OutgoingColumn {
  if (values.length < rows) throw new Error(`${name} has ${values.length} rows and should have ${rows}`);
  const bytes = new Uint8Array(values.buffer, values.byteOffset, rows * ELEMENT_BYTES[type]);
  return { name, type, rows, pieces: () => [bytes] };
}
