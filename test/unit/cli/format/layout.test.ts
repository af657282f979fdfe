import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { padEnd, padStart, textWidth, withoutMiddle, wrap, wrapIndented } from "../../../../src/cli/format/layout.ts";
import { safeText } from "../../../../src/cli/format/safe-text.ts";

const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ maxLength: 300 })).map(safeText);
const withoutSpaces = (value: string) => value.replaceAll(" ", "");

test("wrapped lines fit and lose nothing but spaces", () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 80 }), (value, width) => {
      const lines = wrap(value, width);
      for (const line of lines) assert.ok(textWidth(line) <= width, `${JSON.stringify(line)} in ${width}`);
      assert.equal(withoutSpaces(lines.join("")), withoutSpaces(value));
    }),
    { numRuns: 500 },
  );
});

test("later lines of an indented text stand under its indent", () => {
  const lines = wrapIndented("yes  read its memory: we are root", 20, 5);
  assert.deepEqual(lines, ["yes  read its", "     memory: we are", "     root"]);
});

test("an expression breaks behind dots, not in its names", () => {
  assert.deepEqual(wrap("parley.session.Session.display_card", 16), ["parley.session.", "Session.", "display_card"]);
});

test("a name without any break is broken at the edge, never cut", () => {
  assert.deepEqual(wrap("a".repeat(25), 10), ["a".repeat(10), "a".repeat(10), "a".repeat(5)]);
});

test("a name of megabytes is wrapped at once", () => {
  const lines = wrap("x".repeat(4_000_000), 80);
  assert.equal(lines.length, 50_000);
});

test("wide characters take two cells, combining marks none", () => {
  assert.equal(textWidth("日本"), 4);
  assert.equal(textWidth("e\u0301"), 1);
  assert.equal(padEnd("日本", 6), "日本  ");
  assert.equal(padStart("日", 4), "  日");
});

test("only a text that is too long loses its middle", () => {
  assert.equal(withoutMiddle("abcdefgh", 8), "abcdefgh");
  assert.equal(withoutMiddle("abcdefghi", 8), "abcd … fghi");
});
