import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { textWidth } from "../../src/cli/format/layout.ts";
import { distributionPython } from "../support/pythons.ts";
import { pystrata } from "../support/report.ts";
import { assertFollowsSchema } from "../support/schemas.ts";
import { startTarget, type Target } from "../support/spawn.ts";

/** A service that keeps every message, has garbage, and on each line that it reads takes some away and adds more. */
const SERVICE = `
import gc, sys
gc.disable()
class Message:
    def __init__(self, number):
        self.number = number
        self.text = "message %d" % number
class Session:
    def __init__(self):
        self.peer = None
        self.unread = bytearray(5000)
HISTORY = [Message(number) for number in range(3000)]
for _ in range(50):
    one, other = Session(), Session()
    one.peer, other.peer = other, one
del one, other
kept = Session()
print(id(HISTORY), id(kept), id(kept.unread), flush=True)
for line in sys.stdin:
    del HISTORY[:500]
    HISTORY.extend(Message(number) for number in range(2000))
    print(id(HISTORY), flush=True)
`;

type Answer = { readonly [key: string]: unknown };

async function textOf(...args: readonly string[]): Promise<string> {
  const { status, output, errors } = await pystrata(args);
  assert.equal(status, 0, errors);
  return output;
}

async function answerOf(...args: readonly string[]): Promise<Answer> {
  const answer = JSON.parse(await textOf(...args, "--format", "json")) as Answer;
  assertFollowsSchema(answer);
  return answer;
}

