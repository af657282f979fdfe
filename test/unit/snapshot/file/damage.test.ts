import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { Failure } from "../../../../src/base/result.ts";
import { decodeTrailer, encodeTrailer, type Footer, TRAILER_BYTES } from "../../../../src/snapshot/file/layout.ts";
import { openSnapshotFile } from "../../../../src/snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../../../../src/snapshot/file/write-snapshot.ts";
import type { Snapshot } from "../../../../src/snapshot/tables.ts";
import { generatedSnapshot } from "../../../support/generated-snapshot.ts";
import { snapshotFolder } from "../../../support/snapshot-folder.ts";

const MOST_SEEDS = 1000;
/** With objects, references and values. */
const SNAPSHOT = snapshotOfAllParts();

function bytesOf(path: string, archive: boolean): Buffer {
  const result = writeSnapshotFile(SNAPSHOT, path, { archive, withValues: true });
  assert.ok(result.ok);
  return readFileSync(path);
}

function failureOf(path: string, bytes: Uint8Array): Failure {
  writeFileSync(path, bytes);
  const opened = openSnapshotFile(path);
  assert.ok(!opened.ok, "it was opened");
  assert.match(opened.failure.sentence, /^\S+ (is|has) [^\n]+\.$/);
  assert.ok(opened.failure.hint);
  return opened.failure;
}

/** The first of the generated snapshots that has every optional part: each has something to damage. */
function snapshotOfAllParts(): Snapshot {
  for (let seed = 1; seed < MOST_SEEDS; seed++) {
    const snapshot = generatedSnapshot(seed);
    if (snapshot.graph?.values && snapshot.pymalloc && snapshot.objects && snapshot.malloc.length > 0) return snapshot;
  }
  throw new Error("no generated snapshot has all parts");
}

for (const archive of [false, true]) {
  const form = archive ? "archive" : "mapped";

  test(`${form}: a file that ends too early is refused`, (t) => {
    const path = snapshotFolder(t);
    const bytes = bytesOf(path(), archive);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        assert.equal(failureOf(path(), bytes.subarray(0, length)).code, "failed");
      }),
    );
  });

  test(`${form}: a file that has grown is refused`, (t) => {
    const path = snapshotFolder(t);
    const bytes = bytesOf(path(), archive);
    failureOf(path(), Buffer.concat([bytes, Buffer.alloc(4096)]));
    assert.match(failureOf(path(), Buffer.concat([bytes, bytes])).sentence, /not as long as it was written/);
  });

  test(`${form}: a changed bit is noticed, or changes nothing`, (t) => {
    const path = snapshotFolder(t);
    const target = path();
    const bytes = bytesOf(path(), archive);
    let noticed = 0;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), fc.boolean(), (at, bit, late) => {
        // Most of a mapped file is padding: half of the blows fall on what follows it.
        const where = late ? bytes.length - 1 - (at % 8000) : at;
        const damaged = Buffer.from(bytes);
        damaged[where] ^= 1 << bit;
        writeFileSync(target, damaged);
        const opened = openSnapshotFile(target);
        if (opened.ok) assert.deepEqual(opened.value, SNAPSHOT);
        else {
          noticed++;
          assert.match(opened.failure.sentence, /(is damaged: |is no snapshot)/);
        }
      }),
      { numRuns: 250 },
    );
    assert.ok(noticed > 50, `only ${noticed} were noticed`);
  });
}

/** Becomes a number that JSON cannot write and reads as infinite. */
const INFINITE = "1e999";

/** The file with another footer, whose checksum is right. */
function withFooter(bytes: Buffer, change: (footer: Footer) => unknown): Buffer {
  const trailer = decodeTrailer(bytes.subarray(-TRAILER_BYTES));
  assert.ok(trailer);
  const { footerOffset, footerBytes } = trailer;
  const footer = JSON.parse(bytes.toString("utf8", footerOffset, footerOffset + footerBytes)) as Footer;
  const changed = Buffer.from(JSON.stringify(change(footer)).replace(`"${INFINITE}"`, INFINITE));
  const fileBytes = footerOffset + changed.length + TRAILER_BYTES;
  const end = encodeTrailer({ footerOffset, footerBytes: changed.length, footerCrc32: crc32(changed), fileBytes });
  return Buffer.concat([bytes.subarray(0, footerOffset), changed, end]);
}

