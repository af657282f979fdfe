import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually, isRunning, threadStates, tracerOf } from "../support/pause-helpers.ts";
import { program32 } from "../support/program32.ts";
import { distributionPython } from "../support/pythons.ts";
import { type Answer, pystrata, type Report, residentBytesOf, sumOfLeaves } from "../support/report.ts";
import { assertFollowsSchema } from "../support/schemas.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

const SERVICE = `
kept = [bytearray(1000) for _ in range(20000)]
print("ready", flush=True)
for line in __import__("sys").stdin: print("still here", flush=True)
`;

/** One sentence that says what and why, a hint, and the status; never a stack. */
function assertFails(answer: Answer, status: number, sentence: RegExp): void {
  assert.equal(answer.status, status, answer.errors);
  assert.equal(answer.output, "");
  const [first, ...others] = answer.errors.trimEnd().split("\n");
  assert.match(first, /^pystrata: [A-Z\d]/);
  assert.match([first, ...others.map((line) => line.trim())].join(" "), sentence);
  assert.ok(others.length > 0 && others.every((line) => line.startsWith("  ")), `no hint: ${answer.errors}`);
  assert.doesNotMatch(answer.errors, /^\s+at .*\.(ts|js)|defect/m);
}

/** The service runs as before, and nobody traces it. */
async function assertUnharmed(target: Target): Promise<void> {
  assert.ok(isRunning(target.pid), threadStates(target.pid));
  assert.equal(tracerOf(target.pid), 0);
  target.send("?\n");
  assert.equal(await target.line(), "still here");
}

