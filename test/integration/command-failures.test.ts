import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { PYSTRATA, runCommand } from "../support/command.ts";
import { distributionPython } from "../support/pythons.ts";
import { pystrata } from "../support/report.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

const SLEEPING = "import time\nkept = [bytearray(1000) for _ in range(20000)]\nprint('ready', flush=True)\ntime.sleep(1000)\n";
/** PTRACE_SEIZE, as a debugger attaches. */
const TRACER = `
import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
if libc.ptrace(0x4206, int(sys.argv[1]), 0, 0) != 0: sys.exit("cannot trace")
print("tracing", flush=True)
time.sleep(1000)
`;
const NOBODY = 65534;

/** One sentence that says what and why, one hint, the status; never a stack. */
async function assertFails(args: readonly string[], status: number, sentence: RegExp): Promise<void> {
  const answer = await pystrata(args);
  assert.equal(answer.status, status, `${args.join(" ")}: ${answer.errors}`);
  assert.equal(answer.output, "");
  assertSentence(answer.errors, sentence);
}

function assertSentence(errors: string, sentence: RegExp): void {
  const [first, ...others] = errors.trimEnd().split("\n");
  const flowing = [first, ...others.map((line) => line.trim())].join(" ");
  assert.match(first, /^pystrata: /);
  assert.match(flowing, sentence);
  assert.ok(others.length >= 1 && others.every((line) => line.startsWith("  ")), `a hint: ${errors}`);
  assert.doesNotMatch(errors, /^\s+at .*\.(ts|js)/m);
}

/** The target was neither stopped for good nor harmed. */
function assertRuns(target: Target): void {
  assert.match(readFileSync(`/proc/${target.pid}/status`, "utf8"), /^State:\s+[SR]/m);
}

test("wrong usage", async () => {
  await assertFails(["report"], 2, /Missing required argument 'pid\|file'/);
  await assertFails(["report", "one"], 2, /"one" is no PID\./);
  await assertFails(["report", "-5"], 2, /"-5" is no PID\./);
  await assertFails(["0"], 2, /"0" is no PID\./);
  await assertFails(["99999999999"], 2, /is no PID\./);
  await assertFails(["arena", "12"], 2, /"arena" is neither a PID nor a verb\..*Verbs: report, types, .*arenas/);
  await assertFails(["report", "1", "2"], 2, /too many arguments/i);
  await assertFails(["report", "1", "--colour"], 2, /Unknown option '--colour'/);
  await assertFails(["report", "1", "--format", "xml"], 2, /Allowed choices are text, json/);
  await assertFails(["report", "1", "--max-memory", "much"], 2, /Give a size such as 512M or 2G/);
  await assertFails(["report", "1", "--max-pause", "0"], 2, /Give milliseconds/);
  await assertFails(["report", "1", "--width", "59"], 2, /Give a whole number from 60 on/);
  await assertFails(["types", "1", "--sort", "colour"], 2, /Sort by resident, owned, shallow, retained, count, name/);
  await assertFails(["types", "1", "--filter", "/(/"], 2, /is no regular expression/);
  await assertFails(["explain", "1"], 2, /Missing required argument 'address'/);
  await assertFails(["explain", "1", "0xzz"], 2, /"0xzz" is no address/);
  await assertFails(["explain", "1", "0xffff800000000000"], 2, /above the user half/);
});

test("an address that is not mapped", async (t) => {
  const target = startTarget(t, distributionPython(), SLEEPING);
  await target.line();
  await assertFails(["explain", String(target.pid), "0x10"], 2, /Nothing is mapped at 0x10 in process/);
  assertRuns(target);
});

test("no such process, for every verb", async () => {
  for (const verb of [["report"], ["types"], ["arenas"], ["heap"], ["doctor"]]) {
    await assertFails([...verb, "4194304"], 4, /There is no process 4194304\. .*list/);
  }
  await assertFails(["explain", "4194304", "0x1000"], 4, /There is no process 4194304\./);
});

