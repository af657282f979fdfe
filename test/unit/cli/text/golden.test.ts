import { test } from "node:test";
import { explainAddress } from "../../../../src/analysis/explain.ts";
import { buildLedger } from "../../../../src/analysis/ledger.ts";
import { typeHistogram } from "../../../../src/analysis/types.ts";
import { chooseStyle, type Style } from "../../../../src/cli/format/style.ts";
import { arenasText } from "../../../../src/cli/text/arenas-text.ts";
import { doctorText } from "../../../../src/cli/text/doctor-text.ts";
import { explainText } from "../../../../src/cli/text/explain-text.ts";
import { heapText } from "../../../../src/cli/text/heap-text.ts";
import { listText } from "../../../../src/cli/text/list-text.ts";
import { reportText } from "../../../../src/cli/text/report-text.ts";
import { typesText } from "../../../../src/cli/text/types-text.ts";
import { assertGolden } from "../../../support/golden.ts";

import { ADDRESSES, POOL_HEADER_BYTES, syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

const snapshot = syntheticSnapshot();
const ledger = buildLedger(snapshot);
const inSecondBlock = ADDRESSES.arenas + POOL_HEADER_BYTES + 20;

const VERBS: Readonly<Record<string, (style: Style) => readonly string[]>> = {
  report: (style) => reportText(snapshot, ledger, { depth: 1 }, style),
  "report-depth-2": (style) => reportText(snapshot, ledger, { depth: 2 }, style),
  types: (style) => typesText(snapshot, typeHistogram(snapshot.types, { sort: "resident", limit: 4 }), "resident", style),
  "types-filtered": (style) => {
    const histogram = typeHistogram(snapshot.types, { sort: "owned", matches: (name) => name.includes("parley") });
    return typesText(snapshot, histogram, "owned", style);
  },
  arenas: (style) => arenasText(snapshot, style),
  heap: (style) => heapText(snapshot, style),
  explain: (style) => {
    const explanation = explainAddress(snapshot, inSecondBlock);
    if (!explanation) throw new Error("the block is mapped");
    return explainText(snapshot, explanation, style);
  },
  doctor: (style) =>
    doctorText(
      "im-gateway",
      41207,
      [
        { ability: "read its memory", granted: true, why: "we are root", required: true },
        {
          ability: "stop it by ptrace",
          granted: false,
          why: "kernel.yama.ptrace_scope is 1 and we are not its parent",
          remedy: "Run with sudo, or let the process call prctl(PR_SET_PTRACER).",
          required: false,
        },
      ],
      style,
    ),
  list: (style) =>
    listText(
      [
        {
          pid: 41207,
          name: "gateway.py",
          commandLine: ["/usr/bin/python3.11", "/srv/parley/a/rather/long/path/to/the/gateway.py"],
          residentBytes: 1_713_583_718,
          threads: 38,
          startedSecondsAgo: 273_600,
          readable: true,
        },
        {
          pid: 7,
          name: "celery",
          commandLine: [],
          residentBytes: 9_000_000,
          threads: 2,
          startedSecondsAgo: 61,
          readable: false,
        },
      ],
      3,
      style,
    ),
};

const plain = (width: number, extra: Partial<Style> = {}): Style => ({
  ...chooseStyle({ width, colour: false, verbose: false, terminalColumns: undefined, environment: {} }),
  ...extra,
});

for (const [verb, render] of Object.entries(VERBS)) {
  for (const width of [100, 80, 60]) {
    test(`${verb} at ${width} columns`, () => assertGolden(`${verb}-${width}.txt`, `${render(plain(width)).join("\n")}\n`));
  }
  test(`${verb} in colour`, () => {
    assertGolden(`${verb}-100.colour.txt`, `${render(plain(100, { colour: true })).join("\n")}\n`);
  });
}

test("report on a dumb terminal, with notes", () => {
  const { glyphs } = chooseStyle({ colour: false, verbose: true, terminalColumns: 80, environment: { TERM: "dumb" } });
  const noted = {
    ...snapshot,
    problems: [{ kind: "pool-header", sentence: "A pool's header is broken.", count: 3, address: 0x7f00 }],
  };
  assertGolden(
    "report-dumb-80.txt",
    `${reportText(noted, ledger, { depth: 1 }, plain(80, { glyphs, verbose: true })).join("\n")}\n`,
  );
});
