import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pythons } from "../test/support/pythons.ts";

const HEAPS = fileURLToPath(new URL("heaps/", import.meta.url));
/** About 460 MB of small objects that refer to each other. */
const PACKETS = 70_000;

/** A program to measure; `python` is undefined where it is absent, and `name` says so. */
export interface Heap {
  readonly name: string;
  readonly python: string | undefined;
  readonly args: readonly string[];
}

export interface Target {
  readonly pid: number;
  readonly kill: () => void;
}

/**
 * Heaps of mixed objects on the newest Python found and on the distribution's, and scapy's packets as a real program.
 * @param counts objects of the mixed heaps
 */
export function heapsToMeasure(counts: readonly number[], withPackets: boolean, folder: string): readonly Heap[] {
  const distribution = pythons().find((python) => python.distribution);
  const newest = pythons().reduce((best, python) => (python.minor > best.minor ? python : best));
  const mixed = [...new Set([newest, distribution ?? newest])].flatMap((python) =>
    counts.map((count) => ({
      name: `${shortCount(count)} mixed objects, Python ${python.version}`,
      python: python.path,
      args: [join(HEAPS, "mixed.py"), String(count)],
    })),
  );
  if (!withPackets) return mixed;
  const scapy = spawnSync("/usr/bin/python3", ["-c", "import scapy.all"], { stdio: "ignore" }).status === 0;
  const packets = {
    name: `scapy rdpcap, ${PACKETS.toLocaleString("en")} packets${scapy ? "" : ": skipped, no scapy"}`,
    python: scapy ? "/usr/bin/python3" : undefined,
    args: [join(HEAPS, "packets.py"), String(PACKETS), join(folder, "packets.pcap")],
  };
  return [...mixed, packets];
}

function shortCount(count: number): string {
  return count >= 1e6 ? `${count / 1e6} M` : count.toLocaleString("en");
}

/** Starts a Python that prints a line when it is ready. */
export async function startTarget(python: string, args: readonly string[]): Promise<Target> {
  const child: ChildProcess = spawn(python, args, { stdio: ["pipe", "pipe", "inherit"] });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  if (child.stdout && child.pid !== undefined) {
    for await (const _line of createInterface(child.stdout)) return { pid: child.pid, kill };
  }
  throw new Error(`${python} ${args.join(" ")} ended before it was ready`);
}
