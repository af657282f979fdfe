import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

/** An interpreter that tests run as a target. */
export interface PythonTarget {
  /** The binary itself, links resolved. */
  readonly path: string;
  /** Such as "3.11.2". */
  readonly version: string;
  /** The 11 of 3.11. */
  readonly minor: number;
  /** For test names: "3.11.2 distribution", "3.12.1 debug". */
  readonly label: string;
  /** The operating system's own: stripped, statically linked, no debug information. */
  readonly distribution: boolean;
}

/** Minor versions of CPython 3 that pystrata reads, both included. */
export const FIRST_COVERED_MINOR = 6;
export const LAST_COVERED_MINOR = 13;

const DISTRIBUTION_FOLDER = "/usr/bin";
const INTERPRETER_NAME = /^python[23]\.\d+d?$/;
const DESCRIBE = `import sys, platform
print(platform.python_implementation(), "%d.%d.%d" % sys.version_info[:3], hasattr(sys, "gettotalrefcount"))`;

let discovered: readonly PythonTarget[] | undefined;

/**
 * Every CPython on this machine that pystrata covers, ascending by version, the distribution's last. Says once which they are.
 *
 * Throws when the distribution's own is missing: it is what most production machines run, so no test run may pass without it.
 */
export function pythons(): readonly PythonTarget[] {
  if (discovered !== undefined) return discovered;
  const found = interpreterPaths().flatMap((path) => describe(path) ?? []);
  const covered = found.filter((python) => isCovered(python.version)).sort(byVersion);
  if (!covered.some((python) => python.distribution)) {
    throw new Error(`no python3 of the distribution in ${DISTRIBUTION_FOLDER}: install it (Debian: apt-get install python3)`);
  }
  const others = found.filter((python) => !isCovered(python.version));
  console.log(`# pythons: ${covered.map((python) => python.label).join(", ")}`);
  if (others.length > 0) console.log(`# not covered: ${others.map((python) => python.label).join(", ")}`);
  discovered = covered;
  return covered;
}

/** Covered minor versions that this machine does not have. */
export function missingMinors(): readonly number[] {
  const present = new Set(pythons().map((python) => python.minor));
  const all = Array.from({ length: LAST_COVERED_MINOR - FIRST_COVERED_MINOR + 1 }, (_, index) => FIRST_COVERED_MINOR + index);
  return all.filter((minor) => !present.has(minor));
}

/** Registers one test per interpreter, and a skipped one for each covered version that is not there, so that a gap is seen. */
export function testOnEveryPython(title: string, body: (t: TestContext, python: PythonTarget) => Promise<void> | void): void {
  for (const python of pythons()) test(`${title}: CPython ${python.label}`, (t) => body(t, python));
  for (const minor of missingMinors()) test(`${title}: CPython 3.${minor}`, { skip: "not on this machine" }, () => {});
}

/** The operating system's own Python. */
export function distributionPython(): PythonTarget {
  return pythons().find((python) => python.distribution) as PythonTarget;
}

function interpreterPaths(): readonly string[] {
  const root = process.env.PYENV_ROOT ?? join(homedir(), ".pyenv");
  const folders = [
    ...namesIn(join(root, "versions")).map((name) => join(root, "versions", name, "bin")),
    DISTRIBUTION_FOLDER,
    "/usr/local/bin",
  ];
  const paths = folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => INTERPRETER_NAME.test(name))
      .map((name) => realpathSync(join(folder, name))),
  );
  return [...new Set(paths)];
}

function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function describe(path: string): PythonTarget | undefined {
  let words: readonly string[];
  try {
    words =
      execFileSync(path, ["-S", "-c", DESCRIBE], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).match(/[\w.]+/g) ??
      [];
  } catch {
    return undefined; // a link to an interpreter whose libraries are gone
  }
  const [implementation, version, debug] = words;
  if (implementation !== "CPython" || version === undefined) return undefined;
  const distribution = path.startsWith(`${DISTRIBUTION_FOLDER}/`);
  const kinds = [debug === "True" ? " debug" : "", distribution ? " distribution" : ""].join("");
  return { path, version, minor: Number(version.split(".")[1]), label: `${version}${kinds}`, distribution };
}

function isCovered(version: string): boolean {
  const [major, minor] = version.split(".").map(Number) as [number, number, number];
  return major === 3 && minor >= FIRST_COVERED_MINOR && minor <= LAST_COVERED_MINOR;
}

function byVersion(left: PythonTarget, right: PythonTarget): number {
  if (left.distribution !== right.distribution) return left.distribution ? 1 : -1;
  return left.version.localeCompare(right.version, "en", { numeric: true });
}
