import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findCycles } from "../../src/analysis/cycles.ts";
import { diffSnapshots } from "../../src/analysis/diff.ts";
import { explainAddress } from "../../src/analysis/explain.ts";
import { buildLedger } from "../../src/analysis/ledger.ts";
import { openObjectGraph } from "../../src/analysis/object-graph.ts";
import { listObjects } from "../../src/analysis/objects.ts";
import { PARTITION_KEYS, partitionObjects } from "../../src/analysis/partitions.ts";
import { pathsToObject } from "../../src/analysis/paths.ts";
import { referentsOf, referrersOf } from "../../src/analysis/referrers.ts";
import { retainedByType } from "../../src/analysis/retained.ts";
import { retainedTree } from "../../src/analysis/retained-tree.ts";
import { retainerPicture } from "../../src/analysis/retainer-picture.ts";
import { objectOfAddress, typesOfName } from "../../src/analysis/targets.ts";
import { pathsToType } from "../../src/analysis/type-paths.ts";
import { typeHistogram } from "../../src/analysis/types.ts";
import type { Result } from "../../src/base/result.ts";
import { arenasJson } from "../../src/cli/json/arenas-json.ts";
import { cyclesJson } from "../../src/cli/json/cycles-json.ts";
import { diffJson } from "../../src/cli/json/diff-json.ts";
import { explainJson } from "../../src/cli/json/explain-json.ts";
import { heapJson } from "../../src/cli/json/heap-json.ts";
import { objectsJson } from "../../src/cli/json/objects-json.ts";
import { objectPathsJson, typePathsJson } from "../../src/cli/json/paths-json.ts";
import { referencesJson } from "../../src/cli/json/referrers-json.ts";
import { reportJson } from "../../src/cli/json/report-json.ts";
import { retainedJson } from "../../src/cli/json/retained-json.ts";
import { typesJson } from "../../src/cli/json/types-json.ts";
import { openSnapshotFile } from "../../src/snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../../src/snapshot/file/write-snapshot.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { captured } from "../support/captured.ts";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { pystrata } from "../support/report.ts";
import { assertFollowsSchema } from "../support/schemas.ts";
import { snapshotFolder } from "../support/snapshot-folder.ts";
import { startTarget } from "../support/spawn.ts";

const SERVICE = `
import collections, gc, sys, threading, time, weakref
gc.disable()
class Session:
    def __init__(self, number):
        self.number = number
        self.peer = None
        self.buffer = bytearray(3000)
sessions = [Session(number) for number in range(500)]
for left, right in zip(sessions, sessions[1:]):
    left.peer = right
queue = collections.deque(sessions[:50])
weak = weakref.WeakSet(sessions)
by_number = {session.number: session for session in sessions}
by_name = {"session %d" % session.number: session for session in sessions}
for number in range(20):
    left, right = Session(number), Session(number)
    left.peer, right.peer = right, left
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
print(id(sessions[7]), flush=True)
time.sleep(1000)
`;

function opened(path: string): Snapshot {
  return succeeded(openSnapshotFile(path));
}

/** What verbs say of a snapshot to programs. */
function answersOf(snapshot: Snapshot, address: number): unknown {
  const explanation = explainAddress(snapshot, address);
  assert.ok(explanation);
  const answers = {
    report: reportJson(snapshot, buildLedger(snapshot)),
    types: typesJson(snapshot, typeHistogram(snapshot.types, { sort: "owned" })),
    arenas: arenasJson(snapshot),
    heap: heapJson(snapshot),
    explain: explainJson(snapshot, explanation),
  };
  return JSON.parse(JSON.stringify({ ...answers, ...graphAnswersOf(snapshot, address) }));
}

