import assert from "node:assert/strict";
import { test } from "node:test";
import type { LedgerNode } from "../../src/analysis/ledger-tree.ts";
import { textWidth } from "../../src/cli/format/layout.ts";
import { PYSTRATA, runCommand } from "../support/command.ts";
import { distributionPython } from "../support/pythons.ts";
import { pystrata } from "../support/report.ts";
import { assertFollowsSchema } from "../support/schemas.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

const SERVICE = `
import threading, time
class Session:
    def __init__(self, number):
        self.number = number
        self.buffer = bytearray(3000)
kept = [Session(number) for number in range(2000)]
threading.Thread(target=time.sleep, args=(1000,), daemon=True, name="worker").start()
print(id(kept[7]), id(kept), flush=True)
time.sleep(1000)
`;

/** A Python whose types, modules, threads, keys and mapped files are named to harm whoever prints them. */
const HOSTILE = `
import ctypes, mmap, os, sys, tempfile, threading, time, types
names = ["\\x1b[2J\\x1b]0;owned\\x07", "new\\nline\\r", "left\\u202eright", "zero\\u200bwidth", "c1\\x9b31m", "x" * 300]
kept = []
for name in names:
    module = types.ModuleType(name)
    sys.modules[name] = module
    cls = type(name, (), {"__module__": name, name: 1})
    kept.append([cls() for _ in range(5000)])
folder = tempfile.mkdtemp()
for name in names[:4]:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(b"x" * 300000)
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        kept.append((view, view[::4096]))
    os.unlink(path)
os.rmdir(folder)
libc = ctypes.CDLL(None)
libc.prctl(15, b"\\x1b[31mcomm", 0, 0, 0)
threading.Thread(target=time.sleep, args=(1000,), daemon=True, name=names[0]).start()
print("ready", flush=True)
time.sleep(1000)
`;

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

async function answerOf(args: readonly (string | number)[]): Promise<Record<string, never> & { [key: string]: unknown }> {
  const { status, output: stdout, errors: stderr } = await pystrata([...args.map(String), "--format", "json"]);
  assert.equal(status, 0, stderr);
  const answer = JSON.parse(stdout);
  assertFollowsSchema(answer);
  return answer;
}

function assertAddsUp(node: LedgerNode): void {
  const children = node.children ?? [];
  if (children.length > 0) {
    assert.equal(
      children.reduce((sum, child) => sum + child.residentBytes, 0),
      node.residentBytes,
      node.key,
    );
  }
  for (const child of children) assertAddsUp(child);
}

test("every verb answers a program as its schema says", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  const [session, list] = (await target.line()).split(" ");

  const report = await answerOf(["report", target.pid]);
  const ledger = report.ledger as LedgerNode;
  const { residentBytes } = report.process as { residentBytes: number };
  assert.equal(ledger.residentBytes, residentBytes);
  assertAddsUp(ledger);
  const types = report.types as { name: string; module: string; count: number; residentBytes: number }[];
  assert.equal(types.find((type) => type.name === "Session")?.count, 2000);
  assert.equal(
    types.reduce((sum, type) => sum + type.residentBytes, 0),
    ledger.children?.[0].residentBytes,
    "types sum to the ledger's objects",
  );

  const filtered = await answerOf(["types", target.pid, "--filter", "/^__main__/", "--sort", "count"]);
  assert.deepEqual(
    (filtered.types as { name: string }[]).map((type) => type.name),
    ["Session"],
  );
  await answerOf(["arenas", target.pid]);
  await answerOf(["heap", target.pid]);
  await answerOf(["arenas", target.pid, "--owners"]);
  await answerOf(["heap", target.pid, "--owners"]);
  await answerOf(["doctor", target.pid]);

  const explained = await answerOf(["explain", target.pid, session]);
  assert.equal((explained.object as { type: string }).type, "Session");
  assert.equal((explained.object as { address: string }).address, `0x${Number(session).toString(16)}`);
  const hexadecimal = await answerOf(["explain", target.pid, `0x${Number(list).toString(16)}`]);
  assert.equal((hexadecimal.object as { type: string }).type, "list");
});

