import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildLedger } from "../../../src/analysis/ledger.ts";
import { LedgerBuilder } from "../../../src/analysis/ledger-builder.ts";
import { LEDGER_KEYS, type LedgerNode } from "../../../src/analysis/ledger-tree.ts";
import { checkSums, leafSum } from "../../support/ledger.ts";
import { type AccountModel, accountModel, snapshotOf } from "../../support/synthetic-account.ts";
import { syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

/** Bytes of each leaf. */
function leavesOf(node: LedgerNode, leaves = new Map<string, number>()): Map<string, number> {
  if (node.children) for (const child of node.children) leavesOf(child, leaves);
  else if (node.residentBytes !== 0) leaves.set(node.key, node.residentBytes);
  return leaves;
}

test("every byte is on the leaf where a walk over single bytes puts it", () => {
  fc.assert(
    fc.property(accountModel, (model: AccountModel) => {
      const { snapshot, leaves } = snapshotOf(model);
      const { root, coverage } = buildLedger(snapshot);
      checkSums(root);
      assert.equal(leafSum(root), snapshot.process.residentBytes);
      assert.deepEqual(Object.fromEntries(leavesOf(root)), Object.fromEntries(leaves));
      const sum = (prefix: string) =>
        [...leaves].reduce((total, [key, bytes]) => (key.startsWith(prefix) ? total + bytes : total), 0);
      assert.equal(coverage.unexplainedBytes, sum("unexplained"));
      assert.equal(coverage.placedBytes, root.residentBytes - sum("unexplained"));
      const unowned = sum("mallocNative/unowned") + sum("mallocNative/leaked") + sum("pymallocOverhead/unowned");
      assert.equal(coverage.attributedBytes, coverage.placedBytes - unowned);
    }),
    { numRuns: 150 },
  );
});

test("the first level is the closed list in its order, whatever there is", () => {
  for (const snapshot of [syntheticSnapshot(), snapshotOf({ mappings: [], kernelExtraBytes: 0 }).snapshot]) {
    const { root } = buildLedger(snapshot);
    assert.deepEqual(
      root.children?.map(({ key }) => key),
      LEDGER_KEYS,
    );
  }
});

test("the kernel's total is kept when pages and total disagree", () => {
  for (const kernelExtraBytes of [4096, -4096]) {
    const { snapshot } = snapshotOf({ mappings: [], kernelExtraBytes });
    const { root, coverage } = buildLedger(snapshot);
    assert.equal(leafSum(root), snapshot.process.residentBytes);
    assert.equal(coverage.unexplainedBytes, kernelExtraBytes);
  }
});

test("names keep their slashes to themselves", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }), (paths) => {
      const builder = new LedgerBuilder();
      for (const path of paths) builder.add("libraries", path, 10);
      const root = builder.build(10 * paths.length);
      const keys = new Set<string>();
      const walk = (node: LedgerNode, above: string | undefined) => {
        assert.ok(!keys.has(node.key), node.key);
        keys.add(node.key);
        if (above !== undefined) {
          const [last, ...rest] = node.key.split("/").reverse();
          assert.equal(rest.reverse().join("/"), above);
          if (above !== "") assert.equal(decodeURIComponent(last.replace(/%(?!25|2F)/g, "%25")), node.label);
        }
        for (const child of node.children ?? []) walk(child, node === root ? "" : node.key);
      };
      walk(root, undefined);
      for (const path of paths) {
        assert.ok(keys.has(["libraries", ...path.map((name) => name.replaceAll("%", "%25").replaceAll("/", "%2F"))].join("/")));
      }
    }),
  );
});
