import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { textWidth } from "../../../src/cli/format/layout.ts";
import { assertExactLedger, captured } from "../../support/captured.ts";
import { distributionPython } from "../../support/pythons.ts";
import { type Answer, pystrata } from "../../support/report.ts";
import { assertFollowsSchema } from "../../support/schemas.ts";
import { startProcess, startTarget, type Target } from "../../support/spawn.ts";

const HOSTILE = fileURLToPath(new URL("./hostile.py", import.meta.url));
/** Control and format characters, bidirectional ones among them, lone surrogates, separators of lines. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const WIDTH = 100;
/** A comm, as prctl(PR_SET_NAME) takes it, for the processes of failures. */
const NAMING = `import ctypes, sys\nctypes.CDLL(None).prctl(15, b"\\x1b[31m\\n\\xe2\\x80\\xaecomm", 0, 0, 0)\n`;

function assertSafe(text: string, what: string): void {
  for (const line of text.split("\n")) assert.doesNotMatch(line, UNSAFE, what);
}

async function succeed(args: readonly string[]): Promise<string> {
  const { status, output, errors }: Answer = await pystrata(args);
  assert.equal(status, 0, errors);
  assert.equal(errors, "");
  assertSafe(output, args.join(" "));
  return output;
}

/** Started through a link of hostile name, with hostile arguments: both are in its command line. */
async function startHostile(t: TestContext): Promise<{ readonly target: Target; readonly addresses: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-\u001b[1m\u202e-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, "new\nline\u202e\u001b]0;title\u0007.py");
  symlinkSync(HOSTILE, script);
  const target = startTarget(t, distributionPython(), { script }, { args: ["\u001b[2J", "--password=\nhunter2"] });
  return { target, addresses: (await target.line()).split(" ") };
}

test("hostile names reach neither the terminal nor a viewer of JSON, by any verb", async (t) => {
  const { target, addresses } = await startHostile(t);
  const pid = String(target.pid);
  const verbs = [
    ["report", pid, "--depth", "5"],
    ["types", pid, "--limit", "0"],
    ["arenas", pid],
    ["heap", pid],
    ["doctor", pid],
    [],
  ];
  for (const verb of verbs) {
    const text = await succeed([...verb, "-v", "--width", String(WIDTH)]);
    for (const line of text.split("\n")) assert.ok(textWidth(line) <= WIDTH, `${textWidth(line)} cells: ${line}`);
    const json = await succeed([...verb, "--format", "json"]);
    assertFollowsSchema(JSON.parse(json));
    assert.doesNotMatch(text + json, /hunter2/);
  }
  const types = JSON.parse(await succeed(["types", pid, "--format", "json"])) as { types: { name: string; module: string }[] };
  // Nothing is lost by being escaped: a program gets the names as they are.
  for (const name of [
    "\u001b[2J\u001b]0;owned\u0007",
    "new\nline\rreturn\ttab",
    "left\u202eright\u2066isolated",
    "</script><b>bold</b>&amp;",
  ]) {
    assert.ok(
      types.types.some((type) => type.name === `${name}.${name}` && type.module === name),
      JSON.stringify(name),
    );
  }
  for (const address of addresses.slice(0, 4).concat(addresses.slice(-3))) {
    await succeed(["explain", pid, address, "-v", "--width", String(WIDTH)]);
    assertFollowsSchema(JSON.parse(await succeed(["explain", pid, address, "--format", "json"])));
  }
});

