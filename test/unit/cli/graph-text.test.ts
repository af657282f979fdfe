import assert from "node:assert/strict";
import { test } from "node:test";
import { findCycles } from "../../../src/analysis/cycles.ts";
import { diffSnapshots } from "../../../src/analysis/diff.ts";
import { openObjectGraph } from "../../../src/analysis/object-graph.ts";
import { listObjects } from "../../../src/analysis/objects.ts";
import { PARTITION_KEYS, partitionObjects } from "../../../src/analysis/partitions.ts";
import { pathsToObject } from "../../../src/analysis/paths.ts";
import { referentsOf, referrersOf } from "../../../src/analysis/referrers.ts";
import { retainedTree } from "../../../src/analysis/retained-tree.ts";
import { pathsToType } from "../../../src/analysis/type-paths.ts";
import { typeHistogram } from "../../../src/analysis/types.ts";
import { textWidth } from "../../../src/cli/format/layout.ts";
import { safeJson } from "../../../src/cli/format/safe-text.ts";
import { chooseStyle, type Style } from "../../../src/cli/format/style.ts";
import { cyclesJson } from "../../../src/cli/json/cycles-json.ts";
import { diffJson } from "../../../src/cli/json/diff-json.ts";
import { objectsJson } from "../../../src/cli/json/objects-json.ts";
import { objectPathsJson, typePathsJson } from "../../../src/cli/json/paths-json.ts";
import { referencesJson } from "../../../src/cli/json/referrers-json.ts";
import { retainedJson } from "../../../src/cli/json/retained-json.ts";
import { cyclesText } from "../../../src/cli/text/cycles-text.ts";
import { diffText } from "../../../src/cli/text/diff-text.ts";
import { objectsText } from "../../../src/cli/text/objects-text.ts";
import { partitionText } from "../../../src/cli/text/partition-text.ts";
import { objectPathsText, typePathsText } from "../../../src/cli/text/paths-text.ts";
import { referencesText } from "../../../src/cli/text/referrers-text.ts";
import { retainedText } from "../../../src/cli/text/retained-text.ts";
import { typesText } from "../../../src/cli/text/types-text.ts";
import { RootKind } from "../../../src/snapshot/graph-tables.ts";
import type { Snapshot } from "../../../src/snapshot/tables.ts";
import { assertFollowsSchema } from "../../support/schemas.ts";
import { entry, field, type ObjectSpec, withGraph } from "../../support/synthetic-graph.ts";

const HOSTILE = [
  "\u001b[2J\u001b]0;owned\u0007",
  "line\nbreak\r\ttab",
  "right\u202eto\u2066left",
  "zero\u200bwidth\ufeff",
  "\u009b31mC1",
  "x".repeat(400),
  "日本語".repeat(30),
  "lone\ud800surrogate",
];
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const LIMIT = 6;

/** A module of hostile name whose names, types and keys are hostile too; and a ring of garbage. */
function hostileGraph(parts: Partial<Snapshot> = {}, extra: Readonly<Record<string, ObjectSpec>> = {}) {
  const names = HOSTILE.map((text, index) => [`key ${index}`, { type: "str", text }] as const);
  const values = HOSTILE.map(
    (text, index) =>
      [`value ${index}`, { type: `${text}.${text}`, bytes: 100 * (index + 1), refers: [field("shared", 0)] }] as const,
  );
  return withGraph({
    objects: {
      module: { type: "module", refers: [field("globals", 0)] },
      globals: { type: "dict", refers: HOSTILE.flatMap((_, index) => [entry(index, `key ${index}`, `value ${index}`)]) },
      ...Object.fromEntries(names),
      ...Object.fromEntries(values),
      shared: { type: "list", bytes: 64, refers: ["value 0"] },
      ring: { type: `${HOSTILE[0]}.Ring`, refers: [field("ring", 1)] },
      ...extra,
    },
    types: {
      module: { fields: { 0: "__dict__" } },
      ...Object.fromEntries(HOSTILE.map((text) => [`${text}.${text}`, { fields: { 0: text } }])),
    },
    roots: [{ kind: RootKind.module, to: "module", name: HOSTILE[0] }],
    snapshot: parts,
  });
}

