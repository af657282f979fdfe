import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { type Permission, permissionsFor } from "../../src/target/permissions.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

/** The user that owns nothing. */
const NOBODY = 65534;
const WAIT = "import sys; print('ready', flush=True); sys.stdin.read()";
const PERMISSIONS = fileURLToPath(new URL("../../src/target/permissions.ts", import.meta.url));

function granted(permissions: readonly Permission[], ability: string): boolean {
  return permissions.find((permission) => permission.ability === ability)?.granted ?? assert.fail(ability);
}

test("everything that a report needs is allowed on a process of ours", async (t) => {
  const target = startTarget(t, distributionPython(), WAIT);
  await target.line();
  const permissions = permissionsFor(target.pid);
  for (const { ability, required, granted: isGranted, why } of permissions) {
    if (required) assert.equal(isGranted, true, `${ability}: ${why}`);
  }
  assert.equal(granted(permissions, "stop it by SIGSTOP (--allow-sigstop)"), true);
});

test("a process that is gone is not readable", () => {
  const permissions = permissionsFor(2 ** 22 + 1);
  for (const ability of ["see its mappings and resident pages", "read its memory", "stop it by SIGSTOP (--allow-sigstop)"]) {
    assert.equal(granted(permissions, ability), false, ability);
  }
});

test("a traced process names its tracer", async (t) => {
  // Hooks run in this order: a traced process is only gone when its tracer is.
  let tracer: Target | undefined;
  t.after(() => tracer?.stop());
  const target = startTarget(t, distributionPython(), WAIT);
  await target.line();
  const seize = `import ctypes; assert ctypes.CDLL(None).ptrace(0x4206, ${target.pid}, None, None) == 0\n${WAIT}`;
  tracer = startTarget(t, distributionPython(), seize);
  await tracer.line();
  const found = permissionsFor(target.pid).find((permission) => permission.ability === "become its tracer");
  assert.equal(found?.granted, false);
  assert.match(found.why, new RegExp(`^process ${tracer.pid} \\(python3.*\\) traces it`));
});

test("a user without rights is told which rule refuses", async (t) => {
  if (process.geteuid?.() !== 0) return t.skip("only root can become somebody else");
  const program = bundleForEverybody(t);
  const ask = (pid: number): Permission[] =>
    JSON.parse(
      execFileSync(process.execPath, [program, String(pid)], { uid: NOBODY, gid: NOBODY, cwd: "/", encoding: "utf8" }),
    );

  const ofRoot = startProcess(t, "sleep", ["1000"]);
  const foreign = ask(ofRoot.pid);
  assert.equal(granted(foreign, "read its memory"), false);
  assert.equal(granted(foreign, "stop it by SIGSTOP (--allow-sigstop)"), false);
  assert.match(foreign[0].why, /^it runs as user 0, we run as user 65534$/);

  const open = startProcess(t, "setpriv", [
    "--reuid",
    String(NOBODY),
    "--regid",
    String(NOBODY),
    "--clear-groups",
    "sleep",
    "1000",
  ]);
  const python = ["-c", `import ctypes; ctypes.CDLL(None).prctl(4, 0); ${WAIT}`];
  const shut = startProcess(t, "setpriv", [
    "--reuid",
    String(NOBODY),
    "--regid",
    String(NOBODY),
    "--clear-groups",
    distributionPython().path,
    ...python,
  ]);
  await shut.line();
  await untilUser(open.pid, NOBODY);
  const own = ask(open.pid);
  assert.equal(granted(own, "see its mappings and resident pages"), true);
  assert.equal(granted(own, "see which physical pages are shared with whom"), false);
  const undumpable = ask(shut.pid);
  assert.equal(granted(undumpable, "read its memory"), false);
  assert.match(undumpable[0].why, /^it is not dumpable/);
  assert.equal(granted(undumpable, "stop it by SIGSTOP (--allow-sigstop)"), true);
});

async function untilUser(pid: number, user: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (execFileSync("stat", ["-c", "%u", `/proc/${pid}`], { encoding: "utf8" }).trim() === String(user)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail("setpriv has not changed the user");
}

/** The code as one file that any user may read, wherever this repository lies. */
function bundleForEverybody(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-permissions-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const outfile = join(folder, "ask.mjs");
  const contents = `import { permissionsFor } from ${JSON.stringify(PERMISSIONS)};\nconsole.log(JSON.stringify(permissionsFor(Number(process.argv[2]))));`;
  buildSync({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["koffi"],
    outfile,
  });
  return outfile;
}
