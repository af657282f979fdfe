import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseStyle } from "../../../../src/cli/format/style.ts";
import { reportText } from "../../../../src/cli/text/report-text.ts";
import { picturedLedger, picturedSnapshot } from "../../../support/pictured-report.ts";

/** Heading and ledger of the design's report, character by character. */
const LEDGER_100 = `im-gateway  pid 41207, CPython 3.11.7, glibc 2.36, 38 threads, up 3 d 4 h
1,634.2 MiB resident  placed 99.9 %, attributed 98.9 %, unexplained 1.6 MiB

Objects                           726.2  44.4 %  ██████████████████████
pymalloc, free                    189.7  11.6 %                        ░░░░░░
pymalloc, overhead                 16.3   1.0 %                              ▒
malloc, free                      436.6  26.7 %                               ░░░░░░░░░░░░░
malloc, native                     46.7   2.9 %                                            █
malloc, cached, top, overhead      25.8   1.6 %                                             ▒
libraries                          78.9   4.8 %                                              ███
mapped files                       64.0   3.9 %                                                 █
stacks, other, shared memory       48.4   3.0 %                                                  ██
unexplained                         1.6   0.1 %                                                   ╳
Resident                        1,634.2 100.0 %  ──────────────────────────────────────────────────`;

const LEDGER_80 = `im-gateway  pid 41207, CPython 3.11.7, glibc 2.36, up 3 d 4 h
1,634.2 MiB resident  placed 99.9 %, attributed 98.9 %, unexplained 1.6 MiB

Objects                           726.2  44.4 %  █████████████
pymalloc, free                    189.7  11.6 %               ░░░░
pymalloc, overhead                 16.3   1.0 %                   ▏
malloc, free                      436.6  26.7 %                   ░░░░░░░░
malloc, native                     46.7   2.9 %                           █
malloc, cached, top, overhead      25.8   1.6 %                            ▏
libraries                          78.9   4.8 %                            ██
mapped files                       64.0   3.9 %                              █
stacks, other, shared memory       48.4   3.0 %                               █
unexplained                         1.6   0.1 %                               ╳
Resident                        1,634.2 100.0 %  ──────────────────────────────`;

const TYPE_FIGURES = [
  ["  dict                            175.4  24.2 %", "402,118"],
  ["  Message  parley.proto           118.9  16.4 %", "1,298,704"],
  ["  str                             103.0  14.2 %", "1,604,118"],
  ["  bytes                            90.8  12.5 %", "81,902"],
  ["  _SSLSocket  _ssl                 72.2   9.9 %", "12,406"],
  ["  2,131 more                      165.9  22.8 %", "1,453,679"],
] as const;

function pictured(width: number, colour = false): string[] {
  const style = chooseStyle({ width, colour, verbose: false, terminalColumns: colour ? width : undefined, environment: {} });
  return reportText(picturedSnapshot(), picturedLedger(), { depth: 1 }, style);
}

test("the ledger is drawn as designed at 100 columns", () => assert.equal(pictured(100).slice(0, 14).join("\n"), LEDGER_100));

test("the ledger is drawn as designed at 80 columns", () => assert.equal(pictured(80).slice(0, 14).join("\n"), LEDGER_80));

test("the largest types have the designed figures in the designed columns", () => {
  for (const [width, countEnds] of [
    [100, 78],
    [80, 70],
  ] as const) {
    const lines = pictured(width);
    const first = lines.indexOf("Largest types  share of 726.2, count") + 1;
    for (const [index, [start, count]] of TYPE_FIGURES.entries()) {
      const line = lines[first + index];
      assert.ok(line.startsWith(start), line);
      assert.ok(line.endsWith(` ${count}`), line);
      assert.equal(line.length, countEnds, line);
    }
  }
});

test("the closing line states the cost, and the assurance where it fits", () => {
  assert.ok(pictured(100).includes("Paused 312 ms, copied 1,488.2 MiB, consistent. Nothing was written into the process."));
  assert.ok(pictured(80).includes("Paused 312 ms, copied 1,488.2 MiB, consistent."));
});

test("strata have their colours, notes are dim, headings bold", () => {
  const lines = pictured(100, true);
  assert.equal(lines[0], "\u001b[1mim-gateway\u001b[0m  pid 41207, CPython 3.11.7, glibc 2.36, 38 threads, up 3 d 4 h");
  assert.equal(
    lines[3],
    `Objects                           726.2\u001b[2m  44.4 %\u001b[0m  \u001b[38;5;72m${"█".repeat(22)}\u001b[0m`,
  );
  assert.match(lines[4], /38;5;173m +░{6}/);
  assert.match(lines[6], /38;5;179m +░{13}/);
  assert.match(lines[9], /38;5;110m +███/);
  assert.match(lines[12], /38;5;245m +╳/);
  assert.match(lines[13], /^\u001b\[1mResident\u001b\[0m {24}\u001b\[1m1,634\.2\u001b\[0m\u001b\[2m 100\.0 %/);
});