test("hostile names reach nobody by a verb about references, nor by a picture", async (t) => {
  const { target, addresses } = await startHostile(t);
  const folder = mkdtempSync(join(tmpdir(), "pystrata-hostile-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "hostile.strata");
  await succeed(["snapshot", String(target.pid), "-o", file]);
  const verbs = [
    ["retained", file, "--depth", "3", "--limit", "40"],
    ["objects", file, "--limit", "300", "--sort", "retained"],
    ["types", file, "--by", "referrer", "--limit", "0"],
    ["types", file, "--by", "module", "--limit", "0"],
    ["cycles", file, "--reachable"],
    ["diff", file, String(target.pid)],
    ...addresses.slice(0, 3).flatMap((address, index) => [
      ["paths", file, address],
      ["referents", file, address, "--depth", "3", "--limit", "40"],
      [
        "referrers",
        file,
        address,
        "--depth",
        "3",
        "--svg",
        join(folder, `${index}.svg`),
        "--dot",
        join(folder, `${index}.dot`),
      ],
    ]),
  ];
  for (const verb of verbs) {
    const text = await succeed([...verb, "-v", "--width", String(WIDTH)]);
    for (const line of text.split("\n")) assert.ok(textWidth(line) <= WIDTH, `${textWidth(line)} cells: ${line}`);
    // Pictures are replaced; nothing else has a file to replace.
    const json = await succeed([...verb, "--format", "json", ...(verb.includes("--svg") ? ["--force"] : [])]);
    assertFollowsSchema(JSON.parse(json));
    assert.doesNotMatch(text + json, /hunter2/);
  }
  for (const name of ["0.svg", "1.svg", "2.svg", "0.dot", "1.dot", "2.dot"]) {
    const picture = readFileSync(join(folder, name), "utf8");
    assertSafe(picture, name);
    assert.doesNotMatch(picture, /<script|<b>|hunter2/);
  }
  const missing = await pystrata(["paths", file, "\u001b[2J\u202e"]);
  assert.equal(missing.status, 2);
  assertSafe(missing.errors, "a type that does not occur");
});

test("a snapshot holds hostile names as they are", async (t) => {
  const { target } = await startHostile(t);
  const snapshot = await captured(target.pid);
  assertExactLedger(snapshot);
  const { threads, mappings, process } = snapshot;
  assert.ok(
    threads.some(({ frames }) => frames.some(({ function: name, file }) => name === "wait" && file.includes("\u001b[2J"))),
  );
  assert.ok(threads.some(({ name }) => name.startsWith("\u001b[31m")));
  assert.ok(
    mappings.path.some((path) => path.length > 3600),
    "a path of nearly 4 KiB",
  );
  assert.ok(process.commandLine.some((word) => word.includes("\u001b]0;title\u0007")));
  assert.ok(!process.commandLine.some((word) => word.includes("hunter2")));
});

test("hostile names in what a failure says", async (t) => {
  const python = distributionPython();
  const notPython = startProcess(t, "perl", [
    "-e",
    '$0 = "\\e[2J\\n\\x{202e}"; print "ready\\n"; $| = 1; print "\\n"; sleep 1000',
  ]);
  await notPython.line();
  const target = startTarget(t, python, `${NAMING}print("ready", flush=True)\nsys.stdin.read()\n`);
  await target.line();
  const tracer = startProcess(t, python.path, [
    "-c",
    `${NAMING}
libc = ctypes.CDLL(None)
libc.ptrace.argtypes = [ctypes.c_long] * 4
assert libc.ptrace(0x4206, int(sys.argv[1]), 0, 0) == 0
print("tracing", flush=True)
sys.stdin.read()`,
    String(target.pid),
  ]);
  await tracer.line();
  const failures: readonly (readonly [args: readonly string[], status: number])[] = [
    [[String(notPython.pid)], 5],
    [[String(target.pid)], 3],
    [["\u001b[2J\u202e"], 2],
    [["explain", String(target.pid), "\u001b[2J\u202e"], 2],
    [["types", String(target.pid), "--filter", "/(\u001b[2J\u202e/"], 2],
    [["report", "1", "--\u001b[2J\u202e"], 2],
    [["report", "1", "--max-memory", "\u001b[2J\u202e"], 2],
  ];
  for (const [args, status] of failures) {
    const answer = await pystrata(args);
    assert.equal(answer.status, status, answer.errors);
    assertSafe(answer.errors, JSON.stringify(args));
    assert.match(answer.errors, /^pystrata: /);
  }
  // First the tracer: until it ends, nobody else is told that its tracee did.
  await tracer.stop();
});
