import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccessContext, AccessProbes } from "../../../src/target/access-probes.ts";
import { judgeAccess, type Permission } from "../../../src/target/permissions.ts";
import { parseStatus } from "../../../src/target/proc/status.ts";

const ALL_CAPABILITIES = "000001ffffffffff";
const NO_CAPABILITIES = "0000000000000000";
const SYS_PTRACE_ONLY = (1n << 19n).toString(16).padStart(16, "0");

const ALL_WORK: AccessProbes = {
  maps: true,
  pagemap: true,
  memory: true,
  frameNumbers: true,
  signal: true,
  native: true,
  ptraceCall: true,
  vmReadCall: true,
  pageScan: true,
};
const CLOSED: Partial<AccessProbes> = {
  maps: false,
  pagemap: false,
  memory: false,
  frameNumbers: undefined,
  pageScan: undefined,
};

interface Differences {
  readonly own?: string;
  readonly target?: string;
  readonly context?: Partial<AccessContext>;
  readonly probes?: Partial<AccessProbes>;
}

/** Root on a plain host looks at a process of user 1000, except for what is said. */
function contextOf({ own, target, context, probes }: Differences = {}): AccessContext {
  return {
    pid: 4711,
    own: parseStatus(own ?? `Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nNSpid:\t100\nCapEff:\t${ALL_CAPABILITIES}`),
    target: parseStatus(target ?? user(1000)),
    tracerName: undefined,
    dumpable: true,
    sameUserNamespace: true,
    yamaScope: undefined,
    container: undefined,
    probes: { ...ALL_WORK, ...probes },
    ...context,
  };
}

function user(id: number, rest = ""): string {
  return `Uid:\t${id}\t${id}\t${id}\t${id}\nGid:\t${id}\t${id}\t${id}\t${id}\nNSpid:\t4711\nCapEff:\t${NO_CAPABILITIES}\n${rest}`;
}

function find(permissions: readonly Permission[], ability: RegExp): Permission {
  const found = permissions.filter((permission) => ability.test(permission.ability));
  assert.equal(found.length, 1, String(ability));
  return found[0];
}

function judge(differences: Differences, ability: RegExp): Permission {
  return find(judgeAccess(contextOf(differences)), ability);
}

test("root on a plain host may do everything, and nothing has to be done", () => {
  for (const { ability, granted, remedy } of judgeAccess(contextOf())) {
    assert.equal(granted, true, ability);
    assert.equal(remedy, undefined, ability);
  }
});

test("what is not granted says why, and abilities keep their names", () => {
  const refused = judgeAccess(
    contextOf({
      own: user(1001),
      probes: { ...CLOSED, signal: false, native: false, ptraceCall: undefined, vmReadCall: undefined },
    }),
  );
  assert.deepEqual(
    refused.map((permission) => permission.ability),
    judgeAccess(contextOf()).map((permission) => permission.ability),
  );
  for (const { ability, why } of refused) {
    assert.ok(why.length > 0, ability);
    assert.doesNotMatch(why, /\.$/, "one clause without a full stop");
  }
});

test("another user is told whose process it is", () => {
  const memory = judge({ own: user(1001), probes: CLOSED }, /^read its memory/);
  assert.equal(memory.granted, false);
  assert.equal(memory.why, "it runs as user 1000, we run as user 1001");
  assert.equal(memory.remedy, "Run as root (sudo) or as that user (sudo -u '#1000').");
});

test("Yama is named only where it is the rule that refuses", () => {
  const byYama = { own: user(1000), context: { yamaScope: 1 }, probes: { memory: false } };
  assert.match(judge(byYama, /^read its memory/).why, /^kernel\.yama\.ptrace_scope is 1/);
  assert.equal(judge(byYama, /^see its mappings/).granted, true, "mappings are open all the same");
  const byUser = { own: user(1001), context: { yamaScope: 1 }, probes: CLOSED };
  assert.match(judge(byUser, /^read its memory/).why, /^it runs as user/);
  const nobody = { context: { yamaScope: 3 }, probes: { memory: false } };
  assert.match(judge(nobody, /^read its memory/).why, /nobody may trace/);
});

test("an undumpable process of our own user", () => {
  const memory = judge({ own: user(1000), context: { dumpable: false }, probes: CLOSED }, /^read its memory/);
  assert.match(memory.why, /^it is not dumpable/);
});

test("capabilities that do not reach", () => {
  const namespaced = judge({ context: { sameUserNamespace: false }, probes: CLOSED }, /^read its memory/);
  assert.match(namespaced.why, /another user namespace/);
  const rootOfContainer = judge(
    {
      own: `Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t${NO_CAPABILITIES}`,
      context: { container: "Docker" },
      probes: CLOSED,
    },
    /^read its memory/,
  );
  assert.equal(rootOfContainer.why, "we are root without CAP_SYS_PTRACE");
  assert.match(rootOfContainer.remedy ?? "", /--cap-add SYS_PTRACE/);
  const withoutOverride = judge(
    { own: `Uid:\t5\t5\t5\t5\nGid:\t5\t5\t5\t5\nCapEff:\t${SYS_PTRACE_ONLY}`, probes: CLOSED },
    /^read its memory/,
  );
  assert.match(withoutOverride.why, /we lack CAP_DAC_OVERRIDE$/);
});

test("a traced process names its tracer", () => {
  const target = user(1000, "TracerPid:\t99\n");
  const traced = judge({ target, context: { tracerName: "gdb" } }, /tracer/);
  assert.equal(traced.granted, false);
  assert.match(traced.why, /^process 99 \(gdb\) traces it/);
  assert.equal(judge({ target }, /by ptrace/).granted, false);
});

test("seccomp falls back from the fast copy", () => {
  const filtered = {
    own: `Uid:\t0\t0\t0\t0\nCapEff:\t${ALL_CAPABILITIES}\nSeccomp:\t2`,
    probes: { vmReadCall: false, ptraceCall: false },
  };
  assert.match(judge(filtered, /process_vm_readv/).why, /^a seccomp filter forbids the call; \/proc\/PID\/mem serves/);
  assert.match(judge(filtered, /by ptrace/).why, /^a seccomp filter/);
  assert.equal(judge(filtered, /SIGSTOP/).granted, true);
});

test("a process in a PID namespace of its own is told by both numbers", () => {
  const target = `${user(1000)}`.replace("NSpid:\t4711", "NSpid:\t4711\t7");
  assert.match(judge({ target }, /by its PID/).why, /where it is 7; here it is 4711/);
});

test("an old kernel and a machine without koffi", () => {
  assert.match(judge({ probes: { pageScan: false } }, /PAGEMAP_SCAN/).why, /Linux 6\.7/);
  const without = { probes: { native: false, ptraceCall: undefined, vmReadCall: undefined, pageScan: undefined } };
  for (const ability of [/PAGEMAP_SCAN/, /process_vm_readv/, /by ptrace/, /Node lacks/]) {
    const permission = judge(without, ability);
    assert.equal(permission.granted, false);
    assert.match(permission.remedy ?? "", /koffi/);
  }
});
