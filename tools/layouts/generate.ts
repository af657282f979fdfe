/**
 * Makes a layout table from a Python that carries debug information:
 *
 *     npx tsx tools/layouts/generate.ts /path/to/python3.X
 *
 * gdb reads the interpreter (executable or libpython) and the standard library's extension modules; the result goes to
 * src/strata/cpython/layouts/tables/VERSION.json, which is all that a new version needs to be known.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

type Field = readonly number[];
interface Structure {
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}
type Structures = Record<string, Structure>;

interface Interpreter {
  readonly version: string;
  readonly binary: string;
  readonly extensions: readonly string[];
}

const folder = fileURLToPath(new URL(".", import.meta.url));
const settingsPath = join(folder, "structures.json");
const tablesFolder = fileURLToPath(new URL("../../src/strata/cpython/layouts/tables/", import.meta.url));

/** Asks the Python itself where its code lies; `t` and `d` mark free-threaded and debug builds, as in its ABI flags. */
function describe(python: string): Interpreter {
  const script = `
import json, sys, sysconfig
get = sysconfig.get_config_var
version = "%d.%d.%d" % sys.version_info[:3]
flags = ("t" if get("Py_GIL_DISABLED") else "") + ("d" if hasattr(sys, "gettotalrefcount") else "")
print(json.dumps([version + flags, get("Py_ENABLE_SHARED"), get("LIBDIR"), get("INSTSONAME"), sys.executable, get("DESTSHARED")]))`;
  const answer = execFileSync(python, ["-I", "-c", script], {
    encoding: "utf8",
  });
  const [version, shared, libraryFolder, library, executable, extensionFolder] = JSON.parse(answer) as string[];
  const wanted = (JSON.parse(readFileSync(settingsPath, "utf8")) as { extensions: string[] }).extensions;
  const files = existsSync(extensionFolder) ? readdirSync(extensionFolder) : [];
  const extensions = files.filter((file) => wanted.includes(file.split(".")[0])).sort();
  return {
    version,
    binary: shared ? join(libraryFolder, library) : executable,
    extensions: extensions.map((file) => join(extensionFolder, file)),
  };
}

/** The structures that gdb finds in one module; none when the module has no debug information. */
function dump(binary: string): Structures {
  const settings = `python settings = ${JSON.stringify(settingsPath)}`;
  const output = execFileSync("gdb", ["-nx", "-batch", "-ex", settings, binary, "-x", join(folder, "dump_layout.py")], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const line = output.split("\n").find((candidate) => candidate.startsWith("LAYOUT "));
  return line ? (JSON.parse(line.slice("LAYOUT ".length)) as Structures) : {};
}

/** Adds an extension's structures; two modules that use one name for different things keep both, as `module.name`. */
function merge(into: Structures, from: Structures, module: string): void {
  for (const [name, structure] of Object.entries(from)) {
    const known = into[name];
    if (known === undefined) into[name] = structure;
    else if (JSON.stringify(known) !== JSON.stringify(structure)) into[`${module}.${name}`] = structure;
  }
}

/** JSON with one structure a line, so that a difference between two tables is readable. */
function format(version: string, structures: Structures): string {
  const lines = Object.keys(structures)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(structures[name])}`);
  return `{"version":${JSON.stringify(version)},"structures":{\n${lines.join(",\n")}\n}}\n`;
}

function main(python: string | undefined): void {
  if (python === undefined) throw new Error("usage: npx tsx tools/layouts/generate.ts /path/to/python3.X");
  const { version, binary, extensions } = describe(python);
  const structures = dump(binary);
  if (structures["PyTypeObject"] === undefined) throw new Error(`${binary} carries no debug information`);
  for (const extension of extensions) merge(structures, dump(extension), extension.replace(/^.*\/|\..*$/g, ""));
  const path = join(tablesFolder, `${version}.json`);
  writeFileSync(path, format(version, structures));
  console.log(`${path}: ${Object.keys(structures).length} structures from ${extensions.length + 1} modules`);
}

main(process.argv[2]);
