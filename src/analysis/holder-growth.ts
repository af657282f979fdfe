/**
 * Where a heap grew: the shortest paths of both snapshots, merged by signature into one tree, cut where the growth is.
 *
 * Each byte counts once, on the shortest path that holds it, so that the rows add up to the growth of all that is held. A row is
 * cut where the number of objects changed about as much as the bytes behind them: there something was put in or taken out.
 */
import { type MergedPaths, mergePaths } from "../graph/merged-paths.ts";
import { typeOf } from "./graph-lookups.ts";
import { holdersOf } from "./holders.ts";
import type { ObjectGraph } from "./object-graph.ts";
import { labelSteps, type StepLabels } from "./step-labels.ts";
import { qualifiedTypeName } from "./types.ts";

export interface HolderGrowth {
  /** Such as `parley.hub.HUB.sessions[…]`: the path with keys and indexes left out. */
  readonly expression: string;
  /** Qualified name of the type of the objects there. */
  readonly type: string;
  /** Objects at that place itself. */
  readonly countBefore: number;
  readonly countAfter: number;
  /** Owned bytes of these objects and of all behind them; of these objects alone when `alone`. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** True when only these objects themselves changed their size, such as a bytearray that grew. */
  readonly alone: boolean;
}

/** Share of the growth in bytes that the growth in number must reach to be its reason. */
const REASON = 0.5;
const MOST_LABELS = 2 ** 26;
const NONE = -1;

export interface HeapGrowth {
  /** The places that changed, by the size of the change, largest first. */
  readonly rows: readonly HolderGrowth[];
  /** Owned bytes of everything that is held; their difference is the sum of the rows'. */
  readonly held: { readonly bytesBefore: number; readonly bytesAfter: number };
}

/** Where a heap grew and shrank. O(references + places) for each snapshot. */
export function holderGrowth(before: ObjectGraph, after: ObjectGraph): HeapGrowth {
  const book = new LabelBook();
  const tree = new SignatureTree(book);
  tree.add("before", mergedPaths(before, book));
  tree.add("after", mergedPaths(after, book));
  const rows = tree.changes().sort((a, b) => Math.abs(b.bytesAfter - b.bytesBefore) - Math.abs(a.bytesAfter - a.bytesBefore));
  return { rows, held: { bytesBefore: tree.bytes("before"), bytesAfter: tree.bytes("after") } };
}

/** A snapshot's shortest paths merged, with labels that another snapshot's equal labels have too. */
function mergedPaths(graph: ObjectGraph, book: LabelBook): MergedPaths {
  const { paths, moduleOf } = holdersOf(graph);
  const everything = Uint32Array.from(paths.order);
  const steps = labelSteps(graph, paths, everything, true);
  const weights = graph.ownedBytes.slice();
  const targets = everything.filter((node) => {
    // A namespace has its owner's label, and counts as a part of it.
    const isNamespace = steps.type(steps.labels[node]) !== typeOf(graph, node);
    if (isNamespace) weights[moduleOf.get(node) ?? paths.parents[node]] += weights[node];
    return !isNamespace;
  });
  const merged = mergePaths(paths, targets, steps.labels, weights, true);
  return { ...merged, labels: merged.labels.map((label) => book.numberOf(graph, steps, label)) };
}

interface Label {
  readonly reference: string;
  readonly type: string;
}