/** What the verbs about references say of a snapshot to programs, more of it than they print. */
function graphAnswersOf(snapshot: Snapshot, address: number): object {
  const graph = succeeded(openObjectGraph(snapshot));
  const object = succeeded(objectOfAddress(snapshot, address));
  const sessions = succeeded(typesOfName(snapshot, "Session"));
  const histogram = typeHistogram(snapshot.types, { sort: "owned" });
  const query = { depth: 3, limit: 20 };
  const parted = PARTITION_KEYS.map((by) => {
    const ofGraph = { lowerBound: graph.lowerBound, retained: retainedByType(graph), partition: partitionObjects(graph, by) };
    return [`types by ${by}`, typesJson(snapshot, histogram, ofGraph)];
  });
  return {
    objects: objectsJson(graph, listObjects(graph, { sort: "retained", limit: 300 })),
    retained: retainedJson(graph, retainedTree(graph, undefined, 30, 3)),
    retainedUnder: retainedJson(graph, retainedTree(graph, object, 30, 3)),
    pathsToObject: objectPathsJson(graph, object, pathsToObject(graph, object, 20)),
    pathsToType: typePathsJson(graph, sessions, pathsToType(graph, sessions, 20)),
    referrers: referencesJson("referrers", graph, object, referrersOf(graph, object, query)),
    referents: referencesJson("referents", graph, object, referentsOf(graph, object, query)),
    cycles: cyclesJson(graph, findCycles(graph, { reachable: true }), 50),
    diff: diffJson(snapshot, snapshot, succeeded(diffSnapshots(snapshot, snapshot)), 100),
    picture: retainerPicture(graph, object, 40),
    ...Object.fromEntries(parted),
  };
}

function succeeded<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? "" : result.failure.sentence);
  return result.value;
}

testOnEveryPython("a snapshot from a file says what the capture said", async (t, python) => {
  const target = startTarget(t, python, SERVICE);
  const address = Number(await target.line());
  const snapshot = await captured(target.pid, { references: true, values: true });
  await target.stop();
  const path = snapshotFolder(t);
  for (const archive of [false, true]) {
    const file = path();
    assert.ok(writeSnapshotFile(snapshot, file, { archive, withValues: true }).ok);
    const again = opened(file);
    assert.deepEqual(answersOf(again, address), answersOf(snapshot, address));
    assert.deepEqual(again, restrictedTo(again, snapshot));
    const [left, right] = [openObjectGraph(snapshot), openObjectGraph(again)];
    assert.ok(left.ok && right.ok);
    assert.deepEqual(right.value.retainedBytes, left.value.retainedBytes);
  }
});

/** A value without what decoders keep in their tables for themselves: only the keys that `model` has. */
function restrictedTo(model: unknown, value: unknown): unknown {
  if (typeof model !== "object" || model === null || typeof value !== "object" || value === null) return value;
  if (model instanceof Map || ArrayBuffer.isView(model)) return value;
  if (Array.isArray(model)) return (value as readonly unknown[]).map((item, index) => restrictedTo(model[index], item));
  const [fields, values] = [model, value] as readonly Readonly<Record<string, unknown>>[];
  return Object.fromEntries(Object.keys(fields).map((key) => [key, restrictedTo(fields[key], values[key])]));
}

test("every verb that captures saves what it saw, and says the same of the file", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  const address = await target.line();
  const path = snapshotFolder(t);
  const { pid } = target;
  const verbs: readonly (readonly string[])[] = [
    ["report"],
    ["types"],
    ["types", "--by", "referrer", "--retained"],
    ["arenas"],
    ["heap"],
    ["explain", address],
    ["objects", "--type", "Session"],
    ["retained", "--depth", "2"],
    ["paths", address],
    ["paths", "Session"],
    ["referrers", address],
    ["referents", address],
    ["cycles", "--reachable"],
  ];
  for (const [index, [verb, ...rest]] of verbs.entries()) {
    const file = path();
    const form = index % 2 === 0 ? [] : ["--archive"];
    const live = await pystrata([verb, String(pid), ...rest, "-o", file, ...form, "--format", "json"]);
    assert.equal(live.status, 0, live.errors);
    assert.match(live.errors, /^Saved as .*strata, [\d.]+ [KM]iB\.$/m);
    const saved = await pystrata([verb, file, ...rest, "--format", "json"]);
    assert.equal(saved.status, 0, saved.errors);
    assert.deepEqual(JSON.parse(saved.output), JSON.parse(live.output));
    assertFollowsSchema(JSON.parse(saved.output));
  }
});

