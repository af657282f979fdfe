import assert from "node:assert/strict";
import type { LedgerNode } from "../../src/analysis/ledger-tree.ts";

/** Fails unless every node is the sum of its children and none is negative. */
export function checkSums(node: LedgerNode): void {
  if (!node.children) return;
  const sum = node.children.reduce((total, child) => total + child.residentBytes, 0);
  assert.equal(sum, node.residentBytes, node.key);
  for (const child of node.children) {
    assert.ok(child.residentBytes >= 0, child.key);
    checkSums(child);
  }
}

/** Sum of the leaves of a ledger. */
export function leafSum(node: LedgerNode): number {
  return node.children ? node.children.reduce((total, child) => total + leafSum(child), 0) : node.residentBytes;
}