function withColumn(bytes: Buffer, name: string, change: object): Buffer {
  return withFooter(bytes, (footer) => {
    assert.ok(footer.columns.some((column) => column.name === name));
    return { ...footer, columns: footer.columns.map((column) => (column.name === name ? { ...column, ...change } : column)) };
  });
}

test("a footer that says what cannot be is refused, whatever its checksum", (t) => {
  const path = snapshotFolder(t);
  const bytes = bytesOf(path(), false);
  const targets = "graph.references.targets";
  const refused = (changed: Buffer, sentence: RegExp) => assert.match(failureOf(path(), changed).sentence, sentence);

  refused(withColumn(bytes, targets, { type: "f16" }), /column graph\.references\.targets of the unknown kind "f16"/);
  refused(withColumn(bytes, targets, { type: "i32" }), /targets is of the kind i32 and not u32/);
  refused(withColumn(bytes, targets, { offset: 2 ** 40 }), /targets lies outside of the file/);
  refused(withColumn(bytes, targets, { offset: 0 }), /targets lies outside of the file/);
  refused(withColumn(bytes, targets, { bytes: 2 ** 50 }), /targets lies outside of the file/);
  refused(withColumn(bytes, targets, { offset: -4096 }), /where its column graph\.references\.targets lies is not said/);
  refused(withColumn(bytes, targets, { rows: 2 ** 40 }), /targets does not have the bytes of/);
  refused(withColumn(bytes, targets, { name: "other" }), /column graph\.references\.targets is missing/);
  refused(
    withFooter(bytes, () => 5),
    /its footer is not as pystrata writes it/,
  );
  refused(
    withFooter(bytes, (footer) => ({ ...footer, columns: {} })),
    /its footer is not as pystrata writes it/,
  );
  refused(
    withFooter(bytes, (footer) => ({ ...footer, form: "brick" })),
    /unknown form, "brick"/,
  );
  refused(
    withFooter(bytes, (footer) => ({ ...footer, snapshot: { ...(footer.snapshot as object), process: 1 } })),
    /fact process/,
  );
});

test("columns that do not fit each other are refused", (t) => {
  const path = snapshotFolder(t);
  const bytes = bytesOf(path(), false);
  const facts = (change: (snapshot: Record<string, Record<string, unknown>>) => void) =>
    withFooter(bytes, (footer) => {
      change(footer.snapshot as Record<string, Record<string, unknown>>);
      return footer;
    });
  const longer = facts(({ pages }) => {
    pages.length = 1000;
  });
  assert.match(failureOf(path(), longer).sentence, /column pages\.start has \d+ rows and should have 1000/);
  const text = facts(({ pages }) => {
    pages.length = "many";
  });
  assert.match(failureOf(path(), text).sentence, /fact pages\.length is not as pystrata writes it/);
  const infinite = facts(({ capture }) => {
    capture.attempts = INFINITE;
  });
  assert.match(failureOf(path(), infinite).sentence, /fact capture\.attempts is not as pystrata writes it/);

  const objects = SNAPSHOT.objects;
  assert.ok(objects && SNAPSHOT.graph);
  const { references } = SNAPSHOT.graph;
  const broken = (changed: object) => {
    const file = path();
    const graph = { ...SNAPSHOT.graph, references: { ...references, ...changed } } as typeof SNAPSHOT.graph;
    const result = writeSnapshotFile({ ...SNAPSHOT, graph }, file, {});
    assert.ok(result.ok);
    return failureOf(`${file}.copy`, readFileSync(file)).sentence;
  };
  const beyond = references.targets.slice().fill(objects.length);
  assert.match(broken({ targets: beyond }), /targets refers to what is not there \(objects\.length\)/);
  const offsets = references.offsets.slice();
  offsets[0] = references.length;
  offsets[1] = 0;
  assert.match(broken({ offsets }), /offsets is not in order/);
});

