import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Failure, Result } from "../../../../src/base/result.ts";
import { createFile } from "../../../../src/snapshot/file/destination.ts";
import { openSnapshotFile } from "../../../../src/snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../../../../src/snapshot/file/write-snapshot.ts";
import { asNobody, CAN_BE_NOBODY } from "../../../support/as-nobody.ts";
import { generatedSnapshot } from "../../../support/generated-snapshot.ts";
import { snapshotFolder } from "../../../support/snapshot-folder.ts";

const SNAPSHOT = generatedSnapshot(2);
const NOBODY = 65534;

function refused(path: string, force = false): Failure {
  const result = writeSnapshotFile(SNAPSHOT, path, { force });
  assert.ok(!result.ok, "it was written");
  assert.ok(result.failure.hint);
  return result.failure;
}

test("a snapshot is for its owner only, whatever the umask", (t) => {
  const path = snapshotFolder(t)();
  const before = process.umask(0);
  t.after(() => process.umask(before));
  assert.ok(writeSnapshotFile(SNAPSHOT, path, {}).ok);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dirname(path)), ["1.strata"]);
});

test("only a snapshot of ours is replaced, and only with force", (t) => {
  const path = snapshotFolder(t);
  const present = path();
  assert.ok(writeSnapshotFile(SNAPSHOT, present, {}).ok);
  assert.match(refused(present).sentence, /is there already\.$/);
  assert.ok(writeSnapshotFile(generatedSnapshot(3), present, { force: true }).ok);
  const opened = openSnapshotFile(present);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.process, generatedSnapshot(3).process);

  const text = path();
  writeFileSync(text, "my notes");
  for (const force of [false, true]) assert.match(refused(text, force).sentence, /is no snapshot\.$/);
  assert.equal(readFileSync(text, "utf8"), "my notes");
});

test("nothing is written through a link or into what is no file", (t) => {
  const path = snapshotFolder(t);
  const [target, link, dangling, folder] = [path(), path(), path(), path()];
  assert.ok(writeSnapshotFile(SNAPSHOT, target, {}).ok);
  const before = readFileSync(target);
  symlinkSync(target, link);
  symlinkSync(`${dangling}.target`, dangling);
  mkdirSync(folder);
  for (const force of [false, true]) {
    for (const name of [link, dangling]) assert.equal(refused(name, force).code, "not-permitted");
    assert.match(refused(folder, force).sentence, /is no regular file/);
    assert.match(refused("/dev/null", force).sentence, /is no regular file/);
  }
  assert.deepEqual(readFileSync(target), before);
  assert.ok(!existsSync(`${dangling}.target`));
  assert.equal(refused(join(folder, "none", "x.strata")).code, "no-such-file");
});

test("without rights: no file is made in another's folder, none of another's is opened", { skip: !CAN_BE_NOBODY }, (t) => {
  const path = snapshotFolder(t)();
  assert.ok(writeSnapshotFile(SNAPSHOT, path, {}).ok);
  chmodSync(dirname(path), 0o755);
  const check = asNobody(t, "src/snapshot/file/destination.ts", ["checkDestination"]);
  // Found before a process would be stopped for nothing.
  const checked = check(`checkDestination("${dirname(path)}/new.strata", false)`) as Result<void>;
  assert.ok(!checked.ok);
  assert.deepEqual(
    [checked.failure.code, checked.failure.sentence],
    ["not-permitted", `In ${dirname(path)} no file may be made.`],
  );
  const open = asNobody(t, "src/snapshot/file/open-snapshot.ts", ["openSnapshotFile"]);
  const opened = open(`openSnapshotFile("${path}")`) as Result<unknown>;
  assert.ok(!opened.ok);
  assert.deepEqual([opened.failure.code, opened.failure.sentence], ["not-permitted", `${path} may not be read.`]);
});

test("another user's snapshot is left alone", { skip: !CAN_BE_NOBODY }, (t) => {
  const path = snapshotFolder(t)();
  assert.ok(writeSnapshotFile(SNAPSHOT, path, {}).ok);
  chownSync(path, NOBODY, NOBODY);
  assert.match(refused(path, true).sentence, /belongs to another user/);
  // It can be opened all the same: read, not mapped.
  const opened = openSnapshotFile(path);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.types, SNAPSHOT.types);
});

test("what others may write is opened too", (t) => {
  const path = snapshotFolder(t)();
  assert.ok(writeSnapshotFile(SNAPSHOT, path, {}).ok);
  chmodSync(path, 0o666);
  const opened = openSnapshotFile(path);
  assert.ok(opened.ok);
  assert.deepEqual(opened.value.types, SNAPSHOT.types);
});

test("a full disk leaves nothing behind", (t) => {
  const path = snapshotFolder(t)();
  // As write(2) fails then: /dev/full answers so to every write.
  const result = createFile(path, false, () => writeFileSync("/dev/full", "x"));
  assert.ok(!result.ok);
  assert.equal(result.failure.code, "limit");
  assert.match(result.failure.sentence, /^The disk is full/);
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test("a name that is taken while the file is written is not lost", (t) => {
  const path = snapshotFolder(t)();
  const result = createFile(path, false, () => writeFileSync(path, "of somebody else"));
  assert.ok(!result.ok);
  assert.equal(readFileSync(path, "utf8"), "of somebody else");
  assert.deepEqual(readdirSync(dirname(path)), ["1.strata"]);
});

test("a defect of ours leaves nothing behind either", (t) => {
  const path = snapshotFolder(t)();
  assert.throws(() => {
    createFile(path, false, () => {
      throw new Error("ours");
    });
  }, /ours/);
  assert.deepEqual(readdirSync(dirname(path)), []);
});
