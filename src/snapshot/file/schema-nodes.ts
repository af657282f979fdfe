/**
 * What a snapshot file's schema is made of. A schema mirrors the type of the tables, and the compiler checks that it does: a column
 * that is added to a table and not to its schema is an error.
 */

/** Element types of columns: what the typed array of the table has. Little-endian. */
export type ElementType = "f64" | "u32" | "i32" | "u16" | "u8";

/** A number that follows from others: rows of a column, or the bound of its indexes. */
export interface Count {
  /** For the format document and for sentences. */
  readonly text: string;
  /** @param at a number of the snapshot by its path, such as `objects.length`; rows of a column by the column's name */
  readonly of: (at: (path: string) => number) => number;
}

/** Typed array → column of the file. */
export interface ColumnNode<T extends ElementType = ElementType> {
  readonly kind: "column";
  readonly type: T;
  /** Undefined: the `length` beside it. */
  readonly rows: Count | undefined;
  /** Every entry is below it (and not below -1), since it is an index. */
  readonly below: Count | undefined;
  /** No entry is below the one before. */
  readonly ascending: boolean;
  /** Key of the column beside it where what ends here begins: a range is not negative, and all together are no more than memory can be. */
  readonly endOf: string | undefined;
  /** Key of the column beside it where what is so long begins; as `endOf`. */
  readonly lengthOf: string | undefined;
  /** Key of the column beside it that no entry exceeds. */
  readonly atMost: string | undefined;
}

/** List of strings → two columns, offsets and UTF-8. */
export interface TextsNode {
  readonly kind: "texts";
  /** "length": as many as the `length` beside it; "own": as many as there are. */
  readonly rows: "length" | "own";
}

/** Map of numbers → two columns, keys and values. */
export interface PairsNode {
  readonly kind: "pairs";
}

/** Small facts, which stay in the footer as JSON. */
export interface NumberNode {
  readonly kind: "number";
}
export interface BooleanNode {
  readonly kind: "boolean";
}
export interface TextNode {
  readonly kind: "text";
}

export interface OptionalNode<T> {
  readonly kind: "optional";
  readonly node: NodeFor<T>;
}
export interface ListNode<T> {
  readonly kind: "list";
  readonly item: NodeFor<T>;
}
/** By name: an object whose keys are data. */
export interface RecordNode<T> {
  readonly kind: "record";
  readonly item: NodeFor<T>;
}
export interface StructNode<T> {
  readonly kind: "struct";
  readonly fields: { readonly [Key in keyof T]-?: NodeFor<T[Key]> };
}

/** Any node, for those who walk a schema. */
export type Node =
  | ColumnNode
  | TextsNode
  | PairsNode
  | NumberNode
  | BooleanNode
  | TextNode
  | { readonly kind: "optional"; readonly node: Node }
  | { readonly kind: "list" | "record"; readonly item: Node }
  | { readonly kind: "struct"; readonly fields: Readonly<Record<string, Node>> };

/** The node, or nodes, that can keep a value of type T. */
export type NodeFor<T> = undefined extends T
  ? OptionalNode<Exclude<T, undefined>>
  : T extends Float64Array
    ? ColumnNode<"f64">
    : T extends Uint32Array
      ? ColumnNode<"u32">
      : T extends Int32Array
        ? ColumnNode<"i32">
        : T extends Uint16Array
          ? ColumnNode<"u16">
          : T extends Uint8Array
            ? ColumnNode<"u8">
            : T extends number
              ? NumberNode
              : T extends boolean
                ? BooleanNode
                : T extends string
                  ? TextNode
                  : T extends readonly string[]
                    ? TextsNode | ListNode<string>
                    : T extends readonly (infer Item)[]
                      ? ListNode<Item>
                      : T extends ReadonlyMap<number, number>
                        ? PairsNode
                        : string extends keyof T
                          ? RecordNode<T[keyof T]>
                          : StructNode<T>;

interface ColumnOptions {
  readonly rows?: Count;
  readonly below?: Count;
  readonly ascending?: boolean;
  readonly endOf?: string;
  readonly lengthOf?: string;
  readonly atMost?: string;
}

export function column<T extends ElementType>(type: T, options: ColumnOptions = {}): ColumnNode<T> {
  const { rows, below, ascending = false, endOf, lengthOf, atMost } = options;
  return { kind: "column", type, rows, below, ascending, endOf, lengthOf, atMost };
}

export const texts: TextsNode = { kind: "texts", rows: "length" };
export const ownTexts: TextsNode = { kind: "texts", rows: "own" };
export const pairs: PairsNode = { kind: "pairs" };
export const number: NumberNode = { kind: "number" };
export const boolean: BooleanNode = { kind: "boolean" };
export const text: TextNode = { kind: "text" };

export function optional<T>(node: NodeFor<T>): OptionalNode<T> {
  return { kind: "optional", node };
}

export function list<T>(item: NodeFor<T>): ListNode<T> {
  return { kind: "list", item };
}

export function record<T>(item: NodeFor<T>): RecordNode<T> {
  return { kind: "record", item };
}

export function struct<T>(fields: StructNode<T>["fields"]): StructNode<T> {
  return { kind: "struct", fields };
}
