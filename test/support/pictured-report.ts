import { LEDGER_KEYS, type Ledger } from "../../src/analysis/ledger-tree.ts";
import { MIB } from "../../src/base/units.ts";
import type { Snapshot, TypeTable } from "../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "./synthetic-snapshot.ts";

/** The process of the design's pictures: a 1.6 GB instant-messaging gateway. MiB by ledger key, in the ledger's order. */
const PICTURED_MIB = [726.2, 189.7, 16.3, 436.6, 46.7, 25.8, 78.9, 64.0, 48.4, 1.6];

const PICTURED_TYPES: readonly (readonly [module: string, name: string, mib: number, count: number])[] = [
  ["", "dict", 175.4, 402_118],
  ["parley.proto", "Message", 118.9, 1_298_704],
  ["", "str", 103.0, 1_604_118],
  ["", "bytes", 90.8, 81_902],
  ["_ssl", "_SSLSocket", 72.2, 12_406],
];
const OTHER_TYPES = 2131;
const OTHER_MIB = 165.9;
const OTHER_OBJECTS = 1_453_679;

export function picturedLedger(): Ledger {
  const children = LEDGER_KEYS.map((key, index) => ({ key, label: key, residentBytes: Math.round(PICTURED_MIB[index] * MIB) }));
  const residentBytes = children.reduce((sum, child) => sum + child.residentBytes, 0);
  const unexplainedBytes = children[children.length - 1].residentBytes;
  return {
    root: { key: "resident", label: "Resident", residentBytes, children },
    coverage: {
      placedBytes: residentBytes - unexplainedBytes,
      attributedBytes: Math.round(residentBytes * 0.989),
      unexplainedBytes,
    },
  };
}

/** Only what the report reads: facts, types, capture. */
export function picturedSnapshot(): Snapshot {
  const base = syntheticSnapshot();
  return {
    ...base,
    process: { ...base.process, residentBytes: picturedLedger().root.residentBytes },
    capture: { ...base.capture, pausedMilliseconds: 312, totalPausedMilliseconds: 312, bytesCopied: Math.round(1488.2 * MIB) },
    types: picturedTypes(),
  };
}

/** The named types, and many small ones that share what is left. */
function picturedTypes(): TypeTable {
  const length = PICTURED_TYPES.length + OTHER_TYPES;
  const column = (named: (row: (typeof PICTURED_TYPES)[number]) => number, others: number) =>
    Float64Array.from({ length }, (_, index) => {
      if (index < PICTURED_TYPES.length) return named(PICTURED_TYPES[index]);
      const rank = index - PICTURED_TYPES.length;
      return Math.floor(((rank + 1) * others) / OTHER_TYPES) - Math.floor((rank * others) / OTHER_TYPES);
    });
  const bytes = column(([, , mib]) => Math.round(mib * MIB), Math.round(OTHER_MIB * MIB));
  return {
    length,
    address: new Float64Array(length),
    name: Array.from({ length }, (_, index) => PICTURED_TYPES[index]?.[1] ?? `Other${index}`),
    module: Array.from({ length }, (_, index) => PICTURED_TYPES[index]?.[0] ?? "others"),
    count: column(([, , , count]) => count, OTHER_OBJECTS),
    shallowBytes: bytes,
    ownedBytes: bytes,
    residentBytes: bytes,
  };
}
