/**
 * Which references of a container are kept from one snapshot to the next: a longest sequence of targets that kept its order.
 *
 * A queue that moved on holds new objects, perhaps at the addresses of those that left it; they stand behind the others, so their
 * order tells. C. Schensted, "Longest increasing and decreasing subsequences", 1961: O(k log k) for k common targets, O(k) when
 * nothing moved. 8 bytes a place and 16 bytes for each reference of the largest container of scratch, for all containers together.
 */
import type { Graph } from "../graph/graph.ts";

export class OrderKeeper {
  /** Source for which `position` of a place holds, so that nothing has to be cleared. */
  private readonly stamps: Int32Array;
  private readonly positions: Int32Array;
  private targets = new Int32Array(64);
  private places = new Int32Array(64);
  private tails = new Int32Array(64);
  private links = new Int32Array(64);

  constructor(places: number) {
    this.stamps = new Int32Array(places).fill(-1);
    this.positions = new Int32Array(places);
  }

  /**
   * Calls `take` with each target of `source` that its mate refers to as well.
   *
   * @param mates of each node of `before` the same node of `after`, or -1; `source` has one.
   * @param ordered false for a set, whose items have no order that means anything.
   */
  keptTargets(
    before: Graph,
    source: number,
    after: Graph,
    mates: Int32Array,
    ordered: boolean,
    take: (target: number) => void,
  ): void {
    const mate = mates[source];
    for (let edge = after.offsets[mate]; edge < after.offsets[mate + 1]; edge++) {
      this.stamps[after.edges[edge]] = mate;
      this.positions[after.edges[edge]] = edge - after.offsets[mate];
    }
    const common = this.commonTargets(before, source, mates, mate);
    if (!ordered || this.isAscending(common)) for (let index = 0; index < common; index++) take(this.targets[index]);
    else this.takeLongest(common, take);
  }

  /** Fills `targets` and their positions in the later snapshot; returns how many they are. */
  private commonTargets(before: Graph, source: number, mates: Int32Array, mate: number): number {
    const start = before.offsets[source];
    const end = before.offsets[source + 1];
    if (end - start > this.targets.length) this.grow(end - start);
    let common = 0;
    for (let edge = start; edge < end; edge++) {
      const target = before.edges[edge];
      const later = mates[target];
      if (later < 0 || this.stamps[later] !== mate) continue;
      this.targets[common] = target;
      this.places[common++] = this.positions[later];
    }
    return common;
  }

  private isAscending(length: number): boolean {
    for (let index = 1; index < length; index++) if (this.places[index] < this.places[index - 1]) return false;
    return true;
  }

  private takeLongest(length: number, take: (target: number) => void): void {
    let longest = 0;
    for (let index = 0; index < length; index++) {
      const at = this.pileFor(this.places[index], longest);
      this.tails[at] = index;
      this.links[index] = at > 0 ? this.tails[at - 1] : -1;
      if (at === longest) longest++;
    }
    for (let index = longest > 0 ? this.tails[longest - 1] : -1; index >= 0; index = this.links[index])
      take(this.targets[index]);
  }

  /** First pile whose last card is not below `value`. */
  private pileFor(value: number, piles: number): number {
    let low = 0;
    let high = piles;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.places[this.tails[middle]] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(least: number): void {
    const length = Math.max(least, 2 * this.targets.length);
    this.targets = new Int32Array(length);
    this.places = new Int32Array(length);
    this.tails = new Int32Array(length);
    this.links = new Int32Array(length);
  }
}
