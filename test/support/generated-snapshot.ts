import { PAGE_BYTES } from "../../src/base/units.ts";
import { SNAPSHOT_SCHEMA } from "../../src/snapshot/file/schema.ts";
import type { Node } from "../../src/snapshot/file/schema-nodes.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";

type Row = Record<string, unknown>;

interface PendingColumn {
  readonly name: string;
  readonly node: Node;
  readonly owner: Row;
  readonly key: string;
}

const TEXTS = ["", "a", "größe", "名前", "\u202e\u001b[31m", "\ud83d\ude00", "\udcff", "x".repeat(300), "__proto__"];
/** Addresses end before those of user space, with room for a few pages. */
const EXTREMES = { f64: 2 ** 46, u32: 2 ** 32, i32: 2 ** 31, u16: 2 ** 16, u8: 2 ** 8 };
const ARRAYS = { f64: Float64Array, u32: Uint32Array, i32: Int32Array, u16: Uint16Array, u8: Uint8Array };

/** A small snapshot of random contents: whatever its schema allows, sensible or not. The same for the same seed. */
export function generatedSnapshot(seed: number): Snapshot {
  return new Generator(seed).make();
}

class Generator {
  private readonly numbers = new Map<string, number>();
  private readonly pending: PendingColumn[] = [];
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  make(): Snapshot {
    const root: Row = {};
    this.fill(root, "snapshot", SNAPSHOT_SCHEMA, "");
    for (const column of this.pending) this.fillColumn(column);
    return root.snapshot as Snapshot;
  }

  private fill(owner: Row, key: string, node: Node, name: string): void {
    const into = (item: Node, child: string, container: object): void =>
      this.fill(container as Row, child, item, name === "" ? child : `${name}.${child}`);
    switch (node.kind) {
      case "column":
      case "texts":
      case "pairs":
        owner[key] = undefined;
        this.pending.push({ name, node, owner, key });
        return;
      case "number":
        owner[key] = this.numberFor(name);
        this.numbers.set(name, owner[key] as number);
        return;
      case "boolean":
        owner[key] = this.below(2) === 1;
        return;
      case "text":
        owner[key] = TEXTS[this.below(TEXTS.length)];
        return;
      case "optional":
        owner[key] = undefined;
        if (this.isThere(name)) this.fill(owner, key, node.node, name);
        return;
      case "list": {
        const items: unknown[] = [];
        const length = this.below(3);
        this.numbers.set(name, length);
        for (let index = 0; index < length; index++) into(node.item, String(index), items);
        owner[key] = items;
        return;
      }
      case "record": {
        const items = {};
        for (let index = this.below(3); index > 0; index--) into(node.item, `key ${index}`, items);
        owner[key] = items;
        return;
      }
      case "struct": {
        const fields = {};
        for (const [child, field] of Object.entries(node.fields)) into(field, child, fields);
        owner[key] = fields;
      }
    }
  }

  /** References are of objects, and pools hold objects: the one is not without the other. */
  private isThere(name: string): boolean {
    if (name === "graph") return this.numbers.has("objects.length");
    return (name === "objects" && this.numbers.has("pymalloc.poolBytes")) || this.below(4) > 0;
  }

  /** Lengths are small, and never 0 where other tables point into them. */
  private numberFor(name: string): number {
    if (name === "objects.poolPlaces") return Math.min(2, this.numbers.get("objects.length") ?? 0);
    if (name === "objects.chunkPlaces") return 0;
    if (name.endsWith("length")) return 1 + this.below(5);
    return this.below(2) === 0 ? this.below(1000) : this.below(2 ** 32) * 1.5;
  }

  private fillColumn({ name, node, owner, key }: PendingColumn): void {
    const length = this.numbers.get(`${name.slice(0, name.lastIndexOf("."))}.length`) ?? 0;
    if (node.kind === "texts") {
      const rows = node.rows === "own" ? 1 + this.below(4) : length;
      this.numbers.set(name, rows);
      owner[key] = Array.from({ length: rows }, () => TEXTS[this.below(TEXTS.length)]);
    } else if (node.kind === "pairs") {
      owner[key] = new Map(Array.from({ length: this.below(4) }, () => [this.below(2 ** 32), this.below(2 ** 32) * 100]));
    } else if (node.kind === "column") {
      const bound = Math.min(EXTREMES[node.type], node.below?.of(this.at) ?? EXTREMES[node.type]);
      const lowest = node.type === "i32" ? -1 : 0;
      const entries = Array.from({ length: node.rows?.of(this.at) ?? length }, () => lowest + this.below(bound - lowest));
      const column = ARRAYS[node.type].from(entries);
      const start = node.endOf === undefined ? undefined : (owner[node.endOf] as Float64Array);
      const most = node.atMost === undefined ? undefined : (owner[node.atMost] as Float64Array);
      if (start) owner[key] = start.map((from) => from + this.below(5) * PAGE_BYTES);
      else if (node.lengthOf !== undefined) owner[key] = column.map(() => this.below(5) * PAGE_BYTES);
      else if (most) owner[key] = most.map((bytes) => this.below(bytes + 1));
      else owner[key] = node.ascending ? column.sort() : column;
    }
  }

  /** Counts of texts are known before the columns that point into them only if those come first: one is always there. */
  private readonly at = (path: string): number => this.numbers.get(path) ?? 1;

  /** Mulberry32: a random whole number below `bound`. */
  private below(bound: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }
}
