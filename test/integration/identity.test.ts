import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Failure } from "../../src/base/result.ts";
import { identifyProcess } from "../../src/target/identity.ts";
import { program32 } from "../support/program32.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget } from "../support/spawn.ts";

function refusalOf(pid: number): Failure {
  const result = identifyProcess(pid);
  assert.ok(!result.ok, `process ${pid} is refused`);
  return result.failure;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 2000, what);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function stateOf(pid: number): string {
  return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
}

test("a Python is identified, and only interpreter and script are kept of its arguments", async (t) => {
  const python = distributionPython();
  const target = startTarget(t, python, "import sys; print('ready', flush=True); sys.stdin.read()", {
    args: ["--password=hunter2"],
  });
  await target.line();
  const result = identifyProcess(target.pid);
  assert.ok(result.ok);
  const { commandLine, ...identity } = result.value;
  assert.equal(identity.pid, target.pid);
  assert.equal(identity.name, "target");
  assert.equal(identity.executable, python.path);
  assert.equal(identity.executableDeleted, false);
  assert.equal(identity.parentPid, process.pid);
  assert.equal(identity.userId, process.geteuid?.());
  assert.equal(identity.threads, 1);
  assert.ok(identity.startTicks > 0);
  assert.ok(identity.startedSecondsAgo >= 0 && identity.startedSecondsAgo < 60);
  assert.equal(commandLine.length, 2);
  assert.match(commandLine[1], /target\.py$/);
});

test("the age of a process is measured since its start", async (t) => {
  const target = startProcess(t, "sleep", ["1000"]);
  const boot = Date.now() / 1000 - Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const result = identifyProcess(target.pid);
  assert.ok(result.ok);
  const startedAt = Date.now() / 1000 - result.value.startedSecondsAgo;
  assert.ok(Math.abs(startedAt - (boot + result.value.startTicks / 100)) < 2, "agrees with the clock of the machine");
});

test("no such process", () => {
  // Above the largest PID that Linux gives out.
  const failure = refusalOf(2 ** 22 + 1);
  assert.equal(failure.code, "no-such-process");
  assert.equal(failure.sentence, `There is no process ${2 ** 22 + 1}.`);
});

test("what is no process id", () => {
  for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(refusalOf(value).code, "usage");
});

test("a zombie has no memory any more", async (t) => {
  const target = startProcess(t, "sh", ["-c", "sleep 0.2 & echo $!; exec sleep 1000"]);
  const zombie = Number(await target.line());
  await until(() => stateOf(zombie) === "Z", "the child becomes a zombie");
  const failure = refusalOf(zombie);
  assert.equal(failure.code, "no-such-process");
  assert.match(failure.sentence, /is a zombie: it has no memory any more\.$/);
  assert.match(failure.hint ?? "", new RegExp(`process ${target.pid}`));
});

test("a process whose main thread has ended says so", async (t) => {
  const code = `
import ctypes, threading
def wait():
    print("ready", flush=True)
    threading.Event().wait()
threading.Thread(target=wait).start()
ctypes.CDLL(None).pthread_exit(None)
`;
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  await until(() => stateOf(target.pid) === "Z", "the main thread ends");
  const failure = refusalOf(target.pid);
  assert.equal(failure.code, "failed");
  assert.match(failure.sentence, /^The main thread of process \d+ \(.*\) has ended/);
});

test("a thread's id names its process", async (t) => {
  const code =
    "import threading\nthreading.Thread(target=lambda: (print('ready', flush=True), threading.Event().wait())).start()";
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  const thread = readdirSync(`/proc/${target.pid}/task`)
    .map(Number)
    .find((tid) => tid !== target.pid) as number;
  const failure = refusalOf(thread);
  assert.equal(failure.code, "no-such-process");
  assert.match(failure.sentence, new RegExp(`^${thread} is a thread of process ${target.pid} \\(python`));
  assert.equal(failure.hint, `Use ${target.pid}.`);
});

test("a kernel thread has no memory", (t) => {
  // In a PID namespace of a container 2 is any process or none.
  const name = spawnSync("cat", ["/proc/2/comm"], { encoding: "utf8" }).stdout;
  if (name !== "kthreadd\n") return t.skip("no kernel threads in sight");
  const failure = refusalOf(2);
  assert.equal(failure.code, "not-cpython");
  assert.equal(failure.sentence, "Process 2 (kthreadd) is a kernel thread: it has no memory of its own.");
});

test("a 32-bit process is refused", async (t) => {
  const target = startProgram(t, "wait32", program32());
  if (target === undefined) return t.skip("this kernel runs no 32-bit programs");
  const failure = refusalOf(target.pid);
  assert.equal(failure.code, "not-cpython");
  assert.equal(
    failure.sentence,
    `Process ${target.pid} (wait32) is a 32-bit x86 program; pystrata reads 64-bit x86-64 processes only.`,
  );
});

test("a program that was replaced on disk is still identified", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "sleeper");
  writeFileSync(path, readFileSync("/bin/sleep"), { mode: 0o755 });
  const target = startProcess(t, path, ["1000"]);
  await until(() => readFileSync(`/proc/${target.pid}/comm`, "utf8") === "sleeper\n", "it runs");
  rmSync(path);
  const result = identifyProcess(target.pid);
  assert.ok(result.ok);
  assert.equal(result.value.executable, path);
  assert.equal(result.value.executableDeleted, true);
});

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-identity-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function startProgram(t: TestContext, name: string, bytes: Uint8Array): { readonly pid: number } | undefined {
  const path = join(temporaryFolder(t), name);
  writeFileSync(path, bytes, { mode: 0o755 });
  try {
    return startProcess(t, path, []);
  } catch {
    return undefined; // ENOEXEC: built without IA32 emulation
  }
}
