import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { PythonTarget } from "./pythons.ts";
import { startProcess, type Target } from "./spawn.ts";

const SOURCE = fileURLToPath(new URL("./embedding/server.c", import.meta.url));

/** Where a Python's own headers and static library lie, and what its library needs. */
const DESCRIBE = `
import json, sysconfig
get = sysconfig.get_config_var
libraries = " ".join(get(name) or "" for name in ("LIBS", "SYSLIBS", "MODLIBS"))
print(json.dumps([sysconfig.get_paths()["include"], get("LIBPL") + "/" + (get("LIBRARY") or ""), libraries, get("prefix")]))`;

/**
 * Builds a C program that contains the interpreter, hides all of its symbols and strips it.
 *
 * @returns the program, or why it cannot be built here
 */
export function buildEmbeddingServer(
  t: TestContext,
  python: PythonTarget,
): { readonly path: string; readonly home: string } | string {
  const answer = execFileSync(python.path, ["-S", "-c", DESCRIBE], { encoding: "utf8" });
  const [include, library, libraries, home] = JSON.parse(answer) as [string, string, string, string];
  if (!existsSync(join(include, "Python.h"))) return "no headers of this Python";
  if (!existsSync(library)) return "no static library of this Python";
  if (spawnSync("gcc", ["--version"]).status !== 0) return "no gcc";
  const folder = mkdtempSync(join(tmpdir(), "pystrata-embedding-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "server");
  const words = libraries.split(" ").filter((word) => word.startsWith("-l") || word.startsWith("-L"));
  const common = ["-O1", "-w", `-I${include}`, SOURCE, "-o", path, library, ...words, "-lm", "-Wl,--exclude-libs,ALL"];
  // Distributions compile their static library for executables at a fixed address.
  if (!compile(["-pie", "-fPIE", ...common]).ok) {
    const fixed = compile(["-no-pie", ...common]);
    if (!fixed.ok) throw new Error(fixed.errors);
  }
  execFileSync("strip", [path]);
  return { path, home };
}

function compile(args: readonly string[]): { readonly ok: boolean; readonly errors: string } {
  const { status, stderr } = spawnSync("gcc", args, { encoding: "utf8" });
  return { ok: status === 0, errors: stderr };
}

export function startEmbeddingServer(
  t: TestContext,
  server: { readonly path: string; readonly home: string },
  code: string,
): Target {
  return startProcess(t, server.path, [code], { PYTHONHOME: server.home });
}
