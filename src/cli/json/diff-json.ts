import type { Change, Fates, SnapshotDifference } from "../../analysis/diff.ts";
import { IDENTITY_RULE } from "../../analysis/identity.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { envelope, type JsonObject } from "./envelope.ts";

/** Two snapshots compared, for programs (docs/schemas/diff-1.json). `limit` is of types and of holders each. */
export function diffJson(before: Snapshot, after: Snapshot, difference: SnapshotDifference, limit: number): JsonObject {
  const { notIdentified, types, all, holders, unheld, lowerBound } = difference;
  const { process, capture, problems } = envelope("diff", before);
  const beyond = types.slice(limit);
  return {
    ...envelope("diff", after),
    lowerBound,
    before: { process, capture, problems },
    identity: {
      claimed: notIdentified === undefined,
      rule: notIdentified === undefined ? IDENTITY_RULE : `Objects are not identified: ${notIdentified}.`,
    },
    types: types
      .slice(0, limit)
      .map((row) => ({ name: row.name, module: row.module, ...changeJson(row), ...fatesJson(row.fates) })),
    other: { types: beyond.length, ...sumOfChanges(beyond) },
    all: { ...changeJson(all), ...fatesJson(all.fates) },
    holders: holders.slice(0, limit).map((row) => ({ ...row })),
    otherHolders: { holders: Math.max(0, holders.length - limit), ...bytesOf(holders.slice(limit)) },
    unheld: { ...unheld },
  };
}

function changeJson({ countBefore, countAfter, bytesBefore, bytesAfter }: Change): JsonObject {
  return { countBefore, countAfter, bytesBefore, bytesAfter };
}

function fatesJson(fates: Fates | undefined): JsonObject {
  if (!fates) return {};
  const { appeared, went, stayed, undecided } = fates;
  return {
    appeared: changeJson(appeared),
    went: changeJson(went),
    stayed: changeJson(stayed),
    undecided: changeJson(undecided),
  };
}

function bytesOf(rows: readonly Pick<Change, "bytesBefore" | "bytesAfter">[]): JsonObject {
  return {
    bytesBefore: rows.reduce((sum, row) => sum + row.bytesBefore, 0),
    bytesAfter: rows.reduce((sum, row) => sum + row.bytesAfter, 0),
  };
}

function sumOfChanges(rows: readonly Change[]): JsonObject {
  return {
    countBefore: rows.reduce((sum, row) => sum + row.countBefore, 0),
    countAfter: rows.reduce((sum, row) => sum + row.countAfter, 0),
    ...bytesOf(rows),
  };
}
