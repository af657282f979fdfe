import assert from "node:assert/strict";
import { test } from "node:test";
import { type Permission, permissionsFor } from "../../src/target/permissions.ts";
import { asNobody, CAN_BE_NOBODY, startAsNobody } from "../support/as-nobody.ts";
import { distributionPython } from "../support/pythons.ts";
import { startProcess, startTarget, type Target } from "../support/spawn.ts";

const WAIT = "import sys; print('ready', flush=True); sys.stdin.read()";

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
  if (!CAN_BE_NOBODY) return t.skip("only root can become somebody else");
  const evaluate = asNobody(t, "src/target/permissions.ts", ["permissionsFor"]);
  const ask = (pid: number) => evaluate(`permissionsFor(${pid})`) as Permission[];

  const ofRoot = startProcess(t, "sleep", ["1000"]);
  const foreign = ask(ofRoot.pid);
  assert.equal(granted(foreign, "read its memory"), false);
  assert.equal(granted(foreign, "stop it by SIGSTOP (--allow-sigstop)"), false);
  assert.match(foreign[0].why, /^it runs as user 0, we run as user 65534$/);

  const open = startAsNobody(t, distributionPython().path, ["-c", WAIT]);
  const shut = startAsNobody(t, distributionPython().path, ["-c", `import ctypes; ctypes.CDLL(None).prctl(4, 0); ${WAIT}`]);
  await Promise.all([open.line(), shut.line()]);
  const own = ask(open.pid);
  assert.equal(granted(own, "see its mappings and resident pages"), true);
  assert.equal(granted(own, "see which physical pages are shared with whom"), false);
  const undumpable = ask(shut.pid);
  assert.equal(granted(undumpable, "read its memory"), false);
  assert.match(undumpable[0].why, /^it is not dumpable/);
  assert.equal(granted(undumpable, "stop it by SIGSTOP (--allow-sigstop)"), true);
});
