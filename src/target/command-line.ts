/**
 * What is kept of a command line: interpreter and script. Everything behind the script may hold secrets and is never kept;
 * neither is the code of `-c`.
 */

export interface Command {
  /** Interpreter and script, or interpreter, `-m` and module, or the program alone; hostile text. */
  readonly kept: readonly string[];
  /** Base name of the script or module, or undefined when the command line names none; hostile text. */
  readonly name: string | undefined;
}

/** Base names of interpreters of Python: `python`, `python3`, `python3.11`, `python3.12d`, `python3-dbg`. */
const INTERPRETER = /^python[\d.]*[a-z]*(-dbg|-debug)?$/;
/** Options of the interpreter that take the next argument (Modules/main.c and Python/initconfig.c, `SHORT_OPTS`). */
const OPTIONS_WITH_ARGUMENT = new Set(["-W", "-X", "-Q", "--check-hash-based-pycs"]);
/** Processes that multiprocessing starts run this code, which holds no text of the program's author. */
const MULTIPROCESSING = /^from (multiprocessing\.\w+) import /;
/** Scripts that are named like this are told apart by their folder. */
const NAMELESS_SCRIPTS = new Set(["__main__.py", "__init__.py"]);

/** True when a path's base name is that of a Python interpreter. */
export function isPythonInterpreter(path: string): boolean {
  return INTERPRETER.test(baseName(path));
}

/** Splits /proc/PID/cmdline. A process that set its own title has one argument or none. */
export function splitCommandLine(text: string): string[] {
  const parts = text.split("\0");
  while (parts.at(-1) === "") parts.pop();
  return parts;
}

/**
 * Keeps interpreter and script of a command line.
 * @param executable target of /proc/PID/exe, which tells a Python that runs under another argv[0]
 */
export function keepCommand(parts: readonly string[], executable: string | undefined): Command {
  // One argument with blanks is a title that the process gave itself; what stands behind its first word may be anything.
  const program = parts.length === 1 ? parts[0].split(" ")[0] : parts[0];
  if (program === undefined || program === "") return { kept: [], name: undefined };
  const isPython =
    isPythonInterpreter(program) || (parts.length > 1 && executable !== undefined && isPythonInterpreter(executable));
  if (!isPython) {
    // Titles begin like "gunicorn: master" or "[celeryd: host]".
    const word = program.replace(/^\[|[:\]]+$/g, "");
    return { kept: [word], name: baseName(word) || undefined };
  }
  return keepPythonCommand(program, parts.slice(1));
}

function keepPythonCommand(interpreter: string, args: readonly string[]): Command {
  for (let index = 0; index < args.length; index++) {
    const argument = args[index];
    if (argument === "-" || argument === "") return { kept: [interpreter], name: undefined };
    if (!argument.startsWith("-")) return { kept: [interpreter, argument], name: scriptName(argument) };
    if (OPTIONS_WITH_ARGUMENT.has(argument)) {
      index++;
      continue;
    }
    // Short options may be joined (`-um`), and `-m` and `-c` take the rest of the word or the next argument.
    const joined = /^-[a-zA-Z]*?([mcWX])(.*)$/s.exec(argument);
    if (joined === null || argument.startsWith("--")) continue;
    const [, option, rest] = joined;
    const value = rest === "" ? args[++index] : rest;
    if (option === "m") return { kept: [interpreter, "-m", ...(value === undefined ? [] : [value])], name: value };
    if (option === "c") return { kept: [interpreter, "-c"], name: MULTIPROCESSING.exec(value ?? "")?.[1] };
  }
  return { kept: [interpreter], name: undefined };
}

function scriptName(path: string): string {
  const name = baseName(path);
  const folder = baseName(path.slice(0, -name.length - 1));
  if (NAMELESS_SCRIPTS.has(name) && folder !== "") return folder;
  return name.endsWith(".py") && name.length > 3 ? name.slice(0, -3) : name;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
