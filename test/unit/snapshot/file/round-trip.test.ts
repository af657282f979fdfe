import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { openSnapshotFile } from "../../../../src/snapshot/file/open-snapshot.ts";
import { type WriteOptions, writeSnapshotFile } from "../../../../src/snapshot/file/write-snapshot.ts";
import type { Snapshot } from "../../../../src/snapshot/tables.ts";
import { generatedSnapshot } from "../../../support/generated-snapshot.ts";
import { snapshotFolder } from "../../../support/snapshot-folder.ts";
import { syntheticGraph } from "../../../support/synthetic-references.ts";
import { syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

function written(snapshot: Snapshot, path: string, options: WriteOptions): Snapshot {
  const bytes = writeSnapshotFile(snapshot, path, options);
  assert.ok(bytes.ok, bytes.ok ? "" : bytes.failure.sentence);
  assert.equal(bytes.value, statSync(path).size);
  const opened = openSnapshotFile(path);
  assert.ok(opened.ok, opened.ok ? "" : opened.failure.sentence);
  return opened.value;
}

function withGraph(withValues: boolean): Snapshot {
  const snapshot = syntheticSnapshot();
  return { ...snapshot, graph: syntheticGraph(snapshot, withValues) };
}

for (const archive of [false, true]) {
  const form = archive ? "archive" : "mapped";

  test(`${form}: a snapshot comes back as it was written`, (t) => {
    const path = snapshotFolder(t);
    for (const snapshot of [syntheticSnapshot(), withGraph(false), withGraph(true)])
      assert.deepEqual(written(snapshot, path(), { archive, withValues: true }), snapshot);
  });

  test(`${form}: any contents come back, with mapping and without`, (t) => {
    const path = snapshotFolder(t);
    t.after(() => delete process.env.PYSTRATA_NO_NATIVE);
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, native) => {
        process.env.PYSTRATA_NO_NATIVE = native ? "0" : "1";
        const snapshot = generatedSnapshot(seed);
        assert.deepEqual(written(snapshot, path(), { archive, withValues: true }), snapshot);
      }),
      { numRuns: 60 },
    );
  });
}

test("columns that are longer than their tables are cut, not written", (t) => {
  const snapshot = syntheticSnapshot();
  const { pages } = snapshot;
  const longer = { ...pages, start: Float64Array.from([...pages.start, 1, 2]), state: Uint8Array.from([...pages.state, 7]) };
  assert.deepEqual(written({ ...snapshot, pages: longer }, snapshotFolder(t)(), {}), snapshot);
});

test("values are left out unless they are asked for", (t) => {
  const path = snapshotFolder(t);
  const snapshot = withGraph(true);
  const opened = written(snapshot, path(), {});
  assert.equal(opened.graph?.values, undefined);
  assert.deepEqual(opened.graph, { ...snapshot.graph, values: undefined });
});

test("an opened snapshot can be written again, and what is written into it stays out of the file", (t) => {
  const path = snapshotFolder(t);
  const first = path();
  const snapshot = withGraph(false);
  const opened = written(snapshot, first, {});
  assert.deepEqual(written(opened, path(), { archive: true }), snapshot);
  opened.objects?.descriptor.fill(0);
  const again = openSnapshotFile(first);
  assert.ok(again.ok);
  assert.deepEqual(again.value.objects, snapshot.objects);
});

test("the archive form is several times smaller", (t) => {
  const path = snapshotFolder(t);
  const [mapped, archive] = [path(), path()];
  written(withGraph(false), mapped, {});
  written(withGraph(false), archive, { archive: true });
  assert.ok(statSync(archive).size * 4 < statSync(mapped).size);
});
