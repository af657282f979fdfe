/**
 * Two snapshots compared: which types and which holders grew, and, when both are of one process, which objects appeared, stayed
 * and went. What each row counts, and when objects count as the same, is said in `identity.ts` and `holder-growth.ts`.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { type Result, succeed } from "../base/result.ts";
import { descriptorType } from "../snapshot/states.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import { type HolderGrowth, holderGrowth } from "./holder-growth.ts";
import { identifyObjects, whyNotSameProcess } from "./identity.ts";
import { isObject, type ObjectGraph, openObjectGraph } from "./object-graph.ts";
import { qualifiedTypeName } from "./types.ts";

/** A number of objects and their owned bytes in both snapshots. */
export interface Change {
  readonly countBefore: number;
  readonly countAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** What became of the objects of one process. The four add up to the change of all. */
export interface Fates {
  readonly appeared: Change;
  readonly went: Change;
  readonly stayed: Change;
  /** At the same address, of the same type, and nothing speaks against it, but nothing that stayed refers to it. */
  readonly undecided: Change;
}

export interface TypeGrowth extends Change {
  readonly name: string;
  readonly module: string;
  /** Undefined when objects are not identified. */
  readonly fates: Fates | undefined;
}

export interface SnapshotDifference {
  /** Why objects are not identified; undefined when they are. */
  readonly notIdentified: string | undefined;
  /** Every type that is in one of them, by the size of its change in bytes. */
  readonly types: readonly TypeGrowth[];
  readonly all: Change & { readonly fates: Fates | undefined };
  readonly holders: readonly HolderGrowth[];
  /** Objects that nothing holds: garbage that waits for a collection. They are behind no holder. */
  readonly unheld: { readonly bytesBefore: number; readonly bytesAfter: number };
  /** True when one of the captures left something out. */
  readonly lowerBound: boolean;
}

/** Compares two snapshots with references; objects are identified in the order in which these were taken. O(places + references). */
export function diffSnapshots(before: Snapshot, after: Snapshot): Result<SnapshotDifference> {
  const a = openObjectGraph(before);
  if (!a.ok) return a;
  const b = openObjectGraph(after);
  if (!b.ok) return b;
  const notIdentified = whyNotSameProcess(before, after);
  const counter = new TypeCounter(a.value, b.value, notIdentified === undefined);
  const types = counter.rows();
  const all = counter.all();
  const { rows: holders, held } = holderGrowth(a.value, b.value);
  return succeed({
    notIdentified,
    types: types.sort((x, y) => Math.abs(growthOf(y)) - Math.abs(growthOf(x)) || y.bytesAfter - x.bytesAfter),
    all,
    holders,
    unheld: { bytesBefore: all.bytesBefore - held.bytesBefore, bytesAfter: all.bytesAfter - held.bytesAfter },
    lowerBound: a.value.lowerBound || b.value.lowerBound,
  });
}

function growthOf({ bytesBefore, bytesAfter }: Change): number {
  return bytesAfter - bytesBefore;
}

const FATES = ["appeared", "went", "stayed", "undecided"] as const;
const [APPEARED, WENT, STAYED, UNDECIDED] = [0, 1, 2, 3];
/** Sums of a type and fate: objects and bytes before, objects and bytes after. */
const COUNT_BEFORE = 0;
const BYTES_BEFORE = 1;
const COUNT_AFTER = 2;
const BYTES_AFTER = 3;
const SUMS_OF_FATE = 4;
const SUMS_OF_TYPE = FATES.length * SUMS_OF_FATE;

/** Counts objects by type and fate. Types are the same by qualified name: a class that was defined anew counts with the old one. */
class TypeCounter {
  private readonly keys: { readonly name: string; readonly module: string }[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly sums: Float64Array;

  constructor(
    private readonly before: ObjectGraph,
    private readonly after: ObjectGraph,
    private readonly identified: boolean,
  ) {
    const typesBefore = this.numbersOf(before.snapshot);
    const typesAfter = this.numbersOf(after.snapshot);
    this.sums = new Float64Array(this.keys.length * SUMS_OF_TYPE);
    this.count(typesBefore, typesAfter);
  }

  rows(): TypeGrowth[] {
    return this.keys
      .map((key, type) => ({ ...key, ...this.growth([type]) }))
      .filter(({ countBefore, countAfter }) => countBefore > 0 || countAfter > 0);
  }

  all(): SnapshotDifference["all"] {
    return this.growth(this.keys.map((_, type) => type));
  }

  private numbersOf({ types }: Snapshot): Int32Array {
    return Int32Array.from({ length: types.length }, (_, type) => {
      const name = qualifiedTypeName(types, type);
      const known = this.numbers.get(name) ?? this.keys.push({ name: types.name[type], module: types.module[type] }) - 1;
      this.numbers.set(name, known);
      return known;
    });
  }

  private count(typesBefore: Int32Array, typesAfter: Int32Array): void {
    const { before, after, sums } = this;
    const identity = this.identified ? identifyObjects(before, after) : undefined;
    const mated = newBits(after.objects.length);
    for (let place = 0; place < before.objects.length; place++) {
      if (!isObject(before.objects, place)) continue;
      const mate = identity ? identity.mates[place] : -1;
      const fate = mate < 0 ? WENT : identity && hasBit(identity.confirmed, place) ? STAYED : UNDECIDED;
      const row = typesBefore[descriptorType(before.objects.descriptor[place])] * SUMS_OF_TYPE + fate * SUMS_OF_FATE;
      sums[row + COUNT_BEFORE]++;
      sums[row + BYTES_BEFORE] += before.ownedBytes[place];
      if (mate < 0) continue;
      setBit(mated, mate);
      sums[row + COUNT_AFTER]++;
      sums[row + BYTES_AFTER] += after.ownedBytes[mate];
    }
    for (let place = 0; place < after.objects.length; place++) {
      if (!isObject(after.objects, place) || hasBit(mated, place)) continue;
      const row = typesAfter[descriptorType(after.objects.descriptor[place])] * SUMS_OF_TYPE + APPEARED * SUMS_OF_FATE;
      sums[row + COUNT_AFTER]++;
      sums[row + BYTES_AFTER] += after.ownedBytes[place];
    }
  }

  private growth(types: readonly number[]): SnapshotDifference["all"] {
    const [appeared, went, stayed, undecided] = FATES.map((_, fate) => this.change(types, [fate]));
    const fates = this.identified ? { appeared, went, stayed, undecided } : undefined;
    return { ...this.change(types, [APPEARED, WENT, STAYED, UNDECIDED]), fates };
  }

  private change(types: readonly number[], fates: readonly number[]): Change {
    const sum = (column: number): number => {
      let total = 0;
      for (const type of types)
        for (const fate of fates) total += this.sums[type * SUMS_OF_TYPE + fate * SUMS_OF_FATE + column];
      return total;
    };
    return {
      countBefore: sum(COUNT_BEFORE),
      countAfter: sum(COUNT_AFTER),
      bytesBefore: sum(BYTES_BEFORE),
      bytesAfter: sum(BYTES_AFTER),
    };
  }
}