test("a zombie and a kernel thread have no memory", async (t) => {
  const parent = startProcess(t, "sh", ["-c", "sleep 0.1 & echo $!; exec sleep 1000"]);
  const zombie = await parent.line();
  for (let tries = 0; !/^State:\s+Z/m.test(readFileSync(`/proc/${zombie}/status`, "utf8")); tries++) {
    assert.ok(tries < 1000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await assertFails([zombie], 4, /is a zombie/);
  const isKernelThread = existsSync("/proc/2/cmdline") && /^Name:\s+kthreadd$/m.test(readFileSync("/proc/2/status", "utf8"));
  if (isKernelThread) await assertFails(["2"], 5, /kernel thread/);
});

test("a process that is no Python", async (t) => {
  const sleep = startProcess(t, "sleep", ["1000"]);
  await assertFails([String(sleep.pid)], 5, /CPython/);
  await assertFails([String(process.pid)], 5, /CPython/);
  assertRuns(sleep);
});

test("a launcher names the Pythons that it has started", async (t) => {
  const script = `${distributionPython().path} -c 'import time; print("ready", flush=True); time.sleep(1000)'; true`;
  const shell = startProcess(t, "sh", ["-c", script]);
  await shell.line();
  const child = readFileSync(`/proc/${shell.pid}/task/${shell.pid}/children`, "utf8").trim();
  const { status, errors } = await pystrata([String(shell.pid)]);
  assert.equal(status, 5);
  assert.match(errors, /It has started/);
  assert.match(errors, new RegExp(`^ +${child} .*python`, "m"));
});

test("a process that another user may not look into", { skip: process.getuid?.() !== 0 && "needs root" }, async (t) => {
  const target = startProcess(t, distributionPython().path, [
    "-c",
    "import time; print('ready', flush=True); time.sleep(1000)",
  ]);
  await target.line();
  const [command, ...rest] = PYSTRATA;
  const env = { HOME: "/tmp", TMPDIR: "/tmp" };
  const answer = await runCommand(command, [...rest, String(target.pid)], { uid: NOBODY, env });
  assert.equal(answer.status, 3, answer.stderr);
  assertSentence(answer.stderr, /./);
  const doctor = await runCommand(command, [...rest, "doctor", String(target.pid)], { uid: NOBODY, env });
  assert.equal(doctor.status, 0, doctor.stderr);
  assert.match(doctor.stdout, /No report can be made of it/);
  assert.match(doctor.stdout, /^no .*read its memory/m);
  assert.match(doctor.stdout, /^ +Fix: /m);
  assertRuns(target);
});

test("a process that is traced already", async (t) => {
  const python = distributionPython();
  const target = startTarget(t, python, SLEEPING);
  await target.line();
  const tracer = startProcess(t, python.path, ["-c", TRACER, String(target.pid)]);
  await tracer.line();
  await assertFails([String(target.pid)], 3, new RegExp(`${tracer.pid}`));
  assertRuns(target);
  // First the tracer: until it ends, nobody else is told that its tracee did.
  await tracer.stop();
});

test("a limit of memory that is too small", async (t) => {
  const target = startTarget(t, distributionPython(), SLEEPING);
  await target.line();
  await assertFails([String(target.pid), "--max-memory", "1M"], 6, /memory/);
  assertRuns(target);
});

test("a reader that goes away is no failure, a full disk is", async (t) => {
  const target = startTarget(t, distributionPython(), SLEEPING);
  await target.line();
  const command = [...PYSTRATA, "types", String(target.pid), "--format", "json"].map((word) => `'${word}'`).join(" ");
  const cut = await runCommand("bash", ["-c", `${command} | head -c 10; echo; echo "status \${PIPESTATUS[0]}"`]);
  assert.match(cut.stdout, /^status 0$/m);
  assert.equal(cut.stderr, "");
  const full = await runCommand("bash", ["-c", `${command} > /dev/full`]);
  assert.equal(full.status, 1);
  assertSentence(full.stderr, /could not be written/);
});

test("interrupted at any moment, pystrata leaves the process running", async (t) => {
  const target = startTarget(t, distributionPython(), SLEEPING);
  await target.line();
  for (const milliseconds of [250, 400, 500, 600, 700, 850]) {
    const command = startProcess(t, PYSTRATA[0], [...PYSTRATA.slice(1), "report", String(target.pid)]);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    // It may have finished before: then there is nothing to interrupt.
    const done = await Promise.race([command.ended, Promise.resolve("running")]);
    if (done === "running") command.signal("SIGINT");
    assert.ok(["SIGINT", 0].includes(await command.ended));
    assertRuns(target);
  }
});

test("version and help are no failures", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  assert.deepEqual(await pystrata(["--version"]), { status: 0, output: `${version}\n`, errors: "" });
  const help = await pystrata(["--help"]);
  assert.equal(help.status, 0);
  for (const verb of ["report", "types", "arenas", "heap", "explain", "doctor"])
    assert.match(help.output, new RegExp(`^ +${verb} `, "m"));
  const ofVerb = await pystrata(["help", "types"]);
  assert.match(ofVerb.output, /--sort <key>/);
  assert.match(ofVerb.output, /--max-pause <ms>/);
});
