import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { openSnapshotFile } from "../../src/snapshot/file/open-snapshot.ts";
import { writeSnapshotFile } from "../../src/snapshot/file/write-snapshot.ts";
import { captured } from "../support/captured.ts";
import type { PythonTarget } from "../support/pythons.ts";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { pystrata } from "../support/report.ts";
import { snapshotFolder } from "../support/snapshot-folder.ts";
import { startTarget, type Target } from "../support/spawn.ts";

/**
 * A process full of secrets. Those that are no literals are put together at run time, so that no code object has them as a
 * constant; each has a word of its own that nothing else has.
 */
const SECRETIVE = `
import collections, io, json, logging, os, pathlib, pickle, re, sqlite3, sys, threading, time

PASSWORD = "hunter2secret"

def made(word):
    return "".join(reversed("terces" + "-" + word[::-1] + "-" + "yranac"))

class Account:
    default_token = "classdefaultsecret"
    def __init__(self, token):
        self.token = token
        self.__dict__["via_dict"] = made("instancedict")

def sleeper(argument, other="defaultargsecret"):
    local = made("local")
    print(id(keep[0]), flush=True)
    time.sleep(1000)
    return local, argument, other

keep = [
    made("runtime"), made("bytes").encode(), bytearray(made("bytearray").encode()), "annotated %s" % made("format"),
    {made("dictkey"): 1, "plain": made("dictvalue")}, {made("setitem")}, (made("tuple"),),
    collections.OrderedDict([(made("orderedkey"), made("orderedvalue"))]), collections.deque([made("deque")]),
    pathlib.Path("/srv") / made("pathpart") / "x.txt",
    pickle.loads(pickle.dumps(Account(made("pickled")))),
    json.loads('{"%s": "%s"}' % (made("jsonkey"), made("jsonvalue"))),
    logging.getLogger(made("logger") + "." + made("child")),
    sys.intern(made("interned")), io.StringIO(made("stringio")), memoryview(made("memoryview").encode()),
    re.compile(made("pattern")), int.from_bytes(made("int").encode(), "little"), made("wide") + "\\u20ac", made("astral") + "\\U0001f600",
    Exception(made("exception")), Account(made("attribute")),
]
database = sqlite3.connect(":memory:")
database.execute("create table t (c)").execute("insert into t values (?)", (made("sqlite"),))
os.environ[made("environkey").upper()] = made("environvalue")
try:
    raise ValueError(made("raised"))
except ValueError as error:
    keep.append(error)
threading.Thread(target=sleeper, args=(made("argument"),), daemon=True).start()
time.sleep(1000)
`;

/** Words of which no trace may be in a file or an answer. */
const SECRETS = [
  "hunter2secret",
  "classdefaultsecret",
  "defaultargsecret",
  "commandlinesecret",
  "environsecret",
  ...[
    ...[
      "runtime",
      "bytes",
      "bytearray",
      "format",
      "dictkey",
      "dictvalue",
      "setitem",
      "tuple",
      "orderedkey",
      "orderedvalue",
      "deque",
    ],
    ...[
      "pathpart",
      "pickled",
      "jsonkey",
      "jsonvalue",
      "logger",
      "child",
      "interned",
      "stringio",
      "memoryview",
      "pattern",
      "int",
    ],
    ...["wide", "astral", "exception", "attribute", "sqlite", "environkey", "environvalue", "raised", "argument", "local"],
    ...["instancedict"],
  ].map((word) => `canary-${word}-secret`),
];
/** What a deliberate --with-values must show, or the search above proves nothing. */
const VALUES = [
  "hunter2secret",
  "canary-runtime-secret",
  "canary-bytes-secret",
  "canary-dictkey-secret",
  "canary-pickled-secret",
];

function startSecretive(t: TestContext, python: PythonTarget): Target {
  return startTarget(t, python, SECRETIVE, {
    args: ["--token", "commandlinesecret"],
    env: { API_TOKEN: "environsecret" },
  });
}

/** Secrets that occur in bytes, in any case and in any encoding that Python keeps text in. */
function secretsIn(bytes: Buffer): string[] {
  const lower = Buffer.from(bytes.toString("latin1").toLowerCase(), "latin1");
  return SECRETS.filter((secret) => [1, 2, 4].some((width) => lower.includes(spread(secret, width))));
}

