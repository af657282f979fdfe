import { runPhases, runReport, type Way } from "./measure.ts";
import { rawCopy } from "./raw-copy.ts";

/** Figures of one heap, taken one way: medians, except as noted. */
export interface Row {
  readonly heap: string;
  readonly way: string;
  readonly objects: number;
  readonly residentBytes: number;
  readonly bytesCopied: number;
  readonly pausedMilliseconds: number;
  /** One thread's raw process_vm_readv of as many bytes into touched memory, in the same run; undefined without native calls. */
  readonly rawCopyMilliseconds: number | undefined;
  /** Objects found and sized each second, by the kernels' time alone. */
  readonly objectsPerSecond: number;
  readonly commandMilliseconds: number;
  /** Largest minus smallest command time, as a share of the median: the noise. */
  readonly spread: number;
  readonly commandCpuMilliseconds: number;
  readonly peakBytes: number;
  readonly attributedShare: number;
}

/** Runs of the command, raw copies and captures by turns, after one run to warm file caches up. */
export function measureRow(heap: string, pid: number, way: Way, runs: number, folder: string): Row {
  const { process: target, coverage, types } = runReport(pid, way, folder).report;
  const commands: ReturnType<typeof runReport>[] = [];
  const rawMilliseconds: number[] = [];
  const kernelMilliseconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    commands.push(runReport(pid, way, folder));
    const raw = rawCopy(pid);
    if (raw) rawMilliseconds.push((raw.milliseconds / raw.bytes) * commands[run].report.capture.bytesCopied);
    const { phases } = runPhases(pid, way, false);
    kernelMilliseconds.push(phases.classify + phases.decode);
  }
  const objects = types.reduce((sum, type) => sum + type.count, 0);
  const walls = commands.map((run) => run.wallMilliseconds);
  return {
    heap,
    way: way.name,
    objects,
    residentBytes: target.residentBytes,
    bytesCopied: median(commands.map((run) => run.report.capture.bytesCopied)),
    pausedMilliseconds: median(commands.map((run) => run.report.capture.pausedMilliseconds)),
    rawCopyMilliseconds: rawMilliseconds.length > 0 ? median(rawMilliseconds) : undefined,
    objectsPerSecond: (objects / median(kernelMilliseconds)) * 1000,
    commandMilliseconds: median(walls),
    spread: (Math.max(...walls) - Math.min(...walls)) / median(walls),
    commandCpuMilliseconds: median(commands.map((run) => run.cpuMilliseconds)),
    peakBytes: median(commands.map((run) => run.peakBytes)),
    attributedShare: coverage.attributedBytes / target.residentBytes,
  };
}

/** The upper one of the middle two where there are two. */
export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)];
}
