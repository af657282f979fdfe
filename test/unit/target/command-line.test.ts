import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, isPythonInterpreter, keepCommand, splitCommandLine } from "../../../src/target/command-line.ts";

const SECRET = "--password=hunter2";

const CASES: readonly {
  readonly line: readonly string[];
  readonly executable?: string;
  readonly kept: readonly string[];
  readonly name: string | undefined;
}[] = [
  { line: ["python3", "/srv/shop/worker.py", SECRET], kept: ["python3", "/srv/shop/worker.py"], name: "worker" },
  {
    line: ["/usr/bin/python3.11", "-u", "/usr/bin/gunicorn", SECRET],
    kept: ["/usr/bin/python3.11", "/usr/bin/gunicorn"],
    name: "gunicorn",
  },
  { line: ["python3", "-m", "celery", SECRET], kept: ["python3", "-m", "celery"], name: "celery" },
  { line: ["python3", "-um", "http.server", SECRET], kept: ["python3", "-m", "http.server"], name: "http.server" },
  { line: ["python3", "-mhttp.server", SECRET], kept: ["python3", "-m", "http.server"], name: "http.server" },
  { line: ["python3", "-c", `token = '${SECRET}'`], kept: ["python3", "-c"], name: undefined },
  { line: ["python3", `-ctoken = '${SECRET}'`], kept: ["python3", "-c"], name: undefined },
  { line: ["python3", "-Bc", SECRET], kept: ["python3", "-c"], name: undefined },
  { line: ["python3", "-W", "ignore", "-X", "dev", "app.py"], kept: ["python3", "app.py"], name: "app" },
  { line: ["python3", "-Wignore", "-Xdev", "app.py"], kept: ["python3", "app.py"], name: "app" },
  { line: ["python3", "--check-hash-based-pycs", "always", "app.py"], kept: ["python3", "app.py"], name: "app" },
  { line: ["python3", "/srv/shop/__main__.py"], kept: ["python3", "/srv/shop/__main__.py"], name: "shop" },
  { line: ["python3", "-", SECRET], kept: ["python3"], name: undefined },
  { line: ["python3"], kept: ["python3"], name: undefined },
  { line: ["python3", "-m"], kept: ["python3", "-m"], name: undefined },
  {
    line: ["python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)", "--multiprocessing-fork"],
    kept: ["python3", "-c"],
    name: "multiprocessing.spawn",
  },
  // Python under another name: the program tells.
  { line: ["worker", "app.py", SECRET], executable: "/usr/bin/python3.11", kept: ["worker", "app.py"], name: "app" },
  // Titles that processes gave themselves.
  { line: [`gunicorn: master [shop] ${SECRET}`], executable: "/usr/bin/python3.11", kept: ["gunicorn"], name: "gunicorn" },
  { line: [`[celeryd: host:MainProcess] -active- (worker ${SECRET})`], kept: ["celeryd"], name: "celeryd" },
  { line: [`/usr/bin/python3 app.py ${SECRET}`], kept: ["/usr/bin/python3"], name: undefined },
  // Programs that are no Python.
  { line: ["/usr/sbin/uwsgi", "--ini", SECRET], kept: ["/usr/sbin/uwsgi"], name: "uwsgi" },
  { line: [], kept: [], name: undefined },
];

test("keeps interpreter and script, nothing else", () => {
  for (const { line, executable, kept, name } of CASES) {
    const command: Command = keepCommand(line, executable);
    assert.deepEqual(command, { kept, name }, line.join(" "));
    assert.doesNotMatch(JSON.stringify(command), /hunter2/, line.join(" "));
  }
});

test("splits a command line at its NUL bytes", () => {
  assert.deepEqual(splitCommandLine("python3\0a b\0\0c\0"), ["python3", "a b", "", "c"]);
  assert.deepEqual(splitCommandLine("title of its own\0\0\0\0"), ["title of its own"]);
  assert.deepEqual(splitCommandLine(""), []);
});

test("knows interpreters by their names", () => {
  for (const name of ["python", "/usr/bin/python3", "python3.11", "python3.12d", "python3.6m", "python3-dbg", "python2.7"]) {
    assert.equal(isPythonInterpreter(name), true, name);
  }
  for (const name of ["ipython", "pythonista.app", "python-config", "/usr/bin/python3/", "bash", "python3.11-config"]) {
    assert.equal(isPythonInterpreter(name), false, name);
  }
});