async function failureOf(...args: readonly string[]): Promise<{ readonly status: number; readonly errors: string }> {
  const { status, output, errors } = await pystrata(args);
  assert.equal(output, "", "nothing is announced before a failure");
  return { status, errors: errors.replaceAll(/\s+/g, " ") };
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-graph-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function startService(t: TestContext): Promise<{ target: Target; history: string; kept: string; buffer: string }> {
  const target = startTarget(t, distributionPython(), SERVICE);
  const [history, kept, buffer] = (await target.line()).split(" ");
  return { target, history, kept, buffer };
}

test("every verb about references answers people and programs, of a process and of a file", async (t) => {
  const { target, history, kept } = await startService(t);
  const file = join(folderFor(t), "service.strata");
  await textOf("snapshot", String(target.pid), "-o", file);
  const verbs: readonly (readonly string[])[] = [
    ["retained", file, "--limit", "5", "--depth", "2"],
    ["retained", file, history, "--limit", "3"],
    ["paths", file, "Message"],
    ["paths", file, history],
    ["referrers", file, kept, "--depth", "2"],
    ["referents", file, kept, "--depth", "2"],
    ["objects", file, "--type", "Session", "--sort", "retained"],
    ["objects", file, "--generation", "untracked", "--least", "4K"],
    ["cycles", file, "--reachable"],
    ["diff", file, file],
    ["types", file, "--retained", "--limit", "10"],
    ["types", file, "--by", "referrer", "--limit", "10"],
  ];
  for (const [index, verb] of verbs.entries()) {
    assert.equal((await answerOf(...verb)).lowerBound, false, verb.join(" "));
    const width = [60, 80, 100, 120][index % 4];
    for (const line of (await textOf(...verb, "--width", String(width))).split("\n")) {
      assert.ok(textWidth(line) <= width, `${verb.join(" ")}: ${line}`);
    }
  }
  assert.match(await textOf("paths", String(target.pid), "Message"), /__main__\.HISTORY\[…\]/);
});

test("verbs say who holds what", async (t) => {
  const { target, history, kept, buffer } = await startService(t);
  const file = join(folderFor(t), "service.strata");
  await textOf("snapshot", String(target.pid), "-o", file);
  const address = (decimal: string) => `0x${BigInt(decimal).toString(16)}`;

  const messages = await answerOf("paths", file, "Message");
  const [path] = messages.paths as { count: number; expression: string; root: string }[];
  assert.deepEqual([path.count, path.expression, path.root], [3000, "__main__.HISTORY[…]", "module __main__"]);

  const single = await answerOf("paths", file, kept);
  const [first] = single.paths as { expression: string; evaluable: boolean; steps: { address: string }[] }[];
  assert.deepEqual([first.expression, first.evaluable, first.steps.at(-1)?.address], ["__main__.kept", true, address(kept)]);

  const referrers = await answerOf("referrers", file, buffer);
  const [referrer] = referrers.referrers as { address: string; reference: string }[];
  assert.deepEqual([referrer.address, referrer.reference], [address(kept), ".unread"]);
  const { referents } = (await answerOf("referents", file, kept)) as { referents: { address: string; reference: string }[] };
  assert.ok(referents.some((row) => row.reference === ".unread" && row.address === address(buffer)));

  const under = (await answerOf("retained", file, history)) as { under: { retainedCount: number }; all: { objects: number } };
  assert.ok(under.under.retainedCount >= 3 * 3000 - 300, "messages, their texts, most of their numbers");
  assert.ok(under.all.objects >= 3000);

  const cycles = (await answerOf("cycles", file)) as {
    cycles: { groups: number; ring: { type: string; reference: string }[]; bytes: number }[];
  };
  const [sessions] = cycles.cycles;
  assert.equal(sessions.groups, 50);
  assert.ok(sessions.bytes > 50 * 2 * 5000);
  assert.deepEqual([...new Set(sessions.ring.map(({ type, reference }) => `${type}${reference}`))], ["Session.peer"]);
});

test("the difference of two files counts what appeared, stayed and went", async (t) => {
  const { target } = await startService(t);
  const [before, after] = ["before", "after"].map((name) => join(folderFor(t), `${name}.strata`));
  await textOf("snapshot", String(target.pid), "-o", before);
  target.send("more\n");
  await target.line();
  await textOf("snapshot", String(target.pid), "-o", after);
  const answer = (await answerOf("diff", before, after)) as unknown as {
    identity: { claimed: boolean };
    types: { name: string; appeared: Row; went: Row; stayed: Row; undecided: Row }[];
    holders: { expression: string; type: string; countBefore: number; countAfter: number }[];
  };
  assert.equal(answer.identity.claimed, true);
  const row = answer.types.find(({ name }) => name === "Message");
  assert.ok(row);
  // New ones lie at addresses of old ones: those are told apart by where they stand in the list, or stay undecided.
  assert.equal(row.stayed.countAfter, 2500);
  assert.equal(row.appeared.countAfter + row.undecided.countAfter, 2000);
  assert.equal(row.went.countBefore + row.undecided.countBefore, 500);
  const holder = answer.holders.find(({ type }) => type === "__main__.Message");
  assert.deepEqual([holder?.expression, holder?.countBefore, holder?.countAfter], ["__main__.HISTORY[…]", 3000, 4500]);
  const other = startTarget(t, distributionPython(), SERVICE);
  await other.line();
  const strangers = (await answerOf("diff", before, String(other.pid))) as { identity: { claimed: boolean; rule: string } };
  assert.equal(strangers.identity.claimed, false);
  assert.match(strangers.identity.rule, /process ids differ/);
});

interface Row {
  readonly countBefore: number;
  readonly countAfter: number;
}

test("what is not there is explained", async (t) => {
  const { target, buffer } = await startService(t);
  const folder = folderFor(t);
  const [file, bare] = [join(folder, "service.strata"), join(folder, "bare.strata")];
  await textOf("snapshot", String(target.pid), "-o", file);
  const unknown = await failureOf("paths", file, "Mesage");
  assert.deepEqual([unknown.status, /__main__\.Message/.test(unknown.errors)], [2, true], unknown.errors);
  const nowhere = await failureOf("paths", file, "0x10");
  assert.deepEqual([nowhere.status, /nothing is mapped there/.test(nowhere.errors)], [2, true], nowhere.errors);
  assert.equal((await failureOf("retained", file, "kept")).status, 2);
  assert.equal((await failureOf("referrers", file, buffer, "--depth", "0")).status, 2);
  assert.equal((await failureOf("types", file, "--by", "colour")).status, 2);
  assert.equal((await failureOf("types", file, "--sort", "retained")).status, 2);
  assert.equal((await failureOf("diff", file, bare)).status, 4);
});
