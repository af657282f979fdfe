import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { startProcess, type Target } from "./spawn.ts";

/** The user that owns nothing. */
const NOBODY = 65534;

/** Only root can become somebody else. */
export const CAN_BE_NOBODY = process.geteuid?.() === 0;

/**
 * Runs functions of ours as a user without rights. The code is bundled into one file that any user may read, wherever this
 * repository lies; koffi is not there.
 * @param module path from the repository's root
 * @returns evaluates an expression over the module's exports and gives its value by way of JSON
 */
export function asNobody(t: TestContext, module: string, names: readonly string[]): (expression: string) => unknown {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-nobody-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const outfile = join(folder, "ask.mjs");
  const path = fileURLToPath(new URL(`../../${module}`, import.meta.url));
  const contents = `import { ${names.join(", ")} } from ${JSON.stringify(path)};
const answer = new Function(${names.map((name) => `"${name}"`).join(", ")}, \`return \${process.argv[2]}\`);
console.log(JSON.stringify(answer(${names.join(", ")})));`;
  buildSync({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi"],
    outfile,
  });
  return (expression) =>
    JSON.parse(execFileSync(process.execPath, [outfile, expression], { uid: NOBODY, gid: NOBODY, cwd: "/", encoding: "utf8" }));
}

/** Starts a program as that user; it may still be root's for some milliseconds. */
export function startAsNobody(t: TestContext, command: string, args: readonly string[]): Target {
  const user = String(NOBODY);
  return startProcess(t, "setpriv", ["--reuid", user, "--regid", user, "--clear-groups", command, ...args]);
}
