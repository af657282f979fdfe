import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { isObject, type ObjectGraph } from "../../src/analysis/object-graph.ts";
import { retainedRow } from "../../src/analysis/retained.ts";
import { SlotPart } from "../../src/snapshot/graph-tables.ts";
import { forEachReference, slotPart } from "../../src/snapshot/references.ts";
import { addressOf, capturedGraph } from "../support/opened-graph.ts";
import { type PythonTarget, testOnEveryPython } from "../support/pythons.ts";
import { startTarget, type Target } from "../support/spawn.ts";

const WEB = fileURLToPath(new URL("../support/programs/web.py", import.meta.url));
const NODES = 400;
const CUTS = 80;

testOnEveryPython("what a node retains, and frees at once, is what goes when the process lets go of it", async (t, python) => {
  const { target, graph, places } = await capturedWeb(t, python);
  let retained = 0;
  let collected = 0;
  for (let cut = 0; cut < CUTS; cut++) {
    const number = Math.floor((cut * NODES) / CUTS);
    target.send(`${number}\n`);
    const freedWith = numbersOf(await target.line(), "freed");
    const collectedLater = numbersOf(await target.line(), "collected");
    const row = retainedRow(graph, places[number]);
    const bytesOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + bytesOfNode(graph, places[one]), 0);
    assert.equal(row.freedAtOnceBytes, bytesOf([number, ...freedWith]), `freed with node ${number}`);
    assert.equal(row.retainedBytes, bytesOf([number, ...freedWith, ...collectedLater]), `retained by node ${number}`);
    // A node and its list.
    assert.equal(row.retainedCount, 2 * (1 + freedWith.length + collectedLater.length));
    retained += freedWith.length + collectedLater.length;
    collected += collectedLater.length;
  }
  // The web is worth asking about.
  assert.ok(retained > CUTS && collected > 10, `${retained} retained, ${collected} of them by cycles`);
});

async function capturedWeb(
  t: TestContext,
  python: PythonTarget,
): Promise<{ target: Target; graph: ObjectGraph; places: readonly number[] }> {
  const target = startTarget(t, python, { script: WEB }, { args: [String(NODES), "7"] });
  const [word, ...addresses] = (await target.line()).split(" ");
  assert.equal(word, "ready", target.errors());
  const graph = await capturedGraph(target.pid);
  const placeOf = new Map<number, number>();
  for (let place = 0; place < graph.objects.length; place++) {
    if (isObject(graph.objects, place)) placeOf.set(addressOf(graph, place), place);
  }
  const places = addresses.map((address) => placeOf.get(Number(address)) ?? -1);
  assert.ok(!places.includes(-1), "every node was found");
  return { target, graph, places };
}

function numbersOf(line: string, word: string): number[] {
  const [first, ...numbers] = line.split(" ");
  assert.equal(first, word);
  return numbers.map(Number);
}

/** Owned bytes of a node and of its list, which is its only reference but for its type. */
function bytesOfNode(graph: ObjectGraph, node: number): number {
  let bytes = graph.ownedBytes[node];
  forEachReference(graph.tables.references, node, (target, slot) => {
    if (slotPart(slot) === SlotPart.field) bytes += graph.ownedBytes[target];
  });
  return bytes;
}

testOnEveryPython("every object of a process retains what is out of reach without it", async (t, python) => {
  const target = startTarget(t, python, "print('ready', flush=True); input()", { interpreterArgs: ["-S", "-I"] });
  assert.equal(await target.line(), "ready");
  const graph = await capturedGraph(target.pid);
  const reached = countReached(graph, -1);
  assert.equal(graph.retainedCounts[graph.objects.length], reached.count);
  assert.equal(graph.retainedBytes[graph.objects.length], reached.bytes);
  const objects = Array.from({ length: graph.objects.length }, (_, place) => place).filter((place) =>
    isObject(graph.objects, place),
  );
  // All that retain more than themselves, as far as time allows, and some that do not.
  const chosen = [
    ...objects.filter((place) => graph.retainedCounts[place] > 1).slice(0, 300),
    ...objects.filter((_, index) => index % 100 === 0),
  ];
  for (const place of chosen) {
    if (graph.dominators.immediateDominators[place] < 0) continue;
    const without = countReached(graph, place);
    assert.equal(graph.retainedCounts[place], reached.count - without.count);
    assert.equal(graph.retainedBytes[place], reached.bytes - without.bytes);
  }
});

/** What is reached from outside when an object is not there, by a walk of its own. */
function countReached({ graph, held, ownedBytes }: ObjectGraph, without: number): { count: number; bytes: number } {
  const met = new Uint8Array(graph.nodes);
  const stack = [...held].filter((place) => place !== without);
  for (const place of stack) met[place] = 1;
  let count = 0;
  let bytes = 0;
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    count++;
    bytes += ownedBytes[place];
    for (let edge = graph.offsets[place]; edge < graph.offsets[place + 1]; edge++) {
      const target = graph.edges[edge];
      if (target === without || met[target] === 1) continue;
      met[target] = 1;
      stack.push(target);
    }
  }
  return { count, bytes };
}
