import { LEDGER_KEYS, type LedgerKey, type LedgerNode } from "./ledger-tree.ts";

/** First-level names for people, in the order of the report. */
const LABELS: Readonly<Record<LedgerKey, string>> = {
  objects: "Objects",
  pymallocFree: "pymalloc, free",
  pymallocOverhead: "pymalloc, overhead",
  mallocFree: "malloc, free",
  mallocNative: "malloc, native",
  mallocOther: "malloc, cached, top, overhead",
  libraries: "libraries",
  mappedFiles: "mapped files",
  stacksSharedOther: "stacks, other, shared memory",
  unexplained: "unexplained",
};

class Node {
  bytes = 0;
  readonly children = new Map<string, Node>();

  child(name: string): Node {
    let node = this.children.get(name);
    if (node === undefined) {
      node = new Node();
      this.children.set(name, node);
    }
    return node;
  }
}

/** Collects bytes on leaves and builds the tree, in which parents are the sums of their children. */
export class LedgerBuilder {
  private readonly firstLevel = new Map<string, Node>(LEDGER_KEYS.map((key) => [key, new Node()]));
  /** Resident bytes of allocators' ranges that their own tables have not accounted for yet. */
  private readonly pendingBytes = new Map<string, number>();

  /** Adds bytes to the leaf at `path` under a first-level key; zero adds nothing. */
  add(key: LedgerKey, path: readonly string[], bytes: number): void {
    if (bytes === 0) return;
    let node = this.firstLevel.get(key) as Node;
    node.bytes += bytes;
    for (const name of path) {
      node = node.child(name);
      node.bytes += bytes;
    }
  }

  addPending(allocator: string, bytes: number): void {
    this.pendingBytes.set(allocator, this.pending(allocator) + bytes);
  }

  takePending(allocator: string, bytes: number): void {
    this.addPending(allocator, -bytes);
  }

  pending(allocator: string): number {
    return this.pendingBytes.get(allocator) ?? 0;
  }

  total(): number {
    let sum = 0;
    for (const node of this.firstLevel.values()) sum += node.bytes;
    return sum;
  }

  /** Bytes under a key such as `mallocNative/unowned`. */
  bytesUnder(key: string): number {
    const [first, ...rest] = key.split("/");
    let node = this.firstLevel.get(first);
    for (const name of rest) node = node?.children.get(name);
    return node?.bytes ?? 0;
  }

  build(residentBytes: number): LedgerNode {
    const children = LEDGER_KEYS.map((key) => buildNode(this.firstLevel.get(key) as Node, key, LABELS[key]));
    return { key: "resident", label: "Resident", residentBytes, children };
  }
}

function buildNode(node: Node, key: string, label: string): LedgerNode {
  if (node.children.size === 0) return { key, label, residentBytes: node.bytes };
  const children = [...node.children]
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, child]) => buildNode(child, `${key}/${escapeKey(name)}`, name));
  return { key, label, residentBytes: node.bytes, children };
}

/** A slash in a name would read as another level. */
function escapeKey(name: string): string {
  return name.replaceAll("%", "%25").replaceAll("/", "%2F");
}