async function startService(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Target> {
  const target = startTarget(t, distributionPython(), SERVICE, { env });
  assert.equal(await target.line(), "ready");
  return target;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-input-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The account of a process that is not understood in full: exact, and open about what it lacks. */
async function assertPartialAccount(target: Target, lacking: string, said: RegExp): Promise<Report> {
  const text = await pystrata([String(target.pid)]);
  assert.equal(text.status, 0, text.errors);
  assert.match(text.output.replaceAll(/\n */g, " "), said);
  const json = await pystrata(["report", String(target.pid), "--format", "json"]);
  assert.equal(json.status, 0, json.errors);
  const report = JSON.parse(json.output) as Report & { readonly problems: readonly { readonly kind: string }[] };
  assertFollowsSchema(report);
  assert.equal(sumOfLeaves(report.ledger), report.process.residentBytes);
  assert.equal(report.process.residentBytes, residentBytesOf(target.pid));
  assert.ok(report.problems.some(({ kind }) => kind === lacking));
  for (const verb of ["types", "arenas", "heap"]) {
    const answer = await pystrata([verb, String(target.pid)]);
    assert.equal(answer.status, 0, answer.errors);
  }
  return report;
}

function bytesOf(report: Report, key: string): number {
  return report.ledger.children?.find((child) => child.key === key)?.residentBytes ?? 0;
}

test("the PID of a thread names the process", async (t) => {
  const code = `import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n${SERVICE}`;
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  const thread = readdirSync(`/proc/${target.pid}/task`).find((tid) => tid !== String(target.pid)) as string;
  const answer = await pystrata([thread]);
  assertFails(answer, 4, new RegExp(`${thread} is a thread of process ${target.pid} .* Use ${target.pid}\\.`));
  await assertUnharmed(target);
});

test("a 32-bit program", async (t) => {
  const path = join(temporaryFolder(t), "wait32");
  writeFileSync(path, program32(), { mode: 0o755 });
  // A process that could not be started has no pid: ENOEXEC, without IA32 emulation.
  if (spawnSync(path, [], { timeout: 50 }).error?.message.includes("ENOEXEC"))
    return t.skip("this kernel runs no 32-bit programs");
  const target = startProcess(t, path, []);
  assertFails(await pystrata([String(target.pid)]), 5, /is a 32-bit x86 program/);
  assert.ok(isRunning(target.pid));
});

test("a program of another libc is no Python", async (t) => {
  const source = join(temporaryFolder(t), "other.c");
  const program = join(temporaryFolder(t), "other");
  writeFileSync(
    source,
    `#include <stdio.h>\n#include <unistd.h>\nint main(void) { puts("ready"); fflush(stdout); return pause(); }\n`,
  );
  if (spawnSync("musl-gcc", ["-o", program, source]).status !== 0)
    return t.skip("no musl-gcc (Debian: apt-get install musl-tools)");
  const target = startProcess(t, program, []);
  assert.equal(await target.line(), "ready");
  assertFails(await pystrata([String(target.pid)]), 5, /No CPython interpreter was found/);
  assert.ok(isRunning(target.pid));
});

test("a thread that cannot stop is named, and the others run on", async (t) => {
  const code = `
import ctypes, os, tempfile, threading, time
fifo = os.path.join(tempfile.mkdtemp(), "fifo")
os.mkfifo(fifo)
libc = ctypes.CDLL(None)
def spawn():
    # The parent of a vfork waits, deaf to all signals, until its child has opened the FIFO and executed its program.
    actions = ctypes.create_string_buffer(256)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_addopen(actions, 0, fifo.encode(), os.O_RDONLY, 0)
    libc.posix_spawn(ctypes.byref(ctypes.c_int()), b"/bin/true", actions, None, (ctypes.c_char_p * 2)(b"true", None), None)
    os.wait()
    print("spawned", flush=True)
threading.Thread(target=spawn, daemon=True).start()
print(fifo, flush=True)
while True: time.sleep(0.01)
`;
  const target = startTarget(t, distributionPython(), code);
  const fifo = await target.line();
  await eventually(() => threadStates(target.pid).startsWith("D"), "a thread waits in vfork");
  for (const options of [[], ["--allow-sigstop"]]) {
    const answer = await pystrata([String(target.pid), ...options]);
    assertFails(answer, 6, /Thread \d+ "python3.*" of process \d+ did not stop within 200 ms \(state D/);
    assert.equal(tracerOf(target.pid), 0);
  }
  closeSync(openSync(fifo, "w"));
  assert.equal(await target.line(), "spawned");
});

test("a pause that is too short", async (t) => {
  const target = await startService(t);
  assertFails(await pystrata([String(target.pid), "--max-pause", "1"]), 6, /1 ms .* Allow more with --max-pause/);
  await assertUnharmed(target);
});

test("without native calls: refused unless SIGSTOP is allowed, then exact", async (t) => {
  const target = await startService(t);
  const env = { PYSTRATA_NO_NATIVE: "1" };
  assertFails(await pystrata([String(target.pid)], env), 3, /needs ptrace, .* koffi .* --allow-sigstop/);
  await assertUnharmed(target);
  const answer = await pystrata(["report", String(target.pid), "--allow-sigstop", "--format", "json"], env);
  assert.equal(answer.status, 0, answer.errors);
  const report = JSON.parse(answer.output) as Report;
  assert.equal(report.capture.consistent, true);
  assert.equal(sumOfLeaves(report.ledger), residentBytesOf(target.pid));
  await assertUnharmed(target);
});

test("without WebAssembly the figures are the same", async (t) => {
  const target = await startService(t);
  const figures = async (env: Readonly<Record<string, string>>): Promise<unknown> => {
    const { status, output, errors } = await pystrata(["report", String(target.pid), "--format", "json"], env);
    assert.equal(status, 0, errors);
    const { ledger, coverage, types } = JSON.parse(output) as Report;
    return { ledger, coverage, types };
  };
  assert.deepEqual(await figures({ PYSTRATA_NO_WASM: "1" }), await figures({ PYSTRATA_NO_WASM: "0" }));
  await assertUnharmed(target);
});

test("a version of CPython that nobody knows yet: mappings and malloc are told, and why nothing more", async (t) => {
  const python = distributionPython();
  if (python.minor < 11) return t.skip("this Python does not export its version");
  const path = join(temporaryFolder(t), "python3.99");
  writeFileSync(path, withVersion(readFileSync(python.path), python.version, 0x03_63_00_f0), { mode: 0o755 });
  const target = startTarget(t, { path }, SERVICE, { env: { PYTHONHOME: "/usr" } });
  assert.equal(await target.line(), "ready");
  const report = await assertPartialAccount(
    target,
    "python-unknown",
    /Note: The process runs CPython 3\.99\.0, .* Objects are not told apart/,
  );
  assert.equal("python" in report.process, false);
  assert.ok(bytesOf(report, "mallocNative") > 15_000_000);
  await assertUnharmed(target);
});

/** A copy of an interpreter whose exported `Py_Version` says another version: 8 bytes of read-only data. */
function withVersion(program: Buffer, version: string, hex: number): Buffer {
  const [major, minor, micro] = version.split(".").map(Number);
  const old = Buffer.from([0xf0, micro, minor, major, 0, 0, 0, 0]);
  const at = program.indexOf(old);
  assert.ok(at > 0 && program.indexOf(old, at + 1) < 0, "the version stands in one place");
  const changed = Buffer.from(program);
  changed.writeUInt32LE(hex, at);
  return changed;
}

test("Python 2: mappings and malloc are told, and why nothing more", async (t) => {
  const path = python2();
  if (path === undefined) return t.skip("no Python 2 on this machine");
  const code = `import sys
kept = [bytearray(1000) for _ in range(20000)]
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write("still here\\n"); sys.stdout.flush()
sys.stdin.readline()
`;
  const target = startTarget(t, { path }, code);
  assert.equal(await target.line(), "ready");
  const report = await assertPartialAccount(
    target,
    "python-unknown",
    /Note: The process runs CPython 2\.7\.\d+, .* Objects are not told apart/,
  );
  assert.ok(bytesOf(report, "mallocNative") > 15_000_000);
  await assertUnharmed(target);
});

function python2(): string | undefined {
  const root = join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions");
  const folders = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith("2.7")) : [];
  return ["/usr/bin/python2.7", ...folders.map((name) => join(root, name, "bin/python2.7"))].find(existsSync);
}

test("an unknown malloc: objects in pools are told, the rest is shown as unexplained, and why", async (t) => {
  const library = join(temporaryFolder(t), "unknown-malloc.so");
  const source = fileURLToPath(new URL("../support/unknown-malloc.c", import.meta.url));
  const built = spawnSync("gcc", ["-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, source], { encoding: "utf8" });
  if (built.error) return t.skip("no gcc");
  assert.equal(built.status, 0, built.stderr);
  const target = await startService(t, { LD_PRELOAD: library });
  const report = await assertPartialAccount(target, "malloc-unknown", /Note: No malloc was recognised/);
  assert.equal(report.process.python, `CPython ${distributionPython().version}`);
  assert.equal(report.types.find((type) => type.name === "bytearray")?.count, 20_000);
  assert.equal(bytesOf(report, "mallocNative"), 0);
  assert.ok(bytesOf(report, "unexplained") > 15_000_000);
  assert.equal(report.coverage.unexplainedBytes, bytesOf(report, "unexplained"));
  await assertUnharmed(target);
});

test("a target that is killed while pystrata looks at it: an answer or one sentence", async (t) => {
  const undisturbed = await startService(t);
  const began = performance.now();
  assert.equal((await pystrata([String(undisturbed.pid)])).status, 0);
  const wholeMilliseconds = performance.now() - began;
  const told = { answers: 0, sentences: 0 };
  for (let round = 0; round < 8; round++) {
    const target = await startService(t);
    const answer = pystrata([String(target.pid)]);
    await new Promise((resolve) => setTimeout(resolve, (wholeMilliseconds * (round + 2)) / 10));
    target.signal("SIGKILL");
    const { status, output, errors } = await answer;
    if (status === 0) {
      told.answers++;
      assert.match(output, /^Resident /m);
    } else {
      told.sentences++;
      assert.equal(status, 4, errors);
      assert.match(errors, /^pystrata: [^\n]*process|^pystrata: Process/i);
      assert.doesNotMatch(errors, /^\s+at |defect/m);
    }
    assert.equal(await target.ended, "SIGKILL");
  }
  t.diagnostic(JSON.stringify(told));
});