const { snapshot, place, typeIndex } = hostileGraph();
const opened = openObjectGraph(snapshot);
assert.ok(opened.ok);
const graph = opened.value;
const later = hostileGraph(
  { capture: { ...snapshot.capture, takenAt: "2026-03-04T14:02:38.500Z" } },
  { more: { type: "list", bytes: 999 } },
).snapshot;
const difference = diffSnapshots(snapshot, later);
assert.ok(difference.ok);
const [object, list, types] = [place("value 1"), place("shared"), [typeIndex(`${HOSTILE[1]}.${HOSTILE[1]}`)]];

function everyText(style: Style): Readonly<Record<string, readonly string[]>> {
  assert.ok(difference.ok);
  return {
    retained: retainedText(graph, retainedTree(graph, undefined, LIMIT, 3), "a.strata", style),
    "retained of one": retainedText(graph, retainedTree(graph, place("globals"), LIMIT, 2), "a.strata", style),
    "paths of one": objectPathsText(graph, object, pathsToObject(graph, object, LIMIT), style),
    "paths of a type": typePathsText(graph, types, pathsToType(graph, types, LIMIT), "a.strata", style),
    referrers: referencesText(
      "referrers",
      graph,
      list,
      referrersOf(graph, list, { depth: 3, limit: LIMIT }),
      "a.strata",
      style,
    ),
    referents: referencesText(
      "referents",
      graph,
      object,
      referentsOf(graph, object, { depth: 3, limit: LIMIT }),
      "a.strata",
      style,
    ),
    objects: objectsText(graph, listObjects(graph, { sort: "retained", limit: LIMIT }), "retained", style),
    cycles: cyclesText(graph, findCycles(graph, { reachable: true }), LIMIT, "a.strata", style),
    diff: diffText(snapshot, later, difference.value, LIMIT, style),
    ...Object.fromEntries(
      PARTITION_KEYS.map((by) => [`by ${by}`, partitionText(graph, partitionObjects(graph, by), LIMIT, undefined, style)]),
    ),
  };
}

for (const width of [60, 80, 100, 120]) {
  test(`no name of a target acts on a terminal of ${width} columns or leaves its line`, () => {
    const style = chooseStyle({ width, colour: false, verbose: true, terminalColumns: undefined, environment: {} });
    for (const [verb, lines] of Object.entries(everyText(style))) {
      assert.ok(lines.length > 5, verb);
      for (const line of lines) {
        assert.doesNotMatch(line, UNSAFE, verb);
        assert.ok(textWidth(line) <= width, `${verb}, ${textWidth(line)} cells: ${line}`);
      }
    }
    const text = Object.values(everyText(style)).flat().join("").replaceAll(" ", "");
    for (const escaped of ["\\x1b[2J", "\\u202eto", "line\\nbreak\\r\\ttab"]) assert.ok(text.includes(escaped), escaped);
  });
}

test("every answer follows its schema, hostile names unchanged as escapes", () => {
  assert.ok(difference.ok);
  const answers = [
    retainedJson(graph, retainedTree(graph, undefined, LIMIT, 3)),
    retainedJson(graph, retainedTree(graph, place("globals"), LIMIT, 1)),
    objectPathsJson(graph, object, pathsToObject(graph, object, LIMIT)),
    typePathsJson(graph, types, pathsToType(graph, types, LIMIT)),
    referencesJson("referrers", graph, list, referrersOf(graph, list, { depth: 3, limit: LIMIT })),
    referencesJson("referents", graph, object, referentsOf(graph, object, { depth: 3, limit: LIMIT })),
    objectsJson(graph, listObjects(graph, { sort: "owned", limit: LIMIT })),
    cyclesJson(graph, findCycles(graph, { reachable: true }), LIMIT),
    diffJson(snapshot, later, difference.value, LIMIT),
  ];
  for (const answer of answers) {
    const json = safeJson(answer);
    assert.doesNotMatch(json.replaceAll("\n", ""), UNSAFE);
    assertFollowsSchema(JSON.parse(json));
  }
});

