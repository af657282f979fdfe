import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { placeCovering } from "../../../src/analysis/explain.ts";
import { openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { objectLabel } from "../../../src/analysis/object-labels.ts";
import { type GraphTables, SlotPart, TypeFlags, TypeForm } from "../../../src/snapshot/graph-tables.ts";
import { forEachReference, slotPart, slotPosition } from "../../../src/snapshot/references.ts";
import { descriptorType } from "../../../src/snapshot/states.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { captured } from "../../support/captured.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

interface Said {
  readonly types: Readonly<Record<string, number>>;
  /** Addresses of an object and of what its field of that name refers to. */
  readonly fields: Readonly<Record<string, readonly [holder: number, target: number]>>;
  readonly key: readonly number[];
  readonly password: number;
  readonly functions: readonly (readonly [address: number, code: number, firstLine: number])[];
  readonly answers: Readonly<Record<string, readonly (readonly [address: number, repr: string])[]>>;
}

const SCRIPT = fileURLToPath(new URL("./names-target.py", import.meta.url));
const LONGEST_REPR = 1024;

testOnEveryPython("names are kept and secrets are not", async (t, python) => {
  const target = startTarget(t, python, { script: SCRIPT });
  const said = JSON.parse(await target.line()) as Said;
  const snapshot = await captured(target.pid, { references: true });
  const graph = snapshot.graph as GraphTables;
  assert.equal(graph.values, undefined);

  const secrets = [...stringsOf(snapshot)].filter((text) => text.includes("canary"));
  assert.deepEqual(
    secrets.filter((text) => text !== "canary"),
    [],
  );
  const texts = new Set(graph.names.texts);
  for (const name of [
    ...["Plain", "attribute_of_plain", "_Slotted__beta", "gamma", "PASSWORD", "SETTINGS", "argument_name", "local_name"],
    ...["outer.<locals>.inner_function", "literal_key", "__main__", SCRIPT, "collections", "encode"],
  ]) {
    assert.ok(texts.has(name), name);
  }
  assert.equal(texts.size, graph.names.texts.length);
  // A literal that is no name, and a key that no code names, have a length and a hash.
  const contents = new Set(graph.contents.object);
  assert.ok(contents.has(placeAt(snapshot, said.password)));
  assert.deepEqual(
    said.key.map((address) => contents.has(placeAt(snapshot, address))),
    [false, true],
  );
  for (const table of [graph.names.object, graph.contents.object, graph.types.fields.type, graph.codes.object])
    assertAscending(table);
  assertTypes(snapshot, said);
  assertFields(snapshot, said);
  assertLines(snapshot, said);
});

testOnEveryPython("values as repr prints them", async (t, python) => {
  const target = startTarget(t, python, { script: SCRIPT });
  const said = JSON.parse(await target.line()) as Said;
  const snapshot = await captured(target.pid, { references: true, values: true });
  const { values } = snapshot.graph as GraphTables;
  assert.ok(values);
  assertAscending(values.object);
  const rows = new Map(Array.from(values.object, (place, row) => [place, row]));
  for (const [kind, answers] of Object.entries(said.answers)) {
    for (const [address, repr] of answers) {
      const row = rows.get(placeAt(snapshot, address)) ?? -1;
      const isLong = [...repr].length > LONGEST_REPR;
      assert.equal(values.cut[row], Number(isLong), `${kind} ${repr.slice(0, 40)}`);
      if (isLong) assert.ok(repr.startsWith(values.repr[row]) && values.repr[row].length > 1000);
      else assert.equal(values.repr[row], repr);
    }
  }
});

function assertTypes(snapshot: Snapshot, said: Said): void {
  const { types } = snapshot.graph as GraphTables;
  const rowAt = new Map(Array.from(snapshot.types.address, (address, row) => [address, row]));
  const row = (name: string) => rowAt.get(said.types[name]) ?? -1;
  for (const [name, address] of Object.entries(said.types)) {
    assert.equal(types.object[row(name)], placeAt(snapshot, address), name);
    assert.ok((types.flags[row(name)] & TypeFlags.pythonClass) !== 0, name);
  }
  assert.equal(types.base[row("Derived")], row("Slotted"));
  assert.equal(snapshot.types.name[types.base[row("Plain")]], "object");
  const finalized = Object.keys(said.types).filter((name) => (types.flags[row(name)] & TypeFlags.finalizer) !== 0);
  assert.deepEqual(finalized, ["Finalized", "FinalizedChild"]);
  const forms = { Plain: TypeForm.instance, Derived: TypeForm.instance, Text: TypeForm.str, Mapping: TypeForm.dict };
  for (const [name, form] of Object.entries(forms)) assert.equal(types.form[row(name)], form, name);
}

/** The reference from a field of that name leads to what the process says is there. */
function assertFields(snapshot: Snapshot, said: Said): void {
  const { references, types } = snapshot.graph as GraphTables;
  for (const [name, [holder, target]] of Object.entries(said.fields)) {
    const source = placeAt(snapshot, holder);
    const type = descriptorType(snapshot.objects?.descriptor[source] ?? 0);
    const positions: number[] = [];
    for (let row = 0; row < types.fields.length; row++) {
      if (types.fields.type[row] === type && types.fields.name[row] === name) positions.push(types.fields.position[row]);
    }
    const found: number[] = [];
    forEachReference(references, source, (to, slot) => {
      if (slotPart(slot) === SlotPart.field && positions.includes(slotPosition(slot))) found.push(to);
    });
    assert.deepEqual(found, [placeAt(snapshot, target)], name);
  }
}

function assertLines(snapshot: Snapshot, { functions }: Said): void {
  const opened = openObjectGraph(snapshot);
  assert.ok(opened.ok);
  const { codes } = opened.value.tables;
  for (const [address, code, firstLine] of functions) {
    assert.equal(codes.firstLine[codes.object.indexOf(placeAt(snapshot, code))], firstLine);
    const label = objectLabel(opened.value, placeAt(snapshot, address));
    assert.match(label, new RegExp(`^function __main__\\.\\w+ \\(cpython/names-target\\.py:${firstLine}\\)$`));
  }
}

function placeAt(snapshot: Snapshot, address: number): number {
  const place = placeCovering(snapshot, address);
  assert.ok(place >= 0, `no object at 0x${address.toString(16)}`);
  return place;
}

function assertAscending(column: Uint32Array): void {
  for (let row = 1; row < column.length; row++) assert.ok(column[row - 1] <= column[row]);
}

/** Every string in a value, keys of maps and objects included. */
function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (value instanceof Map) for (const entry of value) yield* stringsOf(entry);
  else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    for (const [key, item] of Object.entries(value)) {
      yield key;
      yield* stringsOf(item);
    }
  }
}
