import type { Problem } from "../base/problems.ts";
import { type Result, succeed } from "../base/result.ts";
import { goneFailure, grownFailure, lateFailure, otherProgramFailure, refuse, scanFailure } from "./capture-failures.ts";
import { type CaptureOptions, DEFAULT_MAX_PAUSE_MILLISECONDS, MAX_ATTEMPTS } from "./capture-options.ts";
import { hurry, spareHost } from "./host.ts";
import { identifyProcess } from "./identity.ts";
import { chooseRanges, ImagePreparation, type ReadyImage } from "./image-preparation.ts";
import { loadNative } from "./native.ts";
import { monotonicMilliseconds, sleepMilliseconds } from "./pause/sleep.ts";
import { stopProcess } from "./pause/stop-process.ts";
import { readMaps } from "./proc/maps.ts";
import { errorCode } from "./proc/proc-file.ts";
import { listThreads, threadName } from "./proc/tasks.ts";
import type { ProcessImage } from "./process-image.ts";
import { isSameProgram, type ProgramIdentity, readProgramIdentity } from "./program-identity.ts";
import { ResidencyScanner } from "./residency.ts";
import { copyStopped, type StoppedCopy, type StoppedImage } from "./stopped-copy.ts";

/**
 * Stops a process, copies its private memory and lets it go.
 *
 * Everything that takes time is done before the stop: finding the pages, reserving and touching the memory that they are copied
 * to. Inside the stop mappings and pages are looked at again, since the process ran on, and only then copied.
 *
 * Fails with `no-such-process`, `not-cpython` (a process without memory), `not-permitted`, or `limit` (pause or memory). The
 * target runs on in every case.
 */
export function takeProcessImage(pid: number, options: CaptureOptions): Result<ProcessImage> {
  const identity = identifyProcess(pid);
  if (!identity.ok) return identity;
  spareHost(loadNative());
  const capture = new Capture(pid, options);
  try {
    return capture.run();
  } catch (error) {
    // The files of a process that ends answer so from then on, wherever we are.
    if (errorCode(error) === "ESRCH" || errorCode(error) === "ENOENT") return refuse(goneFailure(pid));
    throw error;
  } finally {
    capture.close();
  }
}

/** What is known and ready when the target is about to be stopped. */
interface Plan {
  readonly program: ProgramIdentity;
  readonly scanner: ResidencyScanner;
  readonly ready: ReadyImage;
  readonly threadNames: ReadonlyMap<number, string>;
}

/** The attempts at one process. */
class Capture {
  private readonly preparation: ImagePreparation;
  private readonly budgetMilliseconds: number;
  private totalPausedMilliseconds = 0;
  private longestMilliseconds = 0;
  private attempts = 0;
  private scanner: ResidencyScanner | undefined;

  constructor(
    private readonly pid: number,
    private readonly options: CaptureOptions,
  ) {
    this.preparation = new ImagePreparation(pid, options, loadNative());
    this.budgetMilliseconds = options.maxPauseMilliseconds ?? DEFAULT_MAX_PAUSE_MILLISECONDS;
  }

  run(): Result<ProcessImage> {
    for (;;) {
      const plan = this.prepare();
      if (!plan.ok) return plan;
      const stop = hurry(loadNative(), () => this.attempt(plan.value));
      switch (stop.kind) {
        case "failed":
          // Such as a thread that was given no processor time, on a busy host.
          if (!stop.failure.transient || !this.mayTryAgain()) return refuse(stop.failure);
          break;
        case "exec":
          if (!this.mayTryAgain()) return refuse(otherProgramFailure(this.pid));
          break;
        case "grown":
          this.preparation.discard();
          if (!this.mayTryAgain()) return refuse(grownFailure(this.pid));
          break;
        case "late":
          return refuse(lateFailure(this.pid, stop.bytes, this.budgetMilliseconds));
        case "taken":
          if (this.options.accept?.(stop.image) !== false) return succeed(this.finish(stop.image, []));
          if (!this.mayTryAgain()) return succeed(this.finish(stop.image, [BUSY]));
          // What it was busy with may take a while: 20, 40, 80, 160 ms.
          sleepMilliseconds(10 * 2 ** this.attempts);
          break;
      }
    }
  }

