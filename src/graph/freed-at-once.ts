/**
 * What reference counting alone frees when a node goes: the node, then again and again every node all of whose references come
 * from nodes that went. The rest of what the node retains needs a collection.
 *
 * For all nodes in one pass over the dominator tree, which works because of three facts. F(x) is what goes with x.
 * - F(x) is part of what x dominates: a way round x would keep a node alive.
 * - With d the immediate dominator of v, and x further up: v is in F(x) exactly when v is in F(d) and d is in F(x). (Nodes of
 *   F(x) have all their referrers in F(x) or in x, so d lies on the way and takes v along by itself.) Hence a bit for each
 *   node, "goes with its dominator", says everything, and freed sizes add up along the tree.
 * - v goes with d when each referrer is d or goes with d; a referrer is dominated by d. Dominators from the bottom up: a
 *   union-find joins each node that goes with its dominator to it, so a referrer stands for the sibling of v that it goes
 *   with, or for a node below that keeps it alive. Among siblings counting as Kahn's topological sort does settles the rest.
 *   (A. B. Kahn, "Topological sorting of large networks", 1962.)
 *
 * O(nodes + edges · log nodes). The result takes 8 bytes a node; 24 bytes a node of scratch and 8 bytes an edge between the
 * nodes below one dominator.
 */
import { hasBit } from "../base/bits.ts";
import type { DominatorTree } from "./dominators.ts";
import type { Graph, Weights } from "./graph.ts";
import { dominatedNodes } from "./retained.ts";
import { Scratch } from "./scratch.ts";

const NONE = -1;

/**
 * Bytes freed at once with each node, itself included, in the unit of `sizes`. Held nodes go with nobody. An edge from a node that
 * is not reached counts: garbage keeps things alive too. A node that nothing reaches frees itself.
 *
 * @param referrers the graph of `tree` turned round. @param dominated of `tree`, where it is known already.
 */
export function freedAtOnceSizes(
  tree: DominatorTree,
  referrers: Graph,
  sizes: Weights,
  scratch: Scratch = new Scratch(),
  dominated: Graph = dominatedNodes(tree),
): Float64Array {
  const { nodes, order, folded } = tree;
  const freed = new Float64Array(sizes.subarray(0, nodes));
  const mark = scratch.mark();
  const siblings = new Siblings(nodes, scratch);
  for (let index = order.length - 1; index > 0; index--) {
    const dominator = order[index];
    const start = dominated.offsets[dominator];
    const end = dominated.offsets[dominator + 1];
    siblings.begin();
    for (let child = start; child < end; child++) {
      const node = dominated.edges[child];
      // A folded node has one reference, from its dominator.
      if (hasBit(folded, node)) freed[dominator] += freed[node];
      else siblings.add(node, dominator, referrers);
    }
    for (let node = siblings.nextFree(); node !== NONE; node = siblings.nextFree()) {
      freed[dominator] += freed[node];
      siblings.join(node, dominator);
    }
  }
  scratch.release(mark);
  return freed;
}

/** The nodes below one dominator, and which of them still wait for which. */
class Siblings {
  /** Union-find: a node that goes with its dominator leads to it. */
  private readonly joined: Int32Array;
  /** References to a sibling from nodes that have not gone yet. */
  private readonly pending: Int32Array;
  private readonly queue: Int32Array;
  private queued = 0;
  private taken = 0;
  /** Chains of waiting siblings by the one they wait for. */
  private readonly firstWaiting: Int32Array;
  private nextWaiting: Int32Array = new Int32Array(64);
  private waiting: Int32Array = new Int32Array(64);
  private links = 0;

  constructor(nodes: number, scratch: Scratch) {
    this.joined = scratch.take(nodes, 0);
    for (let node = 0; node < nodes; node++) this.joined[node] = node;
    this.pending = scratch.take(nodes, 0);
    this.queue = scratch.take(nodes, 0);
    this.firstWaiting = scratch.take(nodes, NONE);
  }

  begin(): void {
    this.queued = 0;
    this.taken = 0;
    this.links = 0;
  }

  add(node: number, dominator: number, referrers: Graph): void {
    let pending = 0;
    for (let edge = referrers.offsets[node]; edge < referrers.offsets[node + 1]; edge++) {
      const referrer = referrers.edges[edge];
      if (referrer === dominator) continue;
      // No sibling, when the referrer lies below one and does not go with it, or is not reached: that never joins.
      this.waitFor(this.top(referrer), node);
      pending++;
    }
    this.pending[node] = pending;
    if (pending === 0) this.queue[this.queued++] = node;
  }

  /** The next node that goes with the dominator, or `NONE`. */
  nextFree(): number {
    return this.taken < this.queued ? this.queue[this.taken++] : NONE;
  }

  /** `node` goes with `dominator`: so do those that waited for nothing else. */
  join(node: number, dominator: number): void {
    this.joined[node] = dominator;
    for (let link = this.firstWaiting[node]; link !== NONE; link = this.nextWaiting[link]) {
      const waiting = this.waiting[link];
      if (--this.pending[waiting] === 0) this.queue[this.queued++] = waiting;
    }
  }

  /** The highest dominator that `node` goes with, or itself. Halves the path. */
  private top(node: number): number {
    const { joined } = this;
    while (joined[node] !== node) {
      joined[node] = joined[joined[node]];
      node = joined[node];
    }
    return node;
  }

  private waitFor(sibling: number, node: number): void {
    if (this.links === this.waiting.length) {
      this.waiting = enlarged(this.waiting);
      this.nextWaiting = enlarged(this.nextWaiting);
    }
    this.waiting[this.links] = node;
    this.nextWaiting[this.links] = this.firstWaiting[sibling];
    this.firstWaiting[sibling] = this.links++;
  }
}

function enlarged(items: Int32Array): Int32Array {
  const larger = new Int32Array(items.length * 2);
  larger.set(items);
  return larger;
}
