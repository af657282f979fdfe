/**
 * `npm run bench [-- OBJECTS…]`: how long the target stands still, how long the whole command takes and how much memory it needs, as
 * medians, on heaps of mixed objects (1,000,000 and 10,000,000 unless told) and on scapy's packets where scapy is installed.
 * PYTHON names another interpreter than python3, RUNS another number of runs than 5.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureReport, median, type Run, startReady } from "./measure.ts";
import { rawCopy } from "./raw-copy.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKETS = join(HERE, "../test/support/programs/packets.py");
const PYTHON = process.env.PYTHON ?? "python3";
const RUNS = Number(process.env.RUNS ?? 5);
const PAUSE = ["--max-pause", "10s"];
const MIB = 2 ** 20;
const GIB = 2 ** 30;

interface Heap {
  readonly name: string;
  readonly python: string;
  readonly args: readonly string[];
}

/** Ways to run: with everything, and without the helpers that may be missing. */
const WAYS: readonly {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
}[] = [
  { name: "", env: {}, options: PAUSE },
  { name: ", no koffi", env: { PYSTRATA_NO_NATIVE: "1" }, options: [...PAUSE, "--allow-sigstop"] },
];

const folder = mkdtempSync(join(tmpdir(), "pystrata-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
console.log(
  "| heap | objects | RSS, MiB | pause, ms | ms/GiB | raw copy, ms/GiB | whole command, s | peak memory, × RSS | attributed |",
);
console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (const heap of heaps()) await measureHeap(heap);

function heaps(): readonly Heap[] {
  const counts = process.argv.slice(2).map(Number);
  const made = (counts.length > 0 ? counts : [1e6, 1e7]).map((count) => ({
    name: `mixed, ${count.toLocaleString("en")}`,
    python: PYTHON,
    args: [join(HERE, "heap.py"), String(count)],
  }));
  const distribution = "/usr/bin/python3";
  const hasScapy = spawnSync(distribution, ["-c", "import scapy.all"], { stdio: "ignore" }).status === 0;
  const scapy = { name: "scapy rdpcap, 9,000 packets", python: distribution, args: [PACKETS, join(folder, "packets.pcap")] };
  return hasScapy && counts.length === 0 ? [...made, scapy] : made;
}

async function measureHeap(heap: Heap): Promise<void> {
  const target = await startReady(heap.python, heap.args);
  try {
    for (const way of WAYS) {
      const runs = Array.from({ length: RUNS }, () => measureReport(target.pid, way.options, way.env));
      printRow(heap.name + way.name, runs, target.pid);
    }
  } finally {
    target.kill();
  }
}

function printRow(name: string, runs: readonly Run[], pid: number): void {
  const { process: measured, capture, coverage, types } = runs[0].report;
  const paused = median(runs.map((run) => run.report.capture.pausedMilliseconds));
  const raw = rawCopy(pid);
  const cells = [
    name,
    types.reduce((sum, type) => sum + type.count, 0).toLocaleString("en"),
    (measured.residentBytes / MIB).toFixed(1),
    paused.toFixed(1),
    ((paused * GIB) / capture.bytesCopied).toFixed(0),
    raw === undefined ? "" : ((raw.milliseconds * GIB) / raw.bytes).toFixed(0),
    (median(runs.map((run) => run.wallMilliseconds)) / 1000).toFixed(2),
    (median(runs.map((run) => run.peakBytes)) / measured.residentBytes).toFixed(2),
    `${((100 * coverage.attributedBytes) / measured.residentBytes).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
