import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A folder for snapshot files that is gone when the test ends; gives a new name for each call. */
export function snapshotFolder(t: TestContext): () => string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-file-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  return () => join(folder, `${++files}.strata`);
}
