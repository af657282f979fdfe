import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { isObject, openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import { descriptorState, IMMORTAL_REFERENCES } from "../../../src/snapshot/states.ts";
import { ObjectState } from "../../../src/snapshot/tables.ts";
import { readInterned } from "../../../src/strata/cpython/runtime/interned.ts";
import type { RootPointer } from "../../../src/strata/cpython/runtime/root-pointer.ts";
import { readRoots } from "../../../src/strata/cpython/runtime/roots.ts";
import { type PythonThread, readThreads } from "../../../src/strata/cpython/runtime/threads.ts";
import { captured } from "../../support/captured.ts";
import { locateTarget } from "../../support/located.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

interface Said {
  readonly modules: Readonly<Record<string, number>>;
  readonly fields: Readonly<Record<string, number>>;
  readonly atExit: readonly number[];
  /** Variables of the frames that are waited in, innermost first, by thread. */
  readonly stacks: Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>;
  readonly generatorLocal: number;
}

const SCRIPT = fileURLToPath(new URL("./roots-target.py", import.meta.url));

testOnEveryPython("roots: modules, fields of the interpreter, callbacks, variables of threads", async (t, python) => {
  const target = startTarget(t, python, { script: SCRIPT });
  const said = JSON.parse(await target.line()) as Said;
  const { runtime, taken } = locateTarget(target.pid);
  const threads = readThreads(runtime, taken.image, taken.threads);
  const roots = readRoots(runtime, taken.image, threads, readInterned(runtime, taken.image));

  const modules = roots.filter(({ kind }) => kind === "module");
  assert.deepEqual(Object.fromEntries(modules.map(({ name, address }) => [name, address])), said.modules);
  assert.ok(modules.every(({ counted }) => !counted));

  for (const [name, address] of Object.entries(said.fields)) {
    // Before 3.7 the collector's variables are static and have no name.
    if (python.minor < 7 && name.startsWith("gc.")) continue;
    const found = roots.filter((root) => root.kind === "interpreter" && root.name === name);
    assert.deepEqual(
      found.map((root) => [root.address, root.counted]),
      [[address, true]],
      name,
    );
  }
  if (python.minor >= 10) {
    const callbacks = roots.filter(({ name }) => name === "atexit").map(({ address }) => address);
    for (const address of said.atExit) assert.ok(callbacks.includes(address));
  }
  assert.equal(roots.filter(({ kind }) => kind === "interned").length, 1);
  assertFrames(roots, threads, said, python.minor);
});

testOnEveryPython("roots of a snapshot: threads by row, and references that are all accounted for", async (t, python) => {
  const target = startTarget(t, python, { script: SCRIPT });
  await target.line();
  const snapshot = await captured(target.pid, { references: true });
  const opened = openObjectGraph(snapshot);
  assert.ok(opened.ok);
  const { objects, seenReferences, tables } = opened.value;
  const { roots } = tables;
  const functions = new Set<string>();
  for (let root = 0; root < roots.length; root++) {
    assert.equal(descriptorState(objects.descriptor[roots.target[root]]), ObjectState.object);
    if (roots.kind[root] !== RootKind.frame) continue;
    const frame = snapshot.threads[roots.owner[root]].frames[roots.frame[root]];
    functions.add(frame.function.replace(/^.*\./, ""));
    // "innermost" is a variable of `inner` only.
    if (roots.name[root] === "innermost") assert.match(frame.function, /inner$/);
  }
  for (const name of ["inner", "outer", "produce", "<module>"]) assert.ok(functions.has(name), name);

  let mortal = 0;
  let equal = 0;
  // Static objects, whose count nobody keeps, come last.
  for (let place = 0; place < objects.poolPlaces + objects.chunkPlaces; place++) {
    if (!isObject(objects, place) || objects.link[place] === IMMORTAL_REFERENCES) continue;
    mortal++;
    if (objects.link[place] === seenReferences[place]) equal++;
  }
  assert.ok(equal >= 0.99 * mortal, `${equal} of ${mortal}`);
});

function assertFrames(roots: readonly RootPointer[], threads: readonly PythonThread[], said: Said, minor: number): void {
  for (const [ident, frames] of Object.entries(said.stacks)) {
    const owner = threads.findIndex((thread) => String(thread.ident) === ident);
    const inner = threads[owner].frames.findIndex((frame) => frame.function === "inner");
    for (const [depth, variables] of frames.entries()) {
      const found = roots.filter((root) => root.kind === "frame" && root.owner === owner && root.frame === inner + depth);
      // Up to 3.10 the frame is an object and has them.
      if (minor < 11) {
        assert.deepEqual(
          found.map(({ address, counted }) => [address, counted]),
          [[threads[owner].frames[inner + depth].address, true]],
        );
        continue;
      }
      for (const [name, address] of Object.entries(variables)) {
        const same = found.filter((root) => root.name === name);
        assert.deepEqual(
          same.map(({ counted }) => counted),
          [true],
          name,
        );
        // A variable that an inner function uses lies in a cell.
        if (name !== "shared") assert.equal(same[0].address, address, name);
      }
    }
  }
  if (minor < 11) return;
  // What a generator's frame holds is the generator's: a name to begin with, no count.
  const local = roots.find((root) => root.kind === "frame" && root.name === "of_generator");
  assert.deepEqual([local?.address, local?.counted], [said.generatorLocal, false]);
}
