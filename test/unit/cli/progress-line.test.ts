import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressLine, progressText } from "../../../src/cli/progress-line.ts";

/** What a terminal shows after these writes: carriage returns go back to the first column. */
function screen(writes: readonly string[]): string {
  const cells: string[] = [];
  let column = 0;
  for (const character of writes.join("")) {
    if (character === "\r") column = 0;
    else cells[column++] = character;
  }
  return cells.join("").trimEnd();
}

test("nothing is shown in the first second, then one line is rewritten, and no trace is left", (t) => {
  let now = 5000;
  t.mock.method(performance, "now", () => now);
  const writes: string[] = [];
  const line = new ProgressLine(true, (text) => writes.push(text));
  now += 900;
  line.update({ phase: "objects", done: 1 });
  assert.equal(writes.length, 0);
  now += 200;
  line.update({ phase: "objects", done: 3_100_000, total: 4_900_000 });
  assert.equal(screen(writes), "objects 3.1 M of ~4.9 M");
  now += 50;
  line.update({ phase: "too soon", done: 1 });
  assert.equal(screen(writes), "objects 3.1 M of ~4.9 M");
  now += 100;
  line.update({ phase: "types", done: 12 });
  assert.equal(screen(writes), "types 12");
  line.clear();
  assert.equal(screen(writes), "");
  assert.ok(writes.every((text) => !text.includes("\n")));
});

test("where nobody watches nothing is written", (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const writes: string[] = [];
  const line = new ProgressLine(false, (text) => writes.push(text));
  now = 10_000;
  line.update({ phase: "objects", done: 1 });
  line.clear();
  assert.equal(writes.length, 0);
});

test("a step that counts nothing has only its name", () => {
  assert.equal(progressText({ phase: "preparing", done: 0 }), "preparing");
  assert.equal(progressText({ phase: "objects", done: 999_999 }), "objects 999,999");
  assert.equal(progressText({ phase: "\u001b[2J", done: 0 }), "\\x1b[2J");
});
