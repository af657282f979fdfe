import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { buildLedger } from "../../../../src/analysis/ledger.ts";
import { encodeHeader, encodeTrailer, FORMAT_VERSION } from "../../../../src/snapshot/file/layout.ts";
import { openSnapshotFile } from "../../../../src/snapshot/file/open-snapshot.ts";
import { SNAPSHOT_SCHEMA } from "../../../../src/snapshot/file/schema.ts";
import { writeSnapshotFile } from "../../../../src/snapshot/file/write-snapshot.ts";
import { forEachReference } from "../../../../src/snapshot/references.ts";
import { formatTable } from "../../../support/format-table.ts";
import { oldFile, oldSnapshot } from "../../../support/old-files.ts";

const DOCUMENT = new URL("../../../../docs/format.md", import.meta.url);
const COLUMNS = /(?<=<!-- columns -->\n).*?(?=<!-- end of columns -->)/s;

test("docs/format.md lists the columns of the schema", () => {
  const document = readFileSync(DOCUMENT, "utf8");
  const table = `\n${formatTable(SNAPSHOT_SCHEMA).join("\n")}\n\n`;
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(DOCUMENT, document.replace(COLUMNS, table));
  assert.equal(COLUMNS.exec(readFileSync(DOCUMENT, "utf8"))?.[0], table);
});

test("header and trailer are as docs/format.md says", () => {
  const header = encodeHeader();
  assert.equal(header.length, 4096);
  assert.equal(Buffer.from(header.subarray(0, 8)).toString("hex"), "895354524154410a");
  assert.deepEqual([...header.subarray(8, 12)], [FORMAT_VERSION, 0, 0, 0]);
  assert.ok(header.subarray(64).every((byte) => byte === 0));
  const trailer = Buffer.from(
    encodeTrailer({ footerOffset: 2 ** 40, footerBytes: 77, footerCrc32: 0xffff_fffe, fileBytes: 2 ** 41 }),
  );
  assert.equal(trailer.toString("hex"), "000000000001000000000000000200004d000000feffffff0a41544152545389");
});

test("the changelog tells of every format", () => {
  const document = readFileSync(DOCUMENT, "utf8");
  for (let version = 1; version <= FORMAT_VERSION; version++)
    assert.match(document, new RegExp(`^### Format ${version}$`, "m"));
});

// Once a format is released its file is never written again: it shows that old files open and say what they said.
for (let version = 1; version <= FORMAT_VERSION; version++) {
  test(`a file of format ${version} opens`, () => {
    const path = oldFile(version);
    if (process.env.UPDATE_GOLDEN === "1" && version === FORMAT_VERSION) {
      assert.ok(writeSnapshotFile(oldSnapshot(), path, { archive: true, withValues: true, force: true }).ok);
    }
    const opened = openSnapshotFile(path);
    assert.ok(opened.ok, opened.ok ? "" : opened.failure.sentence);
    const { process: facts, objects, graph, types } = opened.value;
    assert.equal(facts.name, "im-gateway");
    assert.equal(buildLedger(opened.value).root.residentBytes, facts.residentBytes);
    assert.deepEqual([types.name[3], types.module[3], types.count[3]], ["Message", "parley.proto", 11_010]);
    assert.ok(objects && graph);
    assert.deepEqual([objects.length, graph.references.length, graph.contents.length], [172_548, 110_112, 8_400]);
    const met: number[] = [];
    forEachReference(graph.references, graph.roots.target[1], (target) => met.push(target));
    assert.deepEqual(met, [6, 13]);
    assert.deepEqual(graph.names.texts, ["alpha", "βήτα", "\udcff lone"]);
    assert.ok(graph.values);
    assert.equal(graph.values.repr[0], `'value ${graph.values.object[0]}'`);
  });
}
