import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { PythonTarget } from "../pythons.ts";
import { startTarget, type Target } from "../spawn.ts";

const FOLDER = fileURLToPath(new URL("./", import.meta.url));

/** What program.py says: addresses by what became of them. */
export interface LeakyAddresses {
  readonly kept: Readonly<
    Record<"leaked" | "blocks" | "lostChain" | "library" | "middle" | "threadLocal" | "stack" | "freed", readonly number[]>
  >;
  readonly capsule: readonly [object: number, payload: number];
  readonly holder: readonly [object: number, held: readonly number[]];
}

/** Compiles the extension for a Python and runs the program with it; undefined where the Python has no headers. */
export async function startLeaky(t: TestContext, python: PythonTarget): Promise<{ target: Target; addresses: LeakyAddresses }> {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-leaky-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const paths = "import sysconfig; print(sysconfig.get_paths()['include'], sysconfig.get_config_var('EXT_SUFFIX'))";
  const [include, suffix] = execFileSync(python.path, ["-c", paths], { encoding: "utf8" }).trim().split(" ");
  const library = join(folder, `leaky${suffix}`);
  execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-pthread", `-I${include}`, "-o", library, join(FOLDER, "leaky.c")]);
  const target = startTarget(t, python, { script: join(FOLDER, "program.py") }, { env: { PYTHONPATH: folder } });
  return { target, addresses: JSON.parse(await target.line()) as LeakyAddresses };
}