  close(): void {
    this.scanner?.close();
    this.preparation.close();
  }

  /** Another stop as long as the longest so far must fit into what is left. */
  private mayTryAgain(): boolean {
    return this.attempts < MAX_ATTEMPTS && this.totalPausedMilliseconds + this.longestMilliseconds < this.budgetMilliseconds;
  }

  private prepare(): Result<Plan> {
    this.options.progress?.("preparing");
    const program = readProgramIdentity(this.pid);
    if (!program.ok) return program;
    const { program: expected } = this.options;
    if (expected && !isSameProgram(expected, program.value)) return refuse(otherProgramFailure(this.pid));
    // After the identity: an open page map stays with the program that it was opened on, and the stop compares identities.
    this.scanner?.close();
    const scanner = ResidencyScanner.open(this.pid, loadNative());
    this.scanner = scanner.ok ? scanner.value : undefined;
    if (!scanner.ok) return scanner;
    const mappings = readMaps(this.pid);
    if (!mappings.ok) return mappings;
    const threads = listThreads(this.pid);
    if (!threads.ok) return threads;
    const leftMilliseconds = this.budgetMilliseconds - this.totalPausedMilliseconds;
    const began = monotonicMilliseconds();
    const pages = scanner.value.scan(mappings.value);
    // It is done again inside the stop, and takes as long there.
    if (monotonicMilliseconds() - began > leftMilliseconds) return refuse(scanFailure(this.pid, leftMilliseconds));
    const wanted = chooseRanges(mappings.value, pages, this.options.readSwapped ?? false);
    const ready = this.preparation.prepare(wanted.all, leftMilliseconds);
    if (!ready.ok) return ready;
    const threadNames = new Map(threads.value.map((tid) => [tid, threadName(this.pid, tid)]));
    return succeed({ program: program.value, scanner: scanner.value, ready: ready.value, threadNames });
  }

  /** One stop, from the first request to the last resume. */
  private attempt(plan: Plan): StoppedCopy {
    this.options.progress?.("stopping");
    this.attempts++;
    const began = monotonicMilliseconds();
    const deadline = began + this.budgetMilliseconds - this.totalPausedMilliseconds;
    const stopped = stopProcess(this.pid, {
      deadline: () => deadline - monotonicMilliseconds(),
      allowSigstop: this.options.allowSigstop ?? false,
    });
    if (!stopped.ok) return { kind: "failed", failure: stopped.failure };
    const { requestedAtMilliseconds } = stopped.value;
    let died = false;
    let outcome: StoppedCopy;
    try {
      outcome = copyStopped({
        pid: this.pid,
        ...plan,
        stopped: stopped.value,
        deadline,
        options: this.options,
      });
    } finally {
      died = stopped.value.resume().died;
      const pausedMilliseconds = monotonicMilliseconds() - requestedAtMilliseconds;
      this.totalPausedMilliseconds += pausedMilliseconds;
      this.longestMilliseconds = Math.max(this.longestMilliseconds, pausedMilliseconds);
    }
    this.options.progress?.("resumed");
    // A process that is killed in the stop loses its pages at any moment, so nothing read of it can be trusted.
    return died ? { kind: "failed", failure: goneFailure(this.pid) } : outcome;
  }

  private finish(image: StoppedImage, problems: readonly Problem[]): ProcessImage {
    const pause = {
      ...image.pause,
      pausedMilliseconds: this.longestMilliseconds,
      totalPausedMilliseconds: this.totalPausedMilliseconds,
      attempts: this.attempts,
    };
    return image.withRecord(pause, problems);
  }
}

const BUSY: Problem = {
  kind: "stopped-while-busy",
  sentence: "Every stop fell inside the allocator or a collection; the last one was taken as it is.",
  count: 1,
};
