/** What a snapshot says about process, capture, interpreters and threads. */
import { cpus } from "node:os";
import type { CaptureFacts, InterpreterFacts, ProcessFacts, ThreadFacts } from "../snapshot/tables.ts";
import type { PythonRuntime } from "../strata/cpython/locate/python-runtime.ts";
import type { DecodedObjects } from "../strata/cpython/objects/decode-objects.ts";
import type { FreeList } from "../strata/cpython/runtime/free-lists.ts";
import { readGcState } from "../strata/cpython/runtime/gc.ts";
import type { InternedStrings } from "../strata/cpython/runtime/interned.ts";
import type { PythonThread } from "../strata/cpython/runtime/threads.ts";
import type { ProcessIdentity } from "../target/identity.ts";
import type { ProcessImage } from "../target/process-image.ts";

/** @param allocator such as "glibc 2.36", undefined when none was recognised */
export function processFacts(
  taken: ProcessImage,
  identity: ProcessIdentity,
  runtime: PythonRuntime | undefined,
  allocator: string | undefined,
): ProcessFacts {
  const { totals } = taken;
  return {
    pid: taken.pid,
    commandLine: identity.commandLine,
    name: identity.name,
    python: runtime && `CPython ${runtime.version.text}`,
    allocator,
    startedSecondsAgo: identity.startedSecondsAgo,
    residentBytes: totals.residentBytes,
    peakResidentBytes: totals.peakResidentBytes,
    virtualBytes: totals.virtualBytes,
    proportionalBytes: totals.proportionalBytes,
    uniqueBytes: totals.uniqueBytes,
    swappedBytes: totals.swappedBytes,
    hugetlbBytes: totals.hugetlbBytes,
    pageTableBytes: totals.pageTableBytes,
    anonymousHugeBytes: totals.anonymousHugeBytes,
    minorFaults: totals.minorFaults,
    majorFaults: totals.majorFaults,
    threads: taken.threads.length,
    settings: { cores: cpus().length, environment: identity.environment },
  };
}

/** @param partial when references were left out for want of room */
export function captureFacts({ pause }: ProcessImage, consistent: boolean, partial: boolean): CaptureFacts {
  return {
    takenAt: new Date().toISOString(),
    pausedMilliseconds: pause.pausedMilliseconds,
    totalPausedMilliseconds: pause.totalPausedMilliseconds,
    bytesCopied: pause.bytesCopied,
    attempts: pause.attempts,
    consistent,
    complete: pause.swappedBytesNotRead === 0 && pause.unreadPages === 0 && !partial,
    swappedBytesNotRead: pause.swappedBytesNotRead,
    method: pause.method,
    reader: pause.reader,
  };
}

export function interpreterFacts(
  runtime: PythonRuntime,
  { image }: ProcessImage,
  objects: DecodedObjects,
  freeLists: readonly FreeList[],
  interned: readonly InternedStrings[],
): InterpreterFacts[] {
  return runtime.interpreters.map(({ address, id, gc }, index) => {
    const state = readGcState(image, runtime.layout, gc);
    const lists = objects.generations[index];
    return {
      address,
      id,
      collecting: state.collecting ?? false,
      enabled: state.enabled ?? true,
      generations: state.generations.map(({ threshold, count }, generation) => ({
        threshold,
        count,
        objects: lists[generation] ?? 0,
      })),
      permanentObjects: lists[3] ?? 0,
      internedStrings: interned.find(({ interpreter }) => interpreter === index)?.strings,
      freeLists: Object.fromEntries(
        freeLists.filter(({ interpreter }) => interpreter === index).map(({ name, addresses }) => [name, addresses.length]),
      ),
    };
  });
}

export function threadFacts(taken: ProcessImage, threads: readonly PythonThread[]): ThreadFacts[] {
  const known = new Map(threads.filter((thread) => thread.tid !== undefined).map((thread) => [thread.tid, thread]));
  return taken.threads.map(({ tid, name }) => {
    const thread = known.get(tid);
    return {
      tid,
      name,
      interpreter: thread?.interpreter ?? -1,
      frames: (thread?.frames ?? []).map((frame) => ({
        function: frame.qualifiedName ?? frame.function,
        file: frame.file,
        line: frame.line,
      })),
    };
  });
}
