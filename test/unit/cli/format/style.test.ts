import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseStyle, paint, type StyleRequest } from "../../../../src/cli/format/style.ts";

const terminal: StyleRequest = { colour: true, verbose: false, terminalColumns: 120, environment: { TERM: "xterm-256color" } };

test("colour needs a terminal that wants it", () => {
  assert.equal(chooseStyle(terminal).colour, true);
  assert.equal(chooseStyle({ ...terminal, colour: false }).colour, false);
  assert.equal(chooseStyle({ ...terminal, terminalColumns: undefined }).colour, false);
  assert.equal(chooseStyle({ ...terminal, environment: { NO_COLOR: "1" } }).colour, false);
  assert.equal(chooseStyle({ ...terminal, environment: { NO_COLOR: "" } }).colour, true);
  assert.equal(chooseStyle({ ...terminal, environment: { TERM: "dumb" } }).colour, false);
});

test("the width is what was asked for, else the terminal's, else 100, and never below 60", () => {
  assert.equal(chooseStyle({ ...terminal, width: 90 }).width, 90);
  assert.equal(chooseStyle(terminal).width, 120);
  assert.equal(chooseStyle({ ...terminal, terminalColumns: undefined }).width, 100);
  assert.equal(chooseStyle({ ...terminal, terminalColumns: 20 }).width, 60);
  assert.equal(chooseStyle({ ...terminal, terminalColumns: 0 }).width, 100, "a terminal that does not know its size");
});

test("a dumb terminal gets marks of ASCII", () => {
  const { glyphs } = chooseStyle({ ...terminal, environment: { TERM: "dumb" } });
  assert.deepEqual([glyphs.inUse, glyphs.overhead, glyphs.free, glyphs.unexplained], ["#", "=", ".", "?"]);
  assert.match(Object.values(glyphs).flat().join(""), /^[\x20-\x7e]+$/);
});

test("ink is an escape sequence around the text, and only with colour", () => {
  assert.equal(paint(chooseStyle(terminal), "objects", "x"), "\u001b[38;5;72mx\u001b[0m");
  assert.equal(paint(chooseStyle({ ...terminal, colour: false }), "objects", "x"), "x");
});