test("every verb answers a person within the width", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  const [session] = (await target.line()).split(" ");
  const verbs: readonly (readonly (string | number)[])[] = [
    [target.pid],
    ["report", target.pid, "--depth", 3, "-v"],
    ["types", target.pid],
    ["arenas", target.pid],
    ["heap", target.pid],
    ["explain", target.pid, session],
    ["doctor", target.pid],
    [],
  ];
  for (const verb of verbs) {
    const { status, output: stdout, errors: stderr } = await pystrata([...verb.map(String), "--width", "72"]);
    assert.equal(status, 0, stderr);
    assert.equal(stderr, "");
    for (const line of stdout.split("\n")) assert.ok(textWidth(line) <= 72, line);
    assert.doesNotMatch(stdout.replaceAll("\n", ""), UNSAFE, "neither colours nor control characters without a terminal");
  }
});

test("without a verb the Python processes are listed with their resident bytes", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  await target.line();
  const other = startProcess(t, "sleep", ["1000"]);
  const { status, output: stdout } = await pystrata([]);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^${target.pid} +[\\d,]+\\.\\d .*python`, "m"));
  assert.doesNotMatch(stdout, new RegExp(`^${other.pid} `, "m"));
  const answer = await answerOf([]);
  const listed = (answer.processes as { pid: number; residentBytes: number }[]).find(({ pid }) => pid === target.pid);
  assert.ok(listed && listed.residentBytes > 2 ** 20);
});

test("hostile names reach neither the terminal nor a viewer of JSON", async (t) => {
  const target = startTarget(t, distributionPython(), HOSTILE);
  await target.line();
  const verbs = [["report"], ["types", "--limit", "0"], ["arenas"], ["heap"], ["doctor"]];
  for (const [verb, ...options] of verbs) {
    for (const format of ["text", "json"]) {
      const {
        status,
        output: stdout,
        errors: stderr,
      } = await pystrata([verb, String(target.pid), ...options, "--depth", "4", "--format", format, "-v"]);
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stdout.replaceAll("\n", ""), UNSAFE, `${verb} as ${format}`);
      if (verb === "types") assert.ok(stdout.includes(format === "json" ? "\\u001b[2J" : "\\x1b[2J"), "escaped, not dropped");
      if (verb === "types" && format === "text")
        assert.ok(stdout.replaceAll(/\s/g, "").includes("x".repeat(300)), "wrapped, not cut");
    }
  }
  const list = await pystrata([]);
  assert.doesNotMatch(list.output.replaceAll("\n", ""), UNSAFE);
});

test("a terminal gets colours and its own width; NO_COLOR, --no-color and TERM=dumb are heard", async (t) => {
  const target = startTarget(t, distributionPython(), SERVICE);
  await target.line();
  const onTerminal = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => runOnTerminal(target, args, env);
  const coloured = await onTerminal([]);
  assert.ok(coloured.includes("\u001b[38;5;72m█"), coloured);
  const ruler = /Resident.*?(─+)/.exec(coloured)?.[1];
  assert.equal(ruler?.length, 90 - 50);
  assert.doesNotMatch(await onTerminal(["--no-color"]), /\u001b\[/);
  assert.doesNotMatch(await onTerminal([], { NO_COLOR: "1" }), /\u001b\[/);
  const dumb = await onTerminal([], { TERM: "dumb" });
  assert.doesNotMatch(dumb, /\u001b\[|█/);
  assert.match(dumb, /^Objects .*#+\r?$/m);
});

/** Runs the report on a terminal of 90 columns; what stdout and stderr write there comes back. */
async function runOnTerminal(target: Target, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const run = `
import fcntl, os, pty, struct, subprocess, sys, termios
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
child = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave)
os.close(slave)
try:
    while True:
        data = os.read(master, 65536)
        if not data: break
        os.write(1, data)
except OSError:
    pass
sys.exit(child.wait())
`;
  const command = [...PYSTRATA, String(target.pid), ...args];
  const { status, stdout, stderr } = await runCommand(distributionPython().path, ["-c", run, ...command], { env });
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}
