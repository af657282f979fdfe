import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { isDottedName, isIdentifier, pythonString } from "../../../src/analysis/python-literals.ts";
import { distributionPython } from "../../support/pythons.ts";

/** What Python makes of each expression. */
function evaluated(expressions: readonly string[]): unknown {
  const code = "import json, sys\nprint(json.dumps([eval(item) for item in json.load(sys.stdin)]))";
  const { stdout } = spawnSync(distributionPython().path, ["-c", code], {
    input: JSON.stringify(expressions),
    encoding: "utf8",
  });
  return JSON.parse(stdout);
}

test("a string's literal is that string, in one line of visible characters", () => {
  const samples = fc.sample(
    fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom("'", '"', "\\", "a") })),
    400,
  );
  assert.deepEqual(evaluated(samples.map(pythonString)), samples);
  for (const sample of samples) assert.doesNotMatch(pythonString(sample), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
});

test("a literal is written as repr writes it", () => {
  const samples = [
    "plain",
    "it's",
    'say "x"',
    `both ' and "`,
    "back\\slash",
    "\n\t\r\x00\x7f",
    "ä中🐍",
    "\u00a0\u202e\u2028",
    "\u200b",
  ];
  assert.deepEqual(evaluated(samples.map((sample) => `repr(${pythonString(sample)})`)), samples.map(pythonString));
});

test("what is taken for an identifier is one, and stands for itself", () => {
  const names = fc.sample(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom("a", "_", "1", "é", "ﬁ", ".", "ª", "中", "я", "ʹ", "×") }),
    ),
    600,
  );
  const taken = [...names, "class", "None", "await", "_", "a1", "Σ"].filter(isIdentifier);
  assert.ok(taken.length > 20);
  const checks = taken.map((name) => {
    const literal = pythonString(name);
    return `${literal}.isidentifier() and not __import__("keyword").iskeyword(${literal}) and __import__("unicodedata").normalize("NFKC", ${literal}) == ${literal}`;
  });
  assert.deepEqual(
    evaluated(checks),
    taken.map(() => true),
  );
});

test("dotted names of modules", () => {
  for (const name of ["sys", "parley.hub", "a.b.c_1"]) assert.ok(isDottedName(name));
  for (const name of ["", ".", "a..b", "a-b", "a.class", "1a"]) assert.ok(!isDottedName(name));
});