test("codes that nobody knows and ranges that cannot be are refused", (t) => {
  const path = snapshotFolder(t);
  const written = (changed: object) => {
    const file = path();
    assert.ok(writeSnapshotFile({ ...SNAPSHOT, ...changed }, file, {}).ok);
    return failureOf(`${file}.copy`, readFileSync(file)).sentence;
  };
  const { mappings, pages } = SNAPSHOT;
  assert.match(written({ mappings: { ...mappings, kind: mappings.kind.slice().fill(8) } }), /kind refers to what is not there/);
  const ending = (end: number) => written({ pages: { ...pages, end: pages.end.slice().fill(end) } });
  assert.match(ending(-1), /column pages\.end ends what cannot be/);
  for (const end of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])
    assert.match(ending(end), /column pages\.end has a figure that no memory has/);
  // Memory that no machine has: an analysis would make room for each of its pages.
  const terabytes = { ...pages, start: pages.start.slice().fill(0), end: pages.end.slice().fill(2 ** 46) };
  assert.match(written({ pages: terabytes }), /column pages\.end ends what cannot be/);

  const { chunks } = SNAPSHOT.malloc[0];
  const withChunks = (changed: object) => written({ malloc: [{ ...SNAPSHOT.malloc[0], chunks: { ...chunks, ...changed } }] });
  const all = (bytes: number) => chunks.bytes.slice().fill(bytes);
  for (const bytes of [Number.NaN, Number.POSITIVE_INFINITY, -2, 2 ** 48])
    assert.match(withChunks({ address: all(bytes) }), /column malloc\.0\.chunks\.address has a figure that no memory has/);
  assert.match(withChunks({ address: all(0), bytes: all(2 ** 46) }), /chunks\.bytes has lengths that cannot be/);
  assert.match(withChunks({ address: all(4096), bytes: all(2 ** 47) }), /chunks\.bytes has lengths that cannot be/);
  assert.match(withChunks({ bytes: all(16), usedBytes: all(17) }), /chunks\.usedBytes exceeds bytes/);
});

test("an archive whose blocks lie is refused", (t) => {
  const path = snapshotFolder(t);
  const bytes = bytesOf(path(), true);
  const name = "pages.start";
  assert.match(failureOf(path(), withColumn(bytes, name, { blocks: [1] })).sentence, /does not have the blocks of/);
  assert.match(failureOf(path(), withColumn(bytes, name, { rows: 2 ** 45 })).sentence, /does not have the blocks of/);
  assert.match(failureOf(path(), withColumn(bytes, name, { rows: 1e5 })).sentence, /block 0 of its column pages\.start cannot/);
});

/** The file with another format number and name of the pystrata that is needed; the header's checksum is right. */
function ofFormat(bytes: Buffer, version: number, since: string): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(version, 8);
  changed.fill(0, 16, 40).write(since, 16, "latin1");
  changed.writeUInt32LE(crc32(changed.subarray(0, 60)), 60);
  return changed;
}

test("a newer format says which pystrata is needed", (t) => {
  const path = snapshotFolder(t);
  const bytes = bytesOf(path(), false);
  const newer = failureOf(path(), ofFormat(bytes, 9, "12.3.4"));
  assert.match(newer.sentence, /has format 9, and this pystrata reads formats up to 1\./);
  assert.equal(newer.hint, "Get pystrata 12.3.4 or newer.");
  assert.equal(failureOf(path(), ofFormat(bytes, 9, "\u001b[31m")).hint, "Get a newer pystrata.");
});

test("what is no snapshot is told apart", (t) => {
  const path = snapshotFolder(t);
  for (const bytes of ["", "hello", "#!/bin/sh\n".repeat(1000), "\u007fELF"]) {
    assert.match(failureOf(path(), Buffer.from(bytes)).sentence, /is no snapshot of pystrata\.$/);
  }
  const folder = path();
  mkdirSync(folder);
  for (const [name, sentence, code] of [
    [folder, /is no regular file\./, "failed"],
    ["/dev/zero", /is no regular file\./, "failed"],
    [path(), /There is no file /, "no-such-file"],
    [`${folder}/none/x.strata`, /There is no file /, "no-such-file"],
  ] as const) {
    const opened = openSnapshotFile(name);
    assert.ok(!opened.ok);
    assert.match(opened.failure.sentence, sentence);
    assert.equal(opened.failure.code, code);
  }
});