/** ASCII text with so many bytes a character. */
function spread(text: string, width: number): Buffer {
  const bytes = Buffer.alloc(text.length * width);
  for (let index = 0; index < text.length; index++) bytes[index * width] = text.charCodeAt(index);
  return bytes;
}

testOnEveryPython("no secret is in a file, and with values they are", async (t, python) => {
  const target = startSecretive(t, python);
  await target.line();
  const path = snapshotFolder(t);
  const [file, archive, unpacked] = [path(), path(), path()];
  const snapshot = await captured(target.pid, { references: true });
  assert.ok(snapshot.graph && snapshot.graph.contents.length > 1000);
  assert.ok(writeSnapshotFile(snapshot, file, {}).ok);
  assert.deepEqual(secretsIn(readFileSync(file)), []);
  assert.ok(writeSnapshotFile(snapshot, archive, { archive: true }).ok);
  const opened = openSnapshotFile(archive);
  assert.ok(opened.ok);
  // The archive without its compression.
  assert.ok(writeSnapshotFile(opened.value, unpacked, { withValues: true }).ok);
  assert.deepEqual(secretsIn(readFileSync(unpacked)), []);

  const withValues = await captured(target.pid, { references: true, values: true });
  const [deliberate, forgotten] = [path(), path()];
  assert.ok(writeSnapshotFile(withValues, deliberate, { withValues: true }).ok);
  const found = secretsIn(readFileSync(deliberate));
  assert.deepEqual(
    VALUES.filter((secret) => !found.includes(secret)),
    [],
  );
  assert.ok(writeSnapshotFile(withValues, forgotten, {}).ok);
  assert.deepEqual(secretsIn(readFileSync(forgotten)), []);
});

test("names that explain a heap are kept all the same", async (t) => {
  const target = startSecretive(t, distributionPython());
  await target.line();
  const snapshot = await captured(target.pid, { references: true });
  const texts = new Set(snapshot.graph?.names.texts);
  const names = ["PASSWORD", "Account", "token", "default_token", "sleeper", "local", "keep", "plain", "__main__"];
  assert.deepEqual(
    names.filter((name) => !texts.has(name)),
    [],
  );
});

/** What each verb is asked of a file. A new verb needs its line here. */
const QUESTIONS: Readonly<Record<string, (file: string, address: string) => readonly string[]>> = {
  report: (file) => [file, "--depth", "9"],
  types: (file) => [file],
  arenas: (file) => [file],
  heap: (file) => [file],
  explain: (file, address) => [file, address],
  objects: (file) => [file],
  retained: (file) => [file],
  paths: (file, address) => [file, address],
  referrers: (file, address) => [file, address],
  referents: (file, address) => [file, address],
  cycles: (file) => [file],
  diff: (file) => [file, file],
};
/** Verbs that print nothing of a file. */
const SILENT = ["snapshot", "doctor", "help"];

test("no answer of any verb has a secret", async (t) => {
  const target = startSecretive(t, distributionPython());
  const address = await target.line();
  const path = snapshotFolder(t)();
  const ask = async (...args: string[]): Promise<string> => {
    const { status, output, errors } = await pystrata(args);
    assert.equal(status, 0, `${args.join(" ")}: ${errors}`);
    return output + errors;
  };
  const answers = [await ask("snapshot", String(target.pid), "-o", path, "-v")];
  const help = (await ask("--help")).split("\nVerbs:\n")[1];
  const verbs = [...help.matchAll(/^ {2}(\w+)/gm)].map(([, verb]) => verb).filter((verb) => !SILENT.includes(verb));
  assert.ok(verbs.length > 4);
  for (const verb of verbs) {
    const question = QUESTIONS[verb]?.(path, address);
    assert.ok(question, `${verb} is asked nothing here`);
    answers.push(...(await Promise.all([ask(verb, ...question, "-v"), ask(verb, ...question, "--format", "json")])));
  }
  assert.deepEqual(secretsIn(Buffer.from(answers.join("\n"))), []);
});
