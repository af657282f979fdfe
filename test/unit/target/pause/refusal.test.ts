import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import {
  explainRights,
  explainUntraceable,
  readTracingRights,
  type TracingRights,
} from "../../../../src/target/pause/refusal.ts";

const plainUser: TracingRights = { hasPtraceCapability: false, uid: 1000, filtered: false, yamaScope: undefined };

describe("the rule that refuses to trace", () => {
  const cases: readonly [string, Partial<TracingRights>, number, RegExp, RegExp][] = [
    ["another user", {}, 0, /belongs to user 0, we are user 1000/, /sudo/],
    ["another user, though Yama restricts too", { yamaScope: 1 }, 0, /belongs to user 0/, /sudo/],
    ["Yama, ancestors only", { yamaScope: 1 }, 1000, /ptrace_scope is 1, which lets only the ancestors/, /sudo/],
    ["Yama, root only", { yamaScope: 2 }, 1000, /ptrace_scope is 2, which lets only root/, /sudo/],
    ["Yama, nobody", { yamaScope: 3, hasPtraceCapability: true }, 1000, /ptrace_scope is 3/, /Boot/],
    ["seccomp", { filtered: true, hasPtraceCapability: true, yamaScope: 0 }, 1000, /seccomp/, /SYS_PTRACE/],
    ["seccomp, perhaps", { filtered: true, yamaScope: 0 }, 1000, /seccomp filter .* may/, /root/],
    ["a security module", { hasPtraceCapability: true }, 1000, /although we hold CAP_SYS_PTRACE/, /host/],
    ["an undumpable process", {}, 1000, /undumpable/, /sudo/],
  ];
  for (const [name, rights, targetUid, sentence, hint] of cases) {
    it(`is named: ${name}`, () => {
      const failure = explainRights(4711, targetUid, { ...plainUser, ...rights });
      assert.equal(failure.code, "not-permitted");
      assert.match(failure.sentence, /^The kernel does not let us trace process 4711: |^The kernel .* 4711 although/);
      assert.match(failure.sentence, sentence);
      assert.match(failure.hint ?? "", hint);
    });
  }

  it("reads our own rights from the kernel", () => {
    const rights = readTracingRights();
    assert.equal(rights.uid, process.geteuid?.());
    const mask = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
    assert.equal(rights.hasPtraceCapability, Math.floor(Number.parseInt(mask, 16) / 2 ** 19) % 2 === 1);
  });
});

describe("what no rights help with", () => {
  it("is named for a process that is not there, for ourselves and for a thread's id", () => {
    assert.equal(explainUntraceable(2 ** 22 + 1)?.code, "no-such-process");
    assert.equal(explainUntraceable(process.pid)?.code, "usage");
    const thread = readdirSync("/proc/self/task")
      .map(Number)
      .find((tid) => tid !== process.pid);
    assert.match(explainUntraceable(thread ?? 0)?.sentence ?? "", new RegExp(`is a thread of process ${process.pid}`));
  });
});
