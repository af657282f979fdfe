import { statSync } from "node:fs";
import { join } from "node:path";
import { dominatorTree } from "../src/graph/dominators.ts";
import { retainedSizes } from "../src/graph/retained.ts";
import { queuePlusIndex } from "../test/support/shaped-graphs.ts";
import { PAUSE, runCommand, runPhases, runReport, WAYS } from "./measure.ts";
import { median } from "./rows.ts";

/** Figures of one heap whose references were captured: medians. */
export interface GraphRow {
  readonly heap: string;
  readonly objects: number;
  readonly references: number;
  readonly residentBytes: number;
  /** From the first look at the live process until the retained size of every object is known. */
  readonly milliseconds: number;
  /** The parts of it: everything up to the last copied byte, decoding with references, graph with dominators and retained sizes. */
  readonly copyMilliseconds: number;
  readonly decodeMilliseconds: number;
  readonly graphMilliseconds: number;
  /** Of the built command `retained PID`. */
  readonly commandMilliseconds: number;
  readonly peakBytes: number;
  /** Size of the snapshot file, mapped and archive form. */
  readonly mappedBytes: number;
  readonly archiveBytes: number;
  /** The built command `report FILE` on the mapped form, from start to exit. */
  readonly firstAnswerMilliseconds: number;
}

const [EVERYTHING] = WAYS;
const COPY_PHASES = ["locate", "copy"];
const GRAPH_PHASES = ["graph", "dominators", "retained"];

/** Captures with references and commands by turns, then files. */
export function measureGraphRow(heap: string, pid: number, runs: number, folder: string): GraphRow {
  const output = join(folder, "retained.json");
  const captures: ReturnType<typeof runPhases>[] = [];
  const commands: ReturnType<typeof runCommand>[] = [];
  for (let run = 0; run < runs; run++) {
    captures.push(runPhases(pid, EVERYTHING, true));
    commands.push(runCommand(["retained", String(pid), ...PAUSE], EVERYTHING, output));
  }
  const medianOf = (chosen: (phase: string) => boolean): number =>
    median(
      captures.map(({ phases }) =>
        sum(
          Object.keys(phases)
            .filter(chosen)
            .map((phase) => phases[phase]),
        ),
      ),
    );
  const { objects, references } = captures[0];
  return {
    heap,
    objects,
    references,
    residentBytes: runReport(pid, EVERYTHING, folder).report.process.residentBytes,
    milliseconds: medianOf(() => true),
    copyMilliseconds: medianOf((phase) => COPY_PHASES.includes(phase)),
    decodeMilliseconds: medianOf((phase) => !COPY_PHASES.includes(phase) && !GRAPH_PHASES.includes(phase)),
    graphMilliseconds: medianOf((phase) => GRAPH_PHASES.includes(phase)),
    commandMilliseconds: median(commands.map(({ wallMilliseconds }) => wallMilliseconds)),
    peakBytes: median(commands.map(({ peakBytes }) => peakBytes)),
    ...measureFiles(pid, runs, folder),
  };
}

function measureFiles(
  pid: number,
  runs: number,
  folder: string,
): Pick<GraphRow, "mappedBytes" | "archiveBytes" | "firstAnswerMilliseconds"> {
  const output = join(folder, "answer.json");
  const mapped = join(folder, "mapped.strata");
  const archive = join(folder, "archive.strata");
  const save = ["snapshot", String(pid), ...PAUSE, "--force"];
  runCommand([...save, "-o", mapped], EVERYTHING, output);
  runCommand([...save, "-o", archive, "--archive"], EVERYTHING, output);
  const answers = Array.from({ length: runs }, () => runCommand(["report", mapped], EVERYTHING, output));
  return {
    mappedBytes: statSync(mapped).size,
    archiveBytes: statSync(archive).size,
    firstAnswerMilliseconds: median(answers.map(({ wallMilliseconds }) => wallMilliseconds)),
  };
}

/** Milliseconds for dominators and retained sizes of the graph that makes simpler algorithms quadratic. */
export function measureQueueAndIndex(nodes: number, runs: number): number {
  const graph = queuePlusIndex(nodes);
  const sizes = new Float64Array(graph.nodes).fill(64);
  const times = Array.from({ length: runs }, () => {
    const began = performance.now();
    retainedSizes(dominatorTree(graph, Uint32Array.of(0)), sizes);
    return performance.now() - began;
  });
  return median(times);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
