import { readdirSync, readlinkSync } from "node:fs";
import { isPythonInterpreter, keepCommand, splitCommandLine } from "./command-line.ts";
import { secondsSince } from "./identity.ts";
import { splitDeleted } from "./proc/maps.ts";
import { readOptionalFile } from "./proc/proc-file.ts";
import { parseStat } from "./proc/stat.ts";
import { parseStatus } from "./proc/status.ts";

/** What makes a process look like Python: its program, a library or extension module that it maps, or only its name. */
export type PythonEvidence = "executable" | "library" | "command";

/** A process that looks like Python. */
export interface PythonProcess {
  readonly pid: number;
  readonly parentPid: number;
  /** Script, module, program or comm; hostile text. */
  readonly name: string;
  /** Interpreter and script only; hostile text. */
  readonly commandLine: readonly string[];
  /** VmRSS, which the kernel keeps at hand: within some pages of the Rss that a report accounts for. */
  readonly residentBytes: number;
  readonly threads: number;
  readonly userId: number;
  readonly startedSecondsAgo: number;
  readonly evidence: PythonEvidence;
  /** False when the kernel does not let us read its mappings, hence not its memory. */
  readonly readable: boolean;
}

export interface PythonProcessList {
  /** By resident bytes, largest first. */
  readonly processes: readonly PythonProcess[];
  /** Processes with memory whose mappings we may not read and whose name tells nothing: they may embed a Python. */
  readonly unreadable: number;
}

/** libpython itself, or an extension module (PEP 3149), which a program that links Python statically loads too. */
const PYTHON_LIBRARY = /\/libpython[23][\d.]*[a-z]*\.so|\.(cpython-3\d+[a-z]*-[\w-]+|abi3)\.so/;
/** Servers of Python programs that are often known only by the title that they gave themselves. */
const PYTHON_SERVERS = new Set([
  "gunicorn",
  "uwsgi",
  "celery",
  "celeryd",
  "uvicorn",
  "hypercorn",
  "supervisord",
  "twistd",
  "salt-minion",
  "salt-master",
]);

/** All Python processes that this user sees, ourselves excluded. Costs one read of maps per process, no stop. */
export function listPythonProcesses(): PythonProcessList {
  return listAmong(readTasks());
}

/**
 * The Python processes below `pid`, itself excluded: what a shell, `tini`, `sudo` or another launcher has started.
 * A descendant whose parent has ended belongs to init and is not found.
 */
export function pythonDescendants(pid: number): PythonProcessList {
  const children = new Map<number, Task[]>();
  for (const task of readTasks()) {
    const siblings = children.get(task.parentPid);
    if (siblings) siblings.push(task);
    else children.set(task.parentPid, [task]);
  }
  // The visited set guards against PIDs that were reused while we read, which could close a cycle.
  const visited = new Set([pid]);
  const below: Task[] = [];
  for (const queue = [pid]; queue.length > 0; ) {
    for (const child of children.get(queue.pop() as number) ?? []) {
      if (visited.has(child.pid)) continue;
      visited.add(child.pid);
      below.push(child);
      queue.push(child.pid);
    }
  }
  return listAmong(below);
}

/** Says whether and by what a process looks like Python; undefined when it does not or is gone. */
export function pythonEvidence(pid: number): PythonEvidence | undefined {
  const task = readTask(pid);
  if (task === undefined) return undefined;
  const look = lookAt(task);
  return look.evidence;
}

interface Task {
  readonly pid: number;
  readonly parentPid: number;
  readonly comm: string;
  readonly startTicks: number;
}

interface Look {
  readonly evidence: PythonEvidence | undefined;
  readonly readable: boolean;
  readonly executable: string | undefined;
  readonly commandLine: readonly string[];
}

function readTasks(): Task[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (readTask(Number(name)) ?? []) : []));
}

function readTask(pid: number): Task | undefined {
  const stat = parseStat(readOptionalFile(`/proc/${pid}/stat`) ?? "");
  if (stat === undefined || stat.state === "Z" || stat.state === "X") return undefined;
  return { pid, parentPid: stat.parentPid, comm: stat.name, startTicks: stat.startTicks };
}

function listAmong(tasks: readonly Task[]): PythonProcessList {
  const processes: PythonProcess[] = [];
  let unreadable = 0;
  for (const task of tasks) {
    if (task.pid === process.pid) continue;
    const status = parseStatus(readOptionalFile(`/proc/${task.pid}/status`) ?? "");
    if (!status.hasMemory) continue;
    const look = lookAt(task);
    if (look.evidence === undefined) {
      if (!look.readable) unreadable++;
      continue;
    }
    const command = keepCommand(look.commandLine, look.executable);
    processes.push({
      pid: task.pid,
      parentPid: task.parentPid,
      name: command.name ?? task.comm,
      commandLine: command.kept,
      residentBytes: status.approximateResidentBytes,
      threads: status.threads,
      userId: status.effectiveUid,
      startedSecondsAgo: secondsSince(task.startTicks),
      evidence: look.evidence,
      readable: look.readable,
    });
  }
  processes.sort((a, b) => b.residentBytes - a.residentBytes || a.pid - b.pid);
  return { processes, unreadable };
}

function lookAt(task: Task): Look {
  const executable = readExecutablePath(task.pid);
  const maps = readOptionalFile(`/proc/${task.pid}/maps`);
  const commandLine = splitCommandLine(readOptionalFile(`/proc/${task.pid}/cmdline`) ?? "");
  return {
    evidence: evidenceOf(executable, maps, commandLine, task.comm),
    readable: maps !== undefined,
    executable,
    commandLine,
  };
}

/** What can be read decides: a shell whose title says "python" is none. Names count only where nothing else can be seen. */
function evidenceOf(
  executable: string | undefined,
  maps: string | undefined,
  commandLine: readonly string[],
  comm: string,
): PythonEvidence | undefined {
  if (executable !== undefined && isPythonInterpreter(executable)) return "executable";
  if (maps !== undefined) return PYTHON_LIBRARY.test(maps) ? "library" : undefined;
  const command = keepCommand(commandLine, undefined);
  const [program = ""] = command.kept;
  const known =
    isPythonInterpreter(program) ||
    PYTHON_SERVERS.has(command.name ?? "") ||
    PYTHON_SERVERS.has(comm) ||
    isPythonInterpreter(comm);
  return known ? "command" : undefined;
}

function readExecutablePath(pid: number): string | undefined {
  try {
    return splitDeleted(readlinkSync(`/proc/${pid}/exe`)).path;
  } catch {
    return undefined;
  }
}
