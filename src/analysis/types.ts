import type { TypeTable } from "../snapshot/tables.ts";

export const TYPE_SORT_KEYS = ["resident", "owned", "shallow", "retained", "count", "name"] as const;
export type TypeSortKey = (typeof TYPE_SORT_KEYS)[number];

/** Sums over a set of types. */
export interface TypeSum {
  readonly types: number;
  readonly count: number;
  readonly shallowBytes: number;
  readonly ownedBytes: number;
  readonly residentBytes: number;
}

/** A histogram: the chosen types in order, and sums that account for every type of the process. */
export interface TypeHistogram {
  /** Indexes into the type table. */
  readonly rows: Int32Array;
  /** Types that match the filter but lie beyond the limit; rows + other = shown. */
  readonly other: TypeSum;
  readonly shown: TypeSum;
  readonly all: TypeSum;
}

export interface TypeQuery {
  readonly sort: TypeSortKey;
  /** What each type's instances retain, for `sort: "retained"`. */
  readonly retainedBytes?: Float64Array | undefined;
  /** Largest number of rows; undefined for all. */
  readonly limit?: number | undefined;
  /** True for the types to show, by `module.name`. */
  readonly matches?: ((qualifiedName: string) => boolean) | undefined;
}

/** `module.name`, or the name alone for builtins. */
export function qualifiedTypeName(types: TypeTable, index: number): string {
  return types.module[index] === "" ? types.name[index] : `${types.module[index]}.${types.name[index]}`;
}

/** Filters, sorts (largest first; names ascending) and limits the types of a snapshot. O(types × log types). */
export function typeHistogram(types: TypeTable, query: TypeQuery): TypeHistogram {
  // A capture with references knows classes without instances, too.
  const everything = Int32Array.from({ length: types.length }, (_, index) => index).filter((index) => types.count[index] > 0);
  const { matches } = query;
  const shown = matches ? everything.filter((index) => matches(qualifiedTypeName(types, index))) : everything;
  shown.sort(comparator(types, query));
  const rows = shown.slice(0, query.limit ?? shown.length);
  return {
    rows,
    other: sumTypes(types, shown.subarray(rows.length)),
    shown: sumTypes(types, shown),
    all: sumTypes(types, everything),
  };
}

function comparator(types: TypeTable, { sort, retainedBytes }: TypeQuery): (a: number, b: number) => number {
  if (sort === "name") {
    // By code units, not by locale: the same on every machine.
    return (a, b) => {
      const [left, right] = [qualifiedTypeName(types, a), qualifiedTypeName(types, b)];
      return left < right ? -1 : left > right ? 1 : a - b;
    };
  }
  const column = sortColumn(types, sort, retainedBytes);
  return (a, b) => column[b] - column[a] || types.count[b] - types.count[a] || a - b;
}

/** The column that a sort key means. */
export function sortColumn(
  types: TypeTable,
  sort: Exclude<TypeSortKey, "name">,
  retainedBytes: Float64Array | undefined,
): Float64Array {
  switch (sort) {
    case "retained":
      // Not asked for: nothing retains anything, and the rest of the order decides.
      return retainedBytes ?? new Float64Array(types.length);
    case "resident":
      return types.residentBytes;
    case "owned":
      return types.ownedBytes;
    case "shallow":
      return types.shallowBytes;
    case "count":
      return types.count;
  }
}

function sumTypes(types: TypeTable, indexes: Int32Array): TypeSum {
  const sum = { types: indexes.length, count: 0, shallowBytes: 0, ownedBytes: 0, residentBytes: 0 };
  for (const index of indexes) {
    sum.count += types.count[index];
    sum.shallowBytes += types.shallowBytes[index];
    sum.ownedBytes += types.ownedBytes[index];
    sum.residentBytes += types.residentBytes[index];
  }
  return sum;
}