test("a partial capture is said in every answer", () => {
  const partial = hostileGraph({ capture: { ...snapshot.capture, complete: false } }).snapshot;
  const found = openObjectGraph(partial);
  assert.ok(found.ok);
  const style = chooseStyle({ width: 100, colour: false, verbose: false, terminalColumns: undefined, environment: {} });
  const tree = retainedTree(found.value, undefined, LIMIT, 1);
  assert.equal(retainedJson(found.value, tree).lowerBound, true);
  const texts = [
    retainedText(found.value, tree, "a.strata", style),
    objectPathsText(found.value, object, pathsToObject(found.value, object, 1), style),
    cyclesText(found.value, findCycles(found.value), LIMIT, "a.strata", style),
    objectsText(found.value, listObjects(found.value, { sort: "owned", limit: LIMIT }), "owned", style),
    partitionText(found.value, partitionObjects(found.value, "class"), LIMIT, undefined, style),
    typesText(partial, typeHistogram(partial.types, { sort: "owned" }), "owned", style, partial.types.ownedBytes),
  ];
  for (const lines of texts) assert.match(lines.join(" "), /Lower bounds: a part of memory or of the references is missing/);
});

/** The figures of one column of a table: tenths of its unit. */
function figuresOf(lines: readonly string[], end: number): number[] {
  return lines.flatMap((line) => {
    const figure = / {2}([\d,.]+)$/.exec(line.slice(0, end))?.[1];
    return figure === undefined || line.slice(end, end + 1).trim() !== "" ? [] : [Number(figure.replaceAll(",", ""))];
  });
}

test("what would go with each object adds up to all that is held, as displayed", () => {
  const style = chooseStyle({ width: 100, colour: false, verbose: false, terminalColumns: undefined, environment: {} });
  for (const [under, limit] of [undefined, place("globals")].flatMap((at) =>
    [1, 2, 5, 100].map((most) => [at, most] as const),
  )) {
    const lines = retainedText(graph, retainedTree(graph, under, limit, 1), "a.strata", style);
    const head = lines.findIndex((line) => line.startsWith("Would go with it"));
    const end = lines[head].indexOf("retained") + "retained".length;
    const last = lines.findIndex((line) => /^(All that is held|Retained) /.test(line));
    // Indented lines are part of the line above.
    const topLevel = lines.slice(head + 1, last + 1).filter((line) => !line.startsWith(" "));
    const figures = figuresOf(topLevel, end);
    const whole = figures.pop();
    assert.ok(figures.length > 0);
    assert.equal(
      figures.reduce((sum, figure) => sum + figure, 0),
      whole,
      lines.join("\n"),
    );
  }
});

test("the displayed change of types and of holders is that of all", () => {
  assert.ok(difference.ok);
  for (const width of [60, 100]) {
    const style = chooseStyle({ width, colour: false, verbose: false, terminalColumns: undefined, environment: {} });
    const lines = diffText(snapshot, later, difference.value, 2, style);
    for (const start of ["Type, ", "Holder, "]) {
      const head = lines.findIndex((line) => line.startsWith(start));
      const end = lines[head].indexOf("change") + "change".length;
      const last = lines.findIndex((line, index) => index > head && line.startsWith("All "));
      const signed = lines.slice(head + 1, last + 1).map((line) => line.slice(0, end).replaceAll("−", "-"));
      const changes = signed
        .flatMap((line) => / ([+-]?[\d,.]+)$/.exec(line)?.[1] ?? [])
        .map((text) => Number(text.replaceAll(",", "")));
      const whole = changes.pop();
      assert.equal(whole, 999);
      assert.equal(
        changes.reduce((sum, change) => sum + change, 0),
        whole,
        lines.join("\n"),
      );
    }
  }
});
