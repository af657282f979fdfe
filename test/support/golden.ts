import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

/**
 * Compares a text with the one that is written down in test/unit/cli/golden/. `UPDATE_GOLDEN=1` writes it instead: look at the
 * difference before you commit it.
 */
export function assertGolden(name: string, text: string): void {
  const file = new URL(`../unit/cli/golden/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `differs from golden/${name}`);
}
