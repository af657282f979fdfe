import assert from "node:assert/strict";
import { test } from "node:test";
import { explainAddress } from "../../../src/analysis/explain.ts";
import { buildLedger } from "../../../src/analysis/ledger.ts";
import { typeHistogram } from "../../../src/analysis/types.ts";
import { textWidth } from "../../../src/cli/format/layout.ts";
import { safeJson } from "../../../src/cli/format/safe-text.ts";
import { chooseStyle } from "../../../src/cli/format/style.ts";
import { explainJson } from "../../../src/cli/json/explain-json.ts";
import { reportJson } from "../../../src/cli/json/report-json.ts";
import { typesJson } from "../../../src/cli/json/types-json.ts";
import { arenasText } from "../../../src/cli/text/arenas-text.ts";
import { doctorText } from "../../../src/cli/text/doctor-text.ts";
import { explainText } from "../../../src/cli/text/explain-text.ts";
import { heapText } from "../../../src/cli/text/heap-text.ts";
import { listText } from "../../../src/cli/text/list-text.ts";
import { reportText } from "../../../src/cli/text/report-text.ts";
import { typesText } from "../../../src/cli/text/types-text.ts";
import { ADDRESSES, syntheticSnapshot } from "../../support/synthetic-snapshot.ts";

const HOSTILE = [
  "\u001b[2J\u001b]0;owned\u0007",
  "line\nbreak\r\ttab",
  "right\u202eto\u2066left",
  "zero\u200bwidth\ufeff",
  "\u009b31mC1",
  `long.${"name_".repeat(60)}`,
  "x".repeat(400),
  "日本語".repeat(30),
  "z\u0301\u0301\u0301\u0301\u0301",
  "lone\ud800surrogate",
];

const base = syntheticSnapshot({
  types: HOSTILE.map((name, index) => [HOSTILE[(index + 3) % HOSTILE.length], name] as const),
  processName: HOSTILE.join(" "),
  filePath: `/srv/${HOSTILE.join("/")}`,
});
const snapshot = {
  ...base,
  process: {
    ...base.process,
    python: "CPython \u001b[5m3.11",
    commandLine: HOSTILE,
    settings: { cores: 2, environment: { GLIBC_TUNABLES: HOSTILE.join(":") } },
  },
  libraries: HOSTILE,
  problems: HOSTILE.map((text) => ({ kind: text, sentence: text, count: 2, address: 1 })),
};
const ledger = buildLedger(snapshot);
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function everyText(width: number): string[] {
  const style = { ...chooseStyle({ width, colour: false, verbose: true, terminalColumns: undefined, environment: {} }) };
  const ability = HOSTILE.map((text) => ({ ability: text, granted: false, why: text, remedy: text, required: true }));
  const listed = HOSTILE.map((text, index) => ({
    pid: index + 1,
    name: text,
    commandLine: index % 2 === 0 ? [text, text] : [],
    residentBytes: 1e6,
    threads: 1,
    startedSecondsAgo: 1,
    readable: false,
  }));
  const explained = [ADDRESSES.file, ADDRESSES.libraryData, ADDRESSES.arenas + 100, ADDRESSES.heap + 4000].flatMap(
    (address) => {
      const explanation = explainAddress(snapshot, address);
      return explanation ? explainText(snapshot, explanation, style) : [];
    },
  );
  return [
    ...reportText(snapshot, ledger, { depth: 4 }, style),
    ...typesText(snapshot, typeHistogram(snapshot.types, { sort: "name" }), "name", style),
    ...arenasText(snapshot, style),
    ...heapText(snapshot, style),
    ...explained,
    ...doctorText(HOSTILE.join(""), 1, ability, style),
    ...listText(listed, 2, style),
  ];
}

for (const width of [60, 80, 100, 140]) {
  test(`no text of a target acts on a terminal of ${width} columns or leaves its line`, () => {
    const lines = everyText(width);
    assert.ok(lines.length > 200);
    for (const line of lines) {
      assert.doesNotMatch(line, UNSAFE);
      assert.ok(textWidth(line) <= width, `${textWidth(line)} cells: ${line}`);
    }
    // Escaped, not dropped.
    const text = lines.join("").replaceAll(" ", "");
    for (const escaped of ["\\x1b[2J", "\\u202eto", "\\u200bwidth", "\\x9b31mC1", "line\\nbreak\\r\\ttab", "\\ud800"]) {
      assert.ok(text.includes(escaped), escaped);
    }
  });
}

test("JSON carries hostile names unchanged, as escapes", () => {
  const explanation = explainAddress(snapshot, ADDRESSES.file);
  assert.ok(explanation);
  const histogram = typeHistogram(snapshot.types, { sort: "name" });
  for (const answer of [reportJson(snapshot, ledger), typesJson(snapshot, histogram), explainJson(snapshot, explanation)]) {
    const json = safeJson(answer);
    assert.doesNotMatch(json.replaceAll("\n", ""), UNSAFE);
    assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(answer)));
  }
});