/** Labels that snapshots share: equal text and type, equal number. */
class LabelBook {
  readonly labels: Label[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf({ snapshot }: ObjectGraph, steps: StepLabels, label: number): number {
    const type = qualifiedTypeName(snapshot.types, steps.type(label));
    // A frame that runs on in another line is the same holder.
    const reference = steps.reference(label).replace(LINE_OF_FRAME, "$1");
    const key = `${type}\0${reference}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.labels.length);
    return this.labels.push({ reference, type }) - 1;
  }
}

/** In "frame Hub.fanout (parley/hub.py:212) targets". */
const LINE_OF_FRAME = /^(frame .*):\d+(?=\))/s;

/** One place of the merged tree, in both snapshots. */
interface Signature {
  readonly parent: Signature | undefined;
  readonly label: number;
  readonly children: Signature[];
  /** Objects at this place itself. */
  readonly count: Record<Side, number>;
  /** Owned bytes of these objects, and of them and all behind them. */
  readonly ownBytes: Record<Side, number>;
  readonly bytes: Record<Side, number>;
}

type Side = "before" | "after";

/** The branches of both snapshots by signature. There are thousands of them, whatever the number of objects. */
class SignatureTree {
  private readonly signatures: Signature[] = [];
  private readonly numbers = new Map<number, number>();

  constructor(private readonly book: LabelBook) {}

  add(side: Side, paths: MergedPaths): void {
    const numbers = new Int32Array(paths.length);
    for (let branch = 0; branch < paths.length; branch++) {
      const parent = paths.parents[branch] < 0 ? NONE : numbers[paths.parents[branch]];
      numbers[branch] = this.findOrAdd(parent, paths.labels[branch]);
      const signature = this.signatures[numbers[branch]];
      signature.count[side] += paths.ends[branch];
      signature.bytes[side] += paths.weights[branch];
      signature.ownBytes[side] += paths.weights[branch];
      if (signature.parent) signature.parent.ownBytes[side] -= paths.weights[branch];
    }
  }

  private findOrAdd(parent: number, label: number): number {
    const key = (parent + 1) * MOST_LABELS + label;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const before = parent < 0 ? undefined : this.signatures[parent];
    const zero = () => ({ before: 0, after: 0 });
    const signature = { parent: before, label, children: [], count: zero(), ownBytes: zero(), bytes: zero() };
    before?.children.push(signature);
    this.numbers.set(key, this.signatures.length);
    return this.signatures.push(signature) - 1;
  }

  /** Owned bytes of all that is held. */
  bytes(side: Side): number {
    return this.signatures.reduce((sum, { ownBytes }) => sum + ownBytes[side], 0);
  }

  /** Cuts the tree into places that changed; none lies behind another one that counts it too. */
  changes(): HolderGrowth[] {
    const rows: HolderGrowth[] = [];
    const open = this.signatures.filter(({ parent }) => parent === undefined);
    for (let signature = open.pop(); signature; signature = open.pop()) {
      if (explainedByCount(signature)) rows.push(this.row(signature, false));
      else {
        if (signature.ownBytes.before !== signature.ownBytes.after) rows.push(this.row(signature, true));
        for (const child of signature.children) open.push(child);
      }
    }
    return rows.filter(({ bytesBefore, bytesAfter }) => bytesBefore !== bytesAfter);
  }

  private row(signature: Signature, alone: boolean): HolderGrowth {
    const bytes = alone ? signature.ownBytes : signature.bytes;
    return {
      expression: this.expressionOf(signature),
      type: this.book.labels[signature.label].type,
      countBefore: signature.count.before,
      countAfter: signature.count.after,
      bytesBefore: bytes.before,
      bytesAfter: bytes.after,
      alone,
    };
  }

  private expressionOf(signature: Signature): string {
    const names: string[] = [];
    for (let step: Signature | undefined = signature; step; step = step.parent) {
      names.push(this.book.labels[step.label].reference);
    }
    return names.reverse().join("");
  }
}

/** Objects came or went here in about the proportion in which the bytes behind them did. */
function explainedByCount({ count, bytes }: Signature): boolean {
  const counts = change(count);
  return (
    counts !== 0 &&
    Math.sign(counts) === Math.sign(bytes.after - bytes.before) &&
    Math.abs(counts) >= REASON * Math.abs(change(bytes))
  );
}

/** −1 to 1: growth or shrinking as a share of the larger. */
function change({ before, after }: Record<Side, number>): number {
  return before === after ? 0 : (after - before) / Math.max(before, after);
}
