import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { safeJson, safeText } from "../../../../src/cli/format/safe-text.ts";

/** What a terminal acts on, or what hides from its reader. */
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());

test("no control, bidirectional or invisible character reaches the terminal", () => {
  fc.assert(
    fc.property(anyText, (text) => assert.doesNotMatch(safeText(text), DANGEROUS)),
    { numRuns: 1000 },
  );
  const all = Array.from({ length: 0x11_0000 }, (_, code) => String.fromCodePoint(code)).join("");
  assert.doesNotMatch(safeText(all), DANGEROUS);
});

test("hostile characters are shown in Python's notation", () => {
  assert.equal(safeText("\u001b[2J"), "\\x1b[2J");
  assert.equal(safeText("a\r\n\tb\0"), "a\\r\\n\\tb\\x00");
  assert.equal(safeText("\u009b31m"), "\\x9b31m");
  assert.equal(safeText("user\u202egpj.exe"), "user\\u202egpj.exe");
  assert.equal(safeText("ad\u200bmin"), "ad\\u200bmin");
  assert.equal(safeText("\u{e0041}"), "\\U000e0041");
  assert.equal(safeText("\ud800"), "\\ud800");
  assert.equal(safeText("a\u00a0b"), "a\\xa0b");
});

test("combining marks stay with their letter and do not pile up", () => {
  assert.equal(safeText("e\u0301te\u0301"), "e\u0301te\u0301");
  assert.equal(safeText("\u0301x"), "\\u0301x");
  assert.equal(safeText(`z${"\u0301".repeat(4)}`), "z\u0301\u0301\\u0301\\u0301");
});

test("plain names and other scripts stay as they are", () => {
  for (const name of ["parley.proto.Message", "日本語", "Größe", "имя", "<lambda>", "naïve 😀"])
    assert.equal(safeText(name), name);
});

test("JSON keeps its value and carries no character that a terminal acts on", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const json = safeJson({ text });
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ text })));
      assert.doesNotMatch(json.replaceAll("\n", ""), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
    { numRuns: 1000 },
  );
});