test("snapshot: saves, refuses to replace, converts", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  await target.line();
  const path = snapshotFolder(t);
  const [file, archive] = [path(), path()];
  const pid = String(target.pid);
  const saved = await pystrata(["snapshot", pid, "-o", file, "--format", "json"]);
  assert.equal(saved.status, 0, saved.errors);
  const answer = JSON.parse(saved.output);
  assertFollowsSchema(answer);
  assert.equal(answer.file.bytes, readFileSync(file).length);
  assert.equal(answer.file.withValues, false);
  assert.ok(answer.contents.objects > 1000 && answer.contents.references > 1000);

  const again = await pystrata(["snapshot", pid, "-o", file]);
  assert.equal(again.status, 2);
  assert.match(again.errors, /is there already/);
  const forced = await pystrata(["snapshot", pid, "-o", file, "--force"]);
  assert.equal(forced.status, 0, forced.errors);
  assert.match(forced.output, /^In it .*objects of/m);
  assert.match(forced.output, /^Not in it {2}values/m);

  const text = await pystrata([file]);
  assert.match(text.output, /^1\.strata {2}taken 20\d\d-[^\n]* UTC\n/);

  const later = path();
  const difference = await pystrata(["diff", file, pid, "-o", later]);
  assert.equal(difference.status, 0, difference.errors);
  assert.equal(opened(later).process.pid, target.pid);
  const both = await pystrata(["diff", file, later, "-o", path()]);
  assert.equal(both.status, 2, both.errors);

  const converted = await pystrata(["snapshot", file, "-o", archive, "--archive"]);
  assert.equal(converted.status, 0, converted.errors);
  assert.match(converted.output, /compressed/);
  assert.deepEqual(opened(archive), opened(file));
});

test("a file with values says so wherever it is opened, and a copy can be made without them", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  await target.line();
  const path = snapshotFolder(t);
  const [file, copy] = [path(), path()];
  const saved = await pystrata(["snapshot", String(target.pid), "-o", file, "--with-values"]);
  assert.equal(saved.status, 0, saved.errors);
  assert.match(saved.output.replace(/\n\s+/g, " "), /values: they may be secrets/);
  const text = await pystrata(["heap", file]);
  assert.match(text.output, /^1\.strata {2}taken [^\n]*, with values of the process\n/);
  const json = await pystrata(["heap", file, "--format", "json"]);
  assert.equal(JSON.parse(json.output).capture.withValues, true);
  assertFollowsSchema(JSON.parse(json.output));

  const copied = await pystrata(["snapshot", file, "-o", copy]);
  assert.equal(copied.status, 0, copied.errors);
  assert.match(copied.output, /^Not in it {2}values/m);
  assert.equal(opened(copy).graph?.values, undefined);
  const impossible = await pystrata(["snapshot", copy, "-o", path(), "--with-values"]);
  assert.equal(impossible.status, 2);
  assert.match(impossible.errors, /has no values to keep/);
});

test("wrong uses of files end in one sentence", async (t) => {
  const missing = snapshotFolder(t)();
  for (const [args, status, sentence] of [
    [["report", missing], 4, /There is no file /],
    [[missing], 4, /There is no file /],
    [["doctor", missing], 2, /doctor looks at a process, and .* is a file/],
    [["snapshot", "1"], 2, /snapshot needs a file to write/],
    [["snapshot", "1", "-o", `${missing}/x.strata`], 4, /There is no folder/],
    [["types", missing, "-o", `${missing}.2`], 2, /-o saves what is captured/],
    [["types", missing, "--with-values"], 2, /--with-values is for a capture/],
    [["diff", missing, missing, "--with-values"], 2, /--with-values is for a capture/],
    [["report", "1", "--with-values"], 2, /--with-values keeps values in a file, and none is written/],
    [["retained", "1", "--archive"], 2, /--archive says how -o saves, and there is no -o/],
    [["--archive"], 2, /--archive says how -o saves/],
    [["retained", "1", "--force"], 2, /--force replaces the file of -o, and there is no -o/],
    [["doctor", "1", "-o", missing], 2, /nothing is captured here/],
    [["-o", missing], 2, /nothing is captured here/],
    [["report", "/etc/passwd"], 1, /\/etc\/passwd is no snapshot of pystrata/],
  ] as const) {
    const { status: actual, output, errors } = await pystrata(args);
    assert.equal(actual, status, errors);
    assert.equal(output, "");
    assert.match(errors.replace(/\n\s+/g, " "), sentence);
  }
});
