import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  listPythonProcesses,
  type PythonProcessList,
  pythonDescendants,
  pythonEvidence,
} from "../../src/target/process-list.ts";
import { asNobody, CAN_BE_NOBODY } from "../support/as-nobody.ts";
import { distributionPython, testOnEveryPython } from "../support/pythons.ts";
import { startProcess, startTarget } from "../support/spawn.ts";

const WAIT = "import sys; print('ready', flush=True); sys.stdin.read()";

testOnEveryPython("a Python is listed", async (t, python) => {
  const target = startTarget(t, python, WAIT, { args: ["--token=hunter2"] });
  await target.line();
  const { processes } = listPythonProcesses();
  const found = processes.find((one) => one.pid === target.pid);
  assert.ok(found);
  assert.equal(found.evidence, "executable");
  assert.equal(found.readable, true);
  assert.equal(found.name, "target");
  assert.equal(found.parentPid, process.pid);
  const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${target.pid}/status`, "utf8"))?.[1]);
  assert.equal(found.residentBytes, kibibytes * 1024);
  assert.doesNotMatch(JSON.stringify(processes), /hunter2/);
});

test("largest first, ourselves and programs that are no Python left out", async (t) => {
  const python = distributionPython();
  const small = startTarget(t, python, WAIT);
  const large = startTarget(t, python, `held = b'x' * (64 << 20)\n${WAIT}`);
  const sleep = startProcess(t, "sleep", ["1000"]);
  await Promise.all([small.line(), large.line()]);
  const { processes } = listPythonProcesses();
  const pids = processes.map((one) => one.pid);
  assert.ok(pids.indexOf(large.pid) >= 0 && pids.indexOf(large.pid) < pids.indexOf(small.pid));
  assert.ok(!pids.includes(sleep.pid) && !pids.includes(process.pid));
  for (const [index, one] of processes.entries()) {
    if (index > 0) assert.ok(processes[index - 1].residentBytes >= one.residentBytes);
  }
});

test("a program under another name that loads Python's modules is listed", async (t) => {
  // A renamed interpreter stands for a server that embeds Python: neither its name nor its program says so.
  const code = `
import ctypes, os, shutil, sys, tempfile
if len(sys.argv) == 1:
    folder = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(__file__)))
    path = os.path.join(folder, "server")
    shutil.copy(os.path.realpath(sys.executable), path)
    os.environ["PYTHONHOME"] = sys.prefix + ":" + sys.exec_prefix
    os.execv(path, ["server", __file__, "again"])
${WAIT}
`;
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  assert.equal(pythonEvidence(target.pid), "library");
});

test("a name alone makes no Python", async (t) => {
  const target = startProcess(t, "bash", ["-c", "exec -a python3 sleep 1000 & echo ready; wait"]);
  await target.line();
  assert.deepEqual(pythonDescendants(target.pid).processes, []);
});

test("a launcher's PID leads to its Pythons, at any depth", async (t) => {
  const python = distributionPython().path;
  const script = `sh -c '"$1" -c "print(1, flush=True); import sys; sys.stdin.read()"; true' inner "$0"; true`;
  const launcher = startProcess(t, "sh", ["-c", script, python]);
  await launcher.line();
  assert.equal(pythonEvidence(launcher.pid), undefined);
  const { processes } = pythonDescendants(launcher.pid);
  assert.equal(processes.length, 1);
  assert.equal(processes[0].evidence, "executable");
  assert.deepEqual(processes[0].commandLine, [python, "-c"]);
  assert.equal(pythonDescendants(processes[0].pid).processes.length, 0, "itself is not below itself");
});

test("what a user may not look into is listed by its name, or counted", (t) => {
  if (!CAN_BE_NOBODY) return t.skip("only root can become somebody else");
  const python = startTarget(t, distributionPython(), WAIT);
  startProcess(t, "sleep", ["1000"]);
  const evaluate = asNobody(t, "src/target/process-list.ts", ["listPythonProcesses", "pythonDescendants"]);
  const { processes, unreadable } = evaluate("listPythonProcesses()") as PythonProcessList;
  const found = processes.find((one) => one.pid === python.pid);
  assert.deepEqual([found?.evidence, found?.readable], ["command", false]);
  assert.ok((found?.residentBytes ?? 0) > 0);
  assert.ok(unreadable > 0);
  const below = evaluate(`pythonDescendants(${process.pid})`) as PythonProcessList;
  assert.ok(below.processes.some((one) => one.pid === python.pid));
});

test("a process that is gone is no Python", () => {
  assert.equal(pythonEvidence(2 ** 22 + 1), undefined);
  assert.deepEqual(pythonDescendants(2 ** 22 + 1), { processes: [], unreadable: 0 });
});
