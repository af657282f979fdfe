import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { findCycles } from "../../src/analysis/cycles.ts";
import { findGarbage, type Garbage, GarbageKind } from "../../src/analysis/garbage.ts";
import type { ObjectGraph } from "../../src/analysis/object-graph.ts";
import { qualifiedTypeName } from "../../src/analysis/types.ts";
import { hasBit } from "../../src/base/bits.ts";
import { formatAddress } from "../../src/base/units.ts";
import { descriptorType } from "../../src/snapshot/states.ts";
import { addressOf, capturedGraph } from "../support/opened-graph.ts";
import { type PythonTarget, testOnEveryPython } from "../support/pythons.ts";
import { startTarget, type Target } from "../support/spawn.ts";

const SCRIPT = fileURLToPath(new URL("../support/programs/garbage.py", import.meta.url));

interface Collected {
  readonly target: Target;
  readonly graph: ObjectGraph;
  readonly garbage: Garbage;
  /** What the collector then found, types by address. */
  readonly found: ReadonlyMap<number, string>;
  /** What finalizers brought back. */
  readonly kept: ReadonlyMap<number, string>;
}

/** Looks at a process, then lets it collect and say what it found. */
async function collected(t: TestContext, python: PythonTarget, kind: string): Promise<Collected> {
  const target = startTarget(t, python, { script: SCRIPT }, { args: [kind] });
  assert.equal(await target.line(), "ready", target.errors());
  const graph = await capturedGraph(target.pid);
  target.send("collect\n");
  const found = new Map<number, string>();
  const kept = new Map<number, string>();
  let list = found;
  for (let line = await target.line(); line !== "end"; line = await target.line()) {
    const [address, type] = line.split(" ");
    if (address === "kept") list = kept;
    else list.set(Number(address), type);
  }
  return { target, graph, garbage: findGarbage(graph), found, kept };
}

/** Members of a kind as `0xADDRESS TYPE`. */
function collectable({ graph, garbage }: Collected, includes: (member: number) => boolean = () => true): string[] {
  return [...garbage.members].flatMap((place, member) =>
    garbage.kinds[member] === GarbageKind.collectable && includes(member)
      ? [
          described(
            addressOf(graph, place),
            qualifiedTypeName(graph.snapshot.types, descriptorType(graph.objects.descriptor[place])),
          ),
        ]
      : [],
  );
}

function described(address: number, type: string): string {
  return `${formatAddress(address)} ${type.slice(type.lastIndexOf(".") + 1)}`;
}

function assertSame(ours: readonly string[], theirs: readonly string[]): void {
  const known = new Set(theirs.map((text) => text.split(" ")[0]));
  const seen = new Set(ours.map((text) => text.split(" ")[0]));
  assert.deepEqual(
    {
      notFoundByUs: theirs.filter((text) => !seen.has(text.split(" ")[0])).sort(byType),
      notFoundByTheCollector: ours.filter((text) => !known.has(text.split(" ")[0])).sort(byType),
    },
    { notFoundByUs: [], notFoundByTheCollector: [] },
  );
}

function byType(a: string, b: string): number {
  return a.slice(a.indexOf(" ")) < b.slice(b.indexOf(" ")) ? -1 : 1;
}

function listed(objects: ReadonlyMap<number, string>): string[] {
  return [...objects].map(([address, type]) => described(address, type));
}

testOnEveryPython("garbage of many kinds is what the collector then finds", async (t, python) => {
  const answer = await collected(t, python, "plain");
  assert.ok(answer.found.size > 3500);
  assertSame(collectable(answer), listed(answer.found));
  const report = findCycles(answer.graph, { reachable: true });
  assert.equal(report.collectable.count, answer.found.size);
  assert.equal(
    report.cycles.reduce((sum, row) => sum + (row.reachable ? 0 : row.count), 0),
    report.garbage.count,
  );
  assert.ok(report.goesAlong.count > 0);
  assert.equal(report.beyondCollector.count, 0);
  assert.deepEqual(report.gcGarbage, []);
  // DEBUG_SAVEALL keeps it: out of the collector's way, and no garbage any more.
  const later = await capturedGraph(answer.target.pid);
  const kept = findCycles(later);
  assert.deepEqual(
    kept.gcGarbage.map((place) => addressOf(later, place)).sort((a, b) => a - b),
    [...answer.found.keys()].sort((a, b) => a - b),
  );
  assert.equal(kept.collectable.count, 0);
});

testOnEveryPython("what the collector left in a healthy process is what it finds later", async (t, python) => {
  const answer = await collected(t, python, "healthy");
  assert.ok(answer.found.size > 500);
  assertSame(collectable(answer), listed(answer.found));
  const { generations, interpreters } = findCycles(answer.graph);
  for (const { generation, count } of generations.slice(0, 3)) {
    const permanent = generation === 2 ? (interpreters[0]?.permanentObjects ?? 0) : 0;
    assert.equal(count, (interpreters[0]?.generations[generation]?.objects ?? 0) + permanent, `generation ${generation}`);
  }
});

testOnEveryPython("what finalizers may keep is told apart", async (t, python) => {
  const answer = await collected(t, python, "finalizers");
  const { garbage, found, kept } = answer;
  assert.equal(kept.size, 5);
  const mayResurrect = collectable(answer, (member) => hasBit(garbage.mayResurrect, member));
  const keptTexts = listed(kept);
  for (const text of keptTexts) assert.ok(mayResurrect.includes(text), text);
  const ours = new Set(collectable(answer));
  for (const text of listed(found)) assert.ok(ours.has(text), text);
  // Whatever was not found was brought back.
  const foundTexts = new Set(listed(found));
  for (const text of ours) if (!foundTexts.has(text)) assert.ok(mayResurrect.includes(text), text);
});
